//! Which source set each field of a merged configuration.

use serde_json::Value as Json;

use super::yaml::{Node, Place, Value};

/// What is shown in the place of a secret.
const MASK: &str = "***";

/// One field that was set.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Its path, such as `spec.kubelet.flags[0]`.
    pub field: String,
    /// Its value; a secret is masked.
    pub value: Json,
    /// Every place that the value comes from, the deciding one last.
    pub places: Vec<Place>,
}

/// The fields of a merged tree in their order, without `apiVersion`, `kind` and `metadata`. `sources` are the trees that
/// were merged; they tell all places of what was put together from several.
pub fn explain(merged: &Node, sources: &[&Node]) -> Vec<Setting> {
    let mut settings = Vec::new();
    if let Some(spec) = merged.get("spec") {
        collect(spec, &mut vec!["spec".to_owned()], sources, &mut settings);
    }
    settings
}

fn collect(node: &Node, path: &mut Vec<String>, sources: &[&Node], settings: &mut Vec<Setting>) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                path.push(entry.key.clone());
                collect(&entry.node, path, sources, settings);
                path.pop();
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                path.push(format!("[{index}]"));
                collect(item, path, sources, settings);
                path.pop();
            }
        }
        _ => settings.push(Setting {
            field: super::problem::field(path),
            value: shown(node, path),
            places: places(node, path, sources),
        }),
    }
}

fn shown(node: &Node, path: &[String]) -> Json {
    let is_environment = path
        .get(..3)
        .is_some_and(|start| start == ["spec", "instance", "environment"]);
    if is_environment || path.iter().any(|key| super::excerpt::is_secret(key)) {
        return MASK.into();
    }
    match &node.value {
        Value::Text(text) => super::excerpt::without_secrets(text).into(),
        _ => node.to_json(),
    }
}

/// TOML of several sources is put together; everything else is from one place.
fn places(node: &Node, path: &[String], sources: &[&Node]) -> Vec<Place> {
    if path != ["spec", "containerd", "config"] {
        return vec![node.place];
    }
    let places: Vec<Place> = sources
        .iter()
        .filter_map(|source| source.at(path))
        .filter(|node| node.text().is_some_and(|text| !text.is_empty()))
        .map(|node| node.place)
        .collect();
    if places.is_empty() {
        return vec![node.place];
    }
    places
}

#[cfg(test)]
mod tests {
    use super::super::{merge, yaml};
    use super::*;

    #[test]
    fn each_field_has_its_value_and_the_place_that_set_it() {
        let parse = |text: &str, document| yaml::parse(text, document).unwrap().root;
        let first = parse(
            "spec:\n  cluster: {name: a, cidr: b}\n  containerd: {config: 'a = 1'}\n  instance: {environment: {default: {PROXY: hunter2}}}\n",
            0,
        );
        let second = parse(
            "spec:\n  cluster: {name: c}\n  containerd: {config: 'b = 2'}\n  kubelet: {config: {staticPodURLHeader: {}, clientSecret: [hunter2]}, flags: [--token=hunter2]}\n",
            1,
        );
        let merged = merge::merge([&first, &second]).unwrap();
        let settings = explain(&merged, &[&first, &second]);
        let told: Vec<String> = settings
            .iter()
            .map(|setting| {
                let places: Vec<String> = setting
                    .places
                    .iter()
                    .map(|place| format!("{}:{}:{}", place.document, place.line, place.column))
                    .collect();
                format!(
                    "{} = {} from {}",
                    setting.field,
                    setting.value,
                    places.join(" ")
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "spec.cluster.name = \"c\" from 1:2:19",
                "spec.cluster.cidr = \"b\" from 0:2:28",
                "spec.containerd.config = \"a = 1\\nb = 2\\n\" from 0:3:24 1:3:24",
                "spec.instance.environment.default.PROXY = \"***\" from 0:4:45",
                "spec.kubelet.config.staticPodURLHeader = {} from 1:4:42",
                "spec.kubelet.config.clientSecret[0] = \"***\" from 1:4:61",
                "spec.kubelet.flags[0] = \"--token= ***\" from 1:4:80",
            ]
        );
    }
}
