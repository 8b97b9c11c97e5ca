//! Whether AWS is still as it was when a plan was made.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::change::Change;
use crate::resource::{Body, Observed};

/// Hexadecimal SHA-256 over what is wanted and what was observed, as JSON without white space whose keys are sorted.
///
/// How many nodes an autoscaler has made is not part of it where the document leaves that open.
pub(super) fn fingerprint(changes: &[Change], observed: &[Observed]) -> String {
    let wanted: Vec<Value> = changes
        .iter()
        .filter_map(|change| {
            let body = change.wanted.as_ref()?;
            Some(json!({ "address": change.address, "properties": body.to_json() }))
        })
        .collect();
    let observed: Vec<Value> = observed
        .iter()
        .map(|thing| {
            let wanted = changes
                .iter()
                .find(|change| change.address == thing.address)
                .and_then(|change| change.wanted.as_ref());
            let mut document = serde_json::to_value(thing).unwrap_or_default();
            if wanted.is_some_and(leaves_size_open)
                && let Some(scaling) = document.pointer_mut("/properties/scaling")
            {
                scaling["desired"] = Value::Null;
            }
            document
        })
        .collect();
    let mut parts: Vec<String> = wanted
        .iter()
        .chain(&observed)
        .map(Value::to_string)
        .collect();
    parts.sort();
    format!("{:x}", Sha256::digest(parts.join("\n")))
}

fn leaves_size_open(body: &Body) -> bool {
    let scaling = match body {
        Body::NodeGroup(group) => group.scaling,
        Body::AutoScalingGroup(group) => group.scaling,
        _ => return false,
    };
    scaling.desired.is_none()
}
