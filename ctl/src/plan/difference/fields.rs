//! The properties in which a thing differs from what is wanted.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::policy::{same_document, same_policy};
use crate::resource::{ADDRESS_TAG, CLUSTER_TAG, Kind, Owner};

/// A property that differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) path: Vec<String>,
    pub(super) from: Option<Value>,
    pub(super) to: Option<Value>,
}

/// The properties in which `observed` differs from `wanted`, both as [`crate::resource::Body::to_json`] has them, and
/// references resolved as far as they are known. One that is not known yet differs from everything.
///
/// Of tags only the wanted ones count, and of the policies of a role only those that are missing: others may have added
/// theirs. What is not ours gets no owner tags, so that it stays so.
pub(super) fn differences(
    kind: Kind,
    owner: Owner,
    wanted: &Value,
    observed: &Value,
) -> Vec<Difference> {
    let mut comparison = Comparison {
        kind,
        owner,
        root: wanted,
        found: Vec::new(),
    };
    comparison.compare(&mut Vec::new(), wanted, observed);
    comparison.found
}

struct Comparison<'a> {
    kind: Kind,
    owner: Owner,
    root: &'a Value,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn compare(&mut self, path: &mut Vec<String>, wanted: &Value, observed: &Value) {
        if self.is_left_open(path, wanted) || self.is_same(path, wanted, observed) {
            return;
        }
        if let (Value::Object(wanted), Value::Object(observed)) = (wanted, observed)
            && !is_reference(wanted)
        {
            for key in self.keys(path, wanted, observed) {
                path.push(key.clone());
                let value = |fields: &Map<String, Value>| fields.get(&key).cloned();
                self.compare(
                    path,
                    &value(wanted).unwrap_or_default(),
                    &value(observed).unwrap_or_default(),
                );
                path.pop();
            }
            return;
        }
        let set = |value: &Value| (!value.is_null()).then(|| value.clone());
        let mut to = set(wanted);
        if self.is_additive(path)
            && let (Some(Value::Array(to)), Value::Array(observed)) = (&mut to, observed)
        {
            to.extend(observed.clone());
            to.sort_by_key(ToString::to_string);
            to.dedup();
        }
        self.found.push(Difference {
            path: path.clone(),
            from: set(observed),
            to,
        });
    }

    fn keys(
        &self,
        path: &[String],
        wanted: &Map<String, Value>,
        observed: &Map<String, Value>,
    ) -> BTreeSet<String> {
        if first(path) != "tags" {
            return wanted.keys().chain(observed.keys()).cloned().collect();
        }
        let is_ours = self.owner == Owner::Ours;
        wanted
            .keys()
            .filter(|key| is_ours || ![ADDRESS_TAG, CLUSTER_TAG].contains(&key.as_str()))
            .cloned()
            .collect()
    }

    /// Whether the document leaves a property to AWS, so that whatever it is, it is right.
    fn is_left_open(&self, path: &[String], wanted: &Value) -> bool {
        let last = path.last().map_or("", String::as_str);
        match (self.kind, first(path)) {
            // EKS keeps them while the endpoint is not public.
            (Kind::Cluster, "endpoint") if last == "publicCidrs" => {
                self.root.pointer("/endpoint/public") == Some(&Value::Bool(false))
            }
            (Kind::Cluster, "serviceCidr" | "encryptionKey")
            | (Kind::AccessEntry, "username")
            | (Kind::Addon, "version")
            | (Kind::NodeGroup, "amiType" | "version" | "releaseVersion" | "update")
            | (Kind::NodeGroup | Kind::AutoScalingGroup, "scaling") => wanted.is_null(),
            _ => false,
        }
    }

    fn is_same(&self, path: &[String], wanted: &Value, observed: &Value) -> bool {
        if wanted == observed {
            return true;
        }
        match (wanted, observed) {
            (Value::String(wanted), Value::String(observed)) => match (self.kind, first(path)) {
                (Kind::Role, "trust") => same_policy(wanted, observed),
                (Kind::Addon, "configuration") => same_document(wanted, observed),
                // IAM leaves the scheme out.
                (Kind::OidcProvider, "url") => {
                    wanted.trim_start_matches("https://") == observed.trim_start_matches("https://")
                }
                _ => false,
            },
            (Value::Array(wanted), Value::Array(observed)) => {
                if self.is_additive(path) {
                    wanted.iter().all(|item| observed.contains(item))
                } else {
                    first(path) != "instanceTypes" && sorted(wanted) == sorted(observed)
                }
            }
            _ => false,
        }
    }

    fn is_additive(&self, path: &[String]) -> bool {
        self.kind == Kind::Role && first(path) == "policies"
    }
}

fn first(path: &[String]) -> &str {
    path.first().map_or("", String::as_str)
}

fn is_reference(fields: &Map<String, Value>) -> bool {
    fields.keys().any(|key| key.starts_with('$'))
}

fn sorted(items: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}
