//! Several sources to one NodeConfig: a later source wins, as nodeadm merges them.
//!
//! Fields: the later non-empty value. Maps: key by key; what stands at a key overrides also when it is empty, as mergo's
//! `WithOverride` has it. Lists: replaced, except `spec.kubelet.flags`, which are appended. `spec.containerd.config` is TOML on both
//! sides and merged table by table. Every value of the merged tree keeps the [`super::yaml::Place`] that it came from.

use std::collections::HashMap;

use serde_json::{Map, Value as Json};

use super::NodeConfig;
use super::schema::{AGENT_CONFIG, Field, Kind, NODE_CONFIG};
use super::yaml::{Entry, Node, Place, Value};

/// The most bytes of TOML that are read: the reader takes many times their size.
pub(super) const MAXIMUM_TOML: usize = 256 * 1024;

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

/// A merge that did not work, and the value at which.
#[derive(Debug, thiserror::Error)]
#[error("merging the NodeConfigs")]
pub struct Conflict {
    /// Where the value stands that could not be merged.
    pub place: Place,
    /// Why not.
    #[source]
    pub source: Error,
}

/// Folds the trees of documents of one kind, in their order, into one.
///
/// # Errors
/// When two of them hold containerd TOML and one of these is not TOML.
pub fn merge<'a>(trees: impl IntoIterator<Item = &'a Node>) -> Result<Node, Box<Conflict>> {
    let mut merged = Node {
        value: Value::Map(Vec::new()),
        place: Place::default(),
    };
    for tree in trees {
        let is_of_agent = tree.get("kind").and_then(Node::text) == Some(AGENT_CONFIG.kind);
        let definition = if is_of_agent {
            AGENT_CONFIG
        } else {
            NODE_CONFIG
        };
        let entries = Entries::OfObject(definition.fields);
        merge_node(&mut merged, tree, &mut Vec::new(), entries)?;
    }
    Ok(merged)
}

/// The NodeConfig that a merged tree holds.
///
/// # Errors
/// Only when a tree was merged that [`super::decode()`] had not accepted.
pub fn node_config(tree: &Node) -> Result<NodeConfig, Error> {
    serde_json::from_value(tree.to_json()).map_err(|source| Error::Shape { source })
}

/// What the entries of a map are, which decides whether an empty one overrides.
#[derive(Clone, Copy)]
enum Entries {
    /// Fields. One that is empty is one that was not set.
    OfObject(&'static [Field]),
    /// Keys that the user chose, here and everywhere below.
    OfMap,
}

impl Entries {
    /// What the entries of the map at one key are.
    fn below(self, key: &str) -> Self {
        let Self::OfObject(fields) = self else {
            return Self::OfMap;
        };
        match fields.iter().find(|field| field.name == key) {
            Some(field) => match field.kind {
                Kind::Object(fields) => Self::OfObject(fields),
                Kind::Map(_) | Kind::Named(..) | Kind::FreeForm => Self::OfMap,
                _ => Self::OfObject(&[]),
            },
            None => Self::OfObject(&[]),
        }
    }
}

/// Lays `over` on `base`. `entries` says what theirs are when they are maps.
fn merge_node<'a>(
    base: &mut Node,
    over: &'a Node,
    path: &mut Vec<&'a str>,
    entries: Entries,
) -> Result<(), Box<Conflict>> {
    match (&mut base.value, &over.value) {
        (Value::Map(base), Value::Map(over)) => return merge_map(base, over, path, entries),
        (Value::List(items), Value::List(more))
            if path.as_slice() == ["spec", "kubelet", "flags"] =>
        {
            items.extend(more.iter().cloned());
        }
        (Value::Text(text), Value::Text(more))
            if path.as_slice() == ["spec", "containerd", "config"] && !text.is_empty() =>
        {
            let conflict = |place| move |source| Box::new(Conflict { place, source });
            let mut merged = parse_toml(text).map_err(conflict(base.place))?;
            merge_toml(&mut merged, parse_toml(more).map_err(conflict(over.place))?);
            *text = merged.to_string();
            base.place = over.place;
        }
        _ => *base = over.clone(),
    }
    Ok(())
}

fn merge_map<'a>(
    base: &mut Vec<Entry>,
    over: &'a [Entry],
    path: &mut Vec<&'a str>,
    entries: Entries,
) -> Result<(), Box<Conflict>> {
    let positions: HashMap<String, usize> = base
        .iter()
        .enumerate()
        .map(|(position, entry)| (entry.key.clone(), position))
        .collect();
    for entry in over {
        let known = positions
            .get(&entry.key)
            .and_then(|position| base.get_mut(*position));
        let Some(known) = known else {
            base.push(entry.clone());
            continue;
        };
        if matches!(entries, Entries::OfObject(_)) && is_empty(&entry.node.value) {
            continue;
        }
        path.push(&entry.key);
        merge_node(
            &mut known.node,
            &entry.node,
            path,
            entries.below(&entry.key),
        )?;
        path.pop();
    }
    Ok(())
}

/// What does not override the value of a field that is there: nothing, an empty text and an empty list. `false` and `0` do.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
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
pub fn merge_json(base: &mut Map<String, Json>, over: &Map<String, Json>) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Json::Object(base)), Json::Object(over)) => merge_json(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Parses `spec.containerd.config`.
///
/// # Errors
/// When it is not TOML, or more than 256 KiB of it.
pub fn parse_toml(text: &str) -> Result<toml::Table, Error> {
    if text.len() > MAXIMUM_TOML {
        return Err(Error::Toml {
            detail: format!("it has more than {MAXIMUM_TOML} bytes"),
        });
    }
    text.parse().map_err(|error: toml::de::Error| Error::Toml {
        detail: error.message().to_owned(),
    })
}

#[cfg(test)]
mod tests;
