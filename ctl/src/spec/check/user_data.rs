//! What a node group gives its nodes to read at boot: parts of its own, the kubelet's settings and those of the agent.

use node::config::agent_config::{self, AgentConfig, AgentConfigSpec};
use node::config::check;
use node::config::node_config::{self, Kubelet};
use node::config::yaml::{Entry, Node, Value};

use super::{Files, Path, Report, did_you_mean};
use crate::spec::{NodeGroup, UserDataPart};

/// The most bytes of user data: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html>.
const MOST_BYTES: usize = 16 * 1024;
/// Media types that cloud-init knows: <https://docs.cloud-init.io/en/latest/explanation/format/mime.html>.
const MEDIA_TYPES: [&str; 6] = [
    "text/cloud-boothook",
    "text/cloud-config",
    "text/cloud-config-archive",
    "text/jinja2",
    "text/x-include-url",
    "text/x-shellscript",
];

pub(super) fn check(group: &NodeGroup, files: &Files, path: &Path, report: &mut Report<'_>) {
    let parts = path.key("userData");
    for (index, part) in group.user_data.iter().enumerate() {
        check_part(part, files, &parts.item(index), report);
    }
    check_size(group, files, &parts, report);
    check_kubelet(group, &path.key("kubelet"), report);
    check_agent(&path.key("agentConfig"), report);
}

/// The text of a part, where it is said or could be read.
fn text<'a>(part: &'a UserDataPart, files: &'a Files) -> Option<&'a str> {
    match (&part.content, &part.file) {
        (Some(content), _) => Some(content),
        (None, Some(file)) => files.get(file)?.as_deref().ok(),
        (None, None) => None,
    }
}

fn check_size(group: &NodeGroup, files: &Files, path: &Path, report: &mut Report<'_>) {
    let size = |part| text(part, files).map_or(0, str::len);
    let bytes: usize = group.user_data.iter().map(size).sum();
    if bytes <= MOST_BYTES {
        return;
    }
    let of_files: Vec<String> = group
        .user_data
        .iter()
        .filter(|part| part.content.is_none())
        .filter_map(|part| Some(format!("{} of `{}`", size(part), part.file.as_ref()?)))
        .collect();
    let of_files = match of_files.as_slice() {
        [] => String::new(),
        files => format!(" ({})", files.join(", ")),
    };
    report.error(
        path,
        format!(
            "has {bytes} bytes{of_files}, and user data has at most {MOST_BYTES}, ours included"
        ),
        "let a short script fetch the rest",
    );
}

fn check_part(part: &UserDataPart, files: &Files, path: &Path, report: &mut Report<'_>) {
    match (&part.content, &part.file) {
        (None, None) => report.error(path, "has neither `content` nor `file`", ""),
        (Some(_), Some(_)) => report.error(
            &path.key("file"),
            "is the text of a part that has `content` already",
            "leave one of them out",
        ),
        _ => {}
    }
    let path_of_type = path.key("contentType");
    match part.content_type.as_str() {
        node_config::MEDIA_TYPE => report.error(
            &path_of_type,
            "is that of a NodeConfig, which nodectl writes",
            "write what is in it as `kubelet` and `maxPods`",
        ),
        agent_config::MEDIA_TYPE => report.error(
            &path_of_type,
            "is that of an AgentConfig, which nodectl writes",
            "write its `spec` as `agentConfig`",
        ),
        // A part without one is told already.
        "" => {}
        known if MEDIA_TYPES.contains(&known) => {}
        other => report.error(
            &path_of_type,
            format!(
                "`{}` is not a media type that cloud-init knows",
                other.escape_debug()
            ),
            did_you_mean(other, &MEDIA_TYPES),
        ),
    }
    if let (None, Some(file)) = (&part.content, &part.file)
        && let Some(Err(why)) = files.get(file)
    {
        report.error(
            &path.key("file"),
            format!("names `{file}`, which cannot be read: {why}"),
            "",
        );
    }
    if part.content_type == "text/x-shellscript"
        && text(part, files).is_some_and(|text| !text.starts_with("#!"))
    {
        const NOBODY: &str = "does not say who runs it, so cloud-init does not";
        let (key, detail) = match (&part.content, &part.file) {
            (None, Some(file)) => ("file", format!("names `{file}`, a script that {NOBODY}")),
            _ => ("content", format!("is a script that {NOBODY}")),
        };
        report.error(&path.key(key), detail, "begin it with `#!/bin/bash`");
    }
}

/// The settings of the kubelet, asked as those of a NodeConfig.
fn check_kubelet(group: &NodeGroup, path: &Path, report: &mut Report<'_>) {
    let config = match &group.kubelet.config {
        Some(serde_json::Value::Object(config)) => config.clone(),
        _ => serde_json::Map::new(),
    };
    let settings = Kubelet {
        config,
        flags: group.kubelet.flags.clone(),
        max_pods_expression: String::new(),
    };
    report.adopt(check::kubelet_settings(&settings), 2, path);
    if group.max_pods.is_some() && settings.config.contains_key("maxPods") {
        report.error(
            &path.key("config").key("maxPods"),
            "says what `maxPods` of the node group says",
            "leave one of them out",
        );
    }
}

/// The settings of the agent, asked as those of an AgentConfig.
fn check_agent(path: &Path, report: &mut Report<'_>) {
    let Some(settings) = report.node(path) else {
        return;
    };
    let Ok(spec) = serde_json::from_value::<AgentConfigSpec>(settings.to_json()) else {
        // What does not fit the definition is told already.
        return;
    };
    let document = Node {
        value: Value::Map(vec![Entry {
            key: "spec".to_owned(),
            place: settings.place,
            node: settings.clone(),
        }]),
        place: settings.place,
    };
    let agent = AgentConfig::default().with_spec(&spec);
    report.adopt(check::agent(&agent, &document, &[]), 1, path);
}
