//! User data of a launch template: a MIME message that cloud-init, nodeadm and the agent read, each its own parts.

use node::config::{agent_config, node_config, write};
use node::wire::API_VERSION;
use serde_json::{Value, json};

use super::node_config::node_config;
use super::scope::Scope;
use crate::resource::Text;
use crate::spec::{NodeGroup, UserDataPart};

/// Stands between the parts. It never changes, so that the same parts are the same user data.
const BOUNDARY: &str = "==nodectl-user-data==";

/// User data of a group: the user's own parts, then the NodeConfig, then the AgentConfig; none when there is nothing to say.
pub(super) fn user_data(scope: &Scope<'_>, group: &NodeGroup) -> Option<Text> {
    let mut parts: Vec<(String, Text)> = group
        .user_data
        .iter()
        .map(|part| (part.content_type.clone(), content(scope, part).into()))
        .collect();
    if let Some(text) = node_config(scope, group) {
        parts.push((node_config::MEDIA_TYPE.to_owned(), text));
    }
    if let Some(text) = agent_config(group) {
        parts.push((agent_config::MEDIA_TYPE.to_owned(), text.into()));
    }
    (!parts.is_empty()).then(|| message(parts))
}

/// The text of a part of the user's own, from the document or from a file.
fn content<'a>(scope: &Scope<'a>, part: &'a UserDataPart) -> &'a str {
    match (&part.content, &part.file) {
        (Some(content), _) => content,
        (None, Some(file)) => scope.file(file),
        (None, None) => "",
    }
}

/// The AgentConfig; a group that Systems Manager may not manage has agents that do not miss it.
fn agent_config(group: &NodeGroup) -> Option<String> {
    let mut spec = group.agent_config.clone().unwrap_or_else(|| json!({}));
    if let Value::Object(spec) = &mut spec
        && !group.ssm
    {
        spec.entry("ssm")
            .or_insert_with(|| json!({ "enabled": false }));
    }
    if spec.as_object().is_some_and(serde_json::Map::is_empty) {
        return None;
    }
    let document = json!({
        "apiVersion": API_VERSION,
        "kind": agent_config::KIND,
        "spec": spec,
    });
    Some(write::yaml(&document).unwrap_or_default())
}

/// RFC 2046, section 5.1.
fn message(parts: Vec<(String, Text)>) -> Text {
    let boundary = boundary(&parts);
    let mut texts: Vec<Text> = vec![
        format!("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{boundary}\"\n")
            .into(),
    ];
    for (content_type, text) in parts {
        let ends_line = last_known(&text).is_none_or(|known| known.ends_with('\n'));
        texts.push(format!("\n--{boundary}\nContent-Type: {content_type}\n\n").into());
        texts.push(text);
        if !ends_line {
            texts.push("\n".into());
        }
    }
    texts.push(format!("\n--{boundary}--\n").into());
    Text::join(texts)
}

/// One that no part holds.
fn boundary(parts: &[(String, Text)]) -> String {
    let mut boundary = BOUNDARY.to_owned();
    while parts
        .iter()
        .any(|(_, text)| text.known().is_some_and(|text| text.contains(&boundary)))
    {
        boundary.push('=');
    }
    boundary
}

fn last_known(text: &Text) -> Option<&str> {
    match text {
        Text::Join { parts } => parts.last().and_then(Text::known),
        text => text.known(),
    }
}
