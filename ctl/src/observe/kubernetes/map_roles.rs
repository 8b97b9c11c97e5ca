//! `mapRoles` of `aws-auth`: a YAML list in a text. Pure.
//!
//! Entries of others keep their bytes, with comments and order, wherever the list is written one entry after the other.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use node::config::write;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const ROLES: &str = "mapRoles";

/// The list that a ConfigMap holds; empty where there is none.
pub(crate) fn of(map: Option<&ConfigMap>) -> &str {
    map.and_then(|map| map.data.as_ref())
        .and_then(|data| data.get(ROLES))
        .map_or("", String::as_str)
}

/// Puts a list into the data of a ConfigMap; the list that was there comes back.
pub(crate) fn put(data: &mut BTreeMap<String, String>, roles: String) -> Option<String> {
    data.insert(ROLES.to_owned(), roles)
}

/// Why the list cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It is no list.
    #[error("`mapRoles` of `kube-system/aws-auth` is no YAML list")]
    Parse(#[source] Box<serde_saphyr::Error>),
    /// It cannot be written.
    #[error("writing `mapRoles` of `kube-system/aws-auth`")]
    Write(#[source] write::Error),
}

/// One role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// ARN of the role, without a path.
    pub(crate) rolearn: String,
    /// User name in Kubernetes.
    #[serde(default)]
    pub(crate) username: String,
    /// Groups of Kubernetes.
    #[serde(default)]
    pub(crate) groups: Vec<String>,
}

/// The list, each entry with its text where the list is written in blocks.
fn entries(text: &str) -> Result<Vec<(Value, Option<&str>)>, Error> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<Value> =
        serde_saphyr::from_str(text).map_err(|source| Error::Parse(Box::new(source)))?;
    let blocks = blocks(text);
    let is_in_blocks = blocks.len() == values.len();
    let texts = blocks.into_iter().map(Some);
    let texts = texts
        .filter(|_| is_in_blocks)
        .chain(std::iter::repeat(None));
    Ok(values.into_iter().zip(texts).collect())
}

/// The text of each entry of a list that is written in blocks: a line that begins with `- ` at the depth of the first one,
/// and what follows it. What stands before the first belongs to it.
fn blocks(text: &str) -> Vec<&str> {
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let begins = |line: &str| line.trim_start_matches(' ').starts_with("- ");
    let Some(least) = text.lines().find(|line| begins(line)).map(depth) else {
        return Vec::new();
    };
    let (mut blocks, mut start, mut at, mut seen) = (Vec::new(), 0, 0, false);
    for line in text.split_inclusive('\n') {
        if begins(line) && depth(line) == least {
            if seen {
                blocks.extend(text.get(start..at));
                start = at;
            }
            seen = true;
        }
        at += line.len();
    }
    blocks.extend(text.get(start..));
    blocks
}

fn is_of(value: &Value, role: &str) -> bool {
    value.get("rolearn").and_then(Value::as_str) == Some(role)
}

/// The entry of a role.
pub(crate) fn find(text: &str, role: &str) -> Result<Option<Entry>, Error> {
    let mut values = entries(text)?.into_iter().map(|(value, _)| value);
    let value = values.find(|value| is_of(value, role));
    Ok(value.and_then(|value| serde_json::from_value(value).ok()))
}

/// The list with an entry in the place of that of the same role, or after all others.
pub(crate) fn with(text: &str, entry: &Entry) -> Result<String, Error> {
    if find(text, &entry.rolearn)?.as_ref() == Some(entry) {
        return Ok(text.to_owned());
    }
    let mut entries = entries(text)?;
    let new = (serde_json::to_value(entry).unwrap_or_default(), None);
    let place = entries
        .iter()
        .position(|(value, _)| is_of(value, &entry.rolearn));
    match place.and_then(|place| entries.get_mut(place)) {
        Some(old) => *old = new,
        None => entries.push(new),
    }
    written(text, entries)
}

/// The list without the entry of a role.
pub(crate) fn without(text: &str, role: &str) -> Result<String, Error> {
    let mut entries = entries(text)?;
    let before = entries.len();
    entries.retain(|(value, _)| !is_of(value, role));
    if entries.len() == before {
        return Ok(text.to_owned());
    }
    written(text, entries)
}

fn written(text: &str, entries: Vec<(Value, Option<&str>)>) -> Result<String, Error> {
    if entries.is_empty() {
        return Ok("[]\n".to_owned());
    }
    let blocks = blocks(text);
    let first = blocks.first().map_or("", |block| {
        let line = block
            .lines()
            .find(|line| line.trim_start().starts_with("- "));
        line.unwrap_or_default()
    });
    let depth = first.len() - first.trim_start_matches(' ').len();
    let indent = " ".repeat(depth);
    let mut text = String::new();
    for (value, block) in entries {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        if let Some(block) = block {
            text.push_str(block);
            continue;
        }
        for line in write::yaml(&[value]).map_err(Error::Write)?.lines() {
            text.push_str(&indent);
            text.push_str(line);
            text.push('\n');
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEIRS: &str = "\
# made by hand, ask Ann
- rolearn: arn:aws:iam::111122223333:role/admins
  username: admin   # all of them
  groups: [system:masters]
- groups:
  - system:nodes
  rolearn: arn:aws:iam::111122223333:role/old-nodes
  username: system:node:{{EC2PrivateDNSName}}
";

    fn entry(role: &str) -> Entry {
        Entry {
            rolearn: format!("arn:aws:iam::111122223333:role/{role}"),
            username: "system:node:{{EC2PrivateDNSName}}".into(),
            groups: vec!["system:bootstrappers".into(), "system:nodes".into()],
        }
    }

    #[test]
    fn an_entry_is_added_after_those_of_others_which_keep_their_bytes() {
        let text = with(THEIRS, &entry("new")).unwrap();
        assert!(text.starts_with(THEIRS), "{text}");
        assert_eq!(
            find(&text, &entry("new").rolearn).unwrap(),
            Some(entry("new"))
        );
        assert_eq!(with(&text, &entry("new")).unwrap(), text);
    }

    #[test]
    fn an_entry_takes_the_place_of_that_of_the_same_role() {
        let text = with(THEIRS, &entry("old-nodes")).unwrap();
        assert_eq!(text.matches("old-nodes").count(), 1, "{text}");
        assert!(text.starts_with("# made by hand, ask Ann\n- rolearn"));
        assert_eq!(
            find(&text, &entry("old-nodes").rolearn).unwrap(),
            Some(entry("old-nodes"))
        );
    }

    #[test]
    fn an_entry_that_is_taken_out_leaves_the_text_as_it_was() {
        let added = with(THEIRS, &entry("new")).unwrap();
        let left = without(&added, &entry("new").rolearn).unwrap();
        assert_eq!(left, THEIRS);
        assert_eq!(without(THEIRS, "arn:nobody").unwrap(), THEIRS);
    }

    #[test]
    fn a_list_begins_with_the_first_entry_and_ends_empty() {
        for nothing in ["", "\n", "[]\n"] {
            let text = with(nothing, &entry("new")).unwrap();
            assert_eq!(
                find(&text, &entry("new").rolearn).unwrap(),
                Some(entry("new"))
            );
            let left = without(&text, &entry("new").rolearn).unwrap();
            assert_eq!(left, "[]\n");
        }
    }

    #[test]
    fn a_list_that_is_indented_or_in_one_line_stays_a_list() {
        let indented = format!("  {}\n", THEIRS.trim_end().replace('\n', "\n  "));
        let flow = "[{rolearn: 'arn:aws:iam::111122223333:role/admins', username: admin, groups: [system:masters]}]";
        for text in [indented.as_str(), flow] {
            let text = with(text, &entry("new")).unwrap();
            assert_eq!(
                find(&text, &entry("new").rolearn).unwrap(),
                Some(entry("new"))
            );
            let admins = find(&text, &entry("admins").rolearn).unwrap().unwrap();
            assert_eq!(admins.groups, ["system:masters"]);
        }
    }

    #[test]
    fn what_is_no_list_is_not_touched() {
        assert!(with("rolearn: a\n", &entry("new")).is_err());
        assert!(without("- [", "a").is_err());
    }
}
