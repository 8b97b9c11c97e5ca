//! Several sources to one NodeConfig: a later source wins, as nodeadm merges them.
//!
//! Scalars: the later non-empty value. Maps: key by key. Lists: replaced, except `spec.kubelet.flags`, which are appended.
//! `spec.containerd.config` is TOML on both sides and merged table by table.

use serde_json::{Map, Value};

use super::NodeConfig;

/// Why sources do not merge.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `spec.containerd.config` is not TOML.
    #[error("`spec.containerd.config` is not TOML: {detail}")]
    Toml {
        /// What the parser says, without the input.
        detail: String,
    },
    /// The merged tree is no NodeConfig; each source alone was one.
    #[error("the merged NodeConfig")]
    Shape {
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

/// Folds the trees of NodeConfig documents, in their order, into one.
pub fn merge<'a>(trees: impl IntoIterator<Item = &'a Value>) -> Result<NodeConfig, Error> {
    let mut merged = Value::Object(Map::new());
    for tree in trees {
        merge_value(&mut merged, tree, &mut Vec::new())?;
    }
    serde_json::from_value(merged).map_err(|source| Error::Shape { source })
}

fn merge_value<'a>(
    base: &mut Value,
    over: &'a Value,
    path: &mut Vec<&'a str>,
) -> Result<(), Error> {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over.iter().filter(|(_, value)| !value.is_null()) {
                path.push(key);
                match base.get_mut(key) {
                    Some(known) => merge_value(known, value, path)?,
                    None => {
                        base.insert(key.clone(), value.clone());
                    }
                }
                path.pop();
            }
        }
        (Value::Array(base), Value::Array(over))
            if path.as_slice() == ["spec", "kubelet", "flags"] =>
        {
            base.extend(over.iter().cloned());
        }
        (Value::String(base), Value::String(over))
            if path.as_slice() == ["spec", "containerd", "config"] =>
        {
            *base = merge_toml_text(base, over)?;
        }
        (base, over) => {
            if !is_empty(over) {
                *base = over.clone();
            }
        }
    }
    Ok(())
}

/// What does not override a value that is there: nothing, an empty text and an empty list. `false` and `0` do.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Lays `over` on `base`: tables merge key by key, everything else is replaced.
pub fn merge_toml(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => merge_toml(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// Lays JSON `over` on `base`: objects merge key by key, everything else is replaced.
pub fn merge_json(base: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge_json(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Parses `spec.containerd.config`.
pub fn parse_toml(text: &str) -> Result<toml::Table, Error> {
    text.parse().map_err(|error: toml::de::Error| Error::Toml {
        detail: error.message().to_owned(),
    })
}

fn merge_toml_text(base: &str, over: &str) -> Result<String, Error> {
    let mut merged = parse_toml(base)?;
    merge_toml(&mut merged, parse_toml(over)?);
    Ok(merged.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn merged(trees: &[Value]) -> NodeConfig {
        merge(trees).unwrap()
    }

    #[test]
    fn a_later_source_wins_and_an_empty_value_does_not() {
        let config = merged(&[
            json!({"spec": {"cluster": {"name": "a", "cidr": "10.100.0.0/16"}, "featureGates": {"X": true}}}),
            json!({"spec": {"cluster": {"name": "b", "cidr": ""}, "featureGates": {"X": false}}}),
        ]);
        assert_eq!(config.spec.cluster.name, "b");
        assert_eq!(config.spec.cluster.cidr, "10.100.0.0/16");
        assert_eq!(config.spec.feature_gates.get("X"), Some(&false));
    }

    #[test]
    fn an_empty_list_that_overrides_nothing_is_kept() {
        let config = merged(&[
            json!({"spec": {"kubelet": {"config": {"enforceNodeAllocatable": [], "x": null}}}}),
        ]);
        assert_eq!(
            config.spec.kubelet.config.get("enforceNodeAllocatable"),
            Some(&json!([]))
        );
    }

    #[test]
    fn flags_are_appended_and_other_lists_replaced() {
        let config = merged(&[
            json!({"spec": {"kubelet": {"flags": ["--a"]}, "instance": {"network": {"domains": ["x", "y"]}}}}),
            json!({"spec": {"kubelet": {"flags": ["--b"]}, "instance": {"network": {"domains": ["z"]}}}}),
        ]);
        assert_eq!(config.spec.kubelet.flags, ["--a", "--b"]);
        assert_eq!(config.spec.instance.network.domains, ["z"]);
    }

    #[test]
    fn containerd_toml_merges_by_table() {
        let config = merged(&[
            json!({"spec": {"containerd": {"config": "[plugins.a]\nx = 1\ny = 2\n"}}}),
            json!({"spec": {"containerd": {"config": "[plugins.a]\ny = 3\n[plugins.b]\nz = 4\n"}}}),
        ]);
        let table = parse_toml(&config.spec.containerd.config).unwrap();
        assert_eq!(
            table,
            parse_toml("[plugins.a]\nx = 1\ny = 3\n[plugins.b]\nz = 4\n").unwrap()
        );
    }

    #[test]
    fn bad_toml_is_named_without_its_text() {
        let error = merge(&[
            json!({"spec": {"containerd": {"config": "a = 1"}}}),
            json!({"spec": {"containerd": {"config": "secret"}}}),
        ])
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("`spec.containerd.config` is not TOML: "),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }

    fn tree() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(Value::from),
            "[a-c]{0,2}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn merging_a_source_twice_changes_nothing(config in tree()) {
            let wrap = json!({"spec": {"kubelet": {"config": {"x": config}}}});
            prop_assert_eq!(merged(&[wrap.clone(), wrap.clone()]), merged(&[wrap]));
        }
    }
}
