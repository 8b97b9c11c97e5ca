//! A document's text to a [`Source`], with a message for each thing in it that will have no effect.

use serde::Deserialize;
use serde_json::Value;

use super::agent_config::{self, AgentConfigDocument};
use super::node_config::{self, KNOWN_KEYS, NodeConfig};

/// Text that claims to be a configuration, and the name under which errors speak of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it is from, such as a file or `part 2 (…) of the user data`.
    pub name: String,
    /// YAML or JSON.
    pub text: String,
}

impl std::fmt::Debug for Document {
    /// Configuration can hold secrets, so the text is not shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Document")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// One decoded document.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A NodeConfig, as a tree so that what was not set stays unset until sources are merged.
    NodeConfig {
        /// The whole document.
        tree: Value,
        /// What in it will have no effect.
        warnings: Vec<String>,
    },
    /// Settings of the agent.
    AgentConfig(AgentConfigDocument),
}

/// Why a document is no configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// YAML that does not parse, or a field of the wrong type.
    #[error("{name}{}: {detail}", at(*.position))]
    Syntax {
        /// Name of the document.
        name: String,
        /// Line and column, from 1.
        position: Option<(u64, u64)>,
        /// What is wrong. Holds no text of the document.
        detail: String,
    },
    /// Not the `apiVersion` and `kind` of a configuration.
    #[error(
        "{name}: `apiVersion: {api_version}`, `kind: {kind}` is no configuration of a node; expected `apiVersion: {}`, `kind: {}`",
        node_config::API_VERSION,
        node_config::KIND
    )]
    Kind {
        /// Name of the document.
        name: String,
        /// What stands there as `apiVersion`.
        api_version: String,
        /// What stands there as `kind`.
        kind: String,
    },
}

fn at(position: Option<(u64, u64)>) -> String {
    position.map_or_else(String::new, |(line, column)| {
        format!(", line {line}, column {column}")
    })
}

/// Decodes one document.
pub fn decode(document: &Document) -> Result<Source, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Header {
        #[serde(default)]
        api_version: String,
        #[serde(default)]
        kind: String,
    }
    let header: Header = parse(document)?;
    match (header.api_version.as_str(), header.kind.as_str()) {
        (node_config::API_VERSION, node_config::KIND) => {
            // Typed first, since only the typed reading knows the line of a field of the wrong type.
            let _: NodeConfig = parse(document)?;
            let tree: Value = parse(document)?;
            let mut warnings = Vec::new();
            unknown_keys(&tree, &mut Vec::new(), &mut warnings);
            for warning in &mut warnings {
                *warning = format!("{}: {warning}", document.name);
            }
            Ok(Source::NodeConfig { tree, warnings })
        }
        (crate::wire::API_VERSION, agent_config::KIND) => Ok(Source::AgentConfig(parse(document)?)),
        _ => Err(Error::Kind {
            name: document.name.clone(),
            api_version: header.api_version,
            kind: header.kind,
        }),
    }
}

fn parse<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T, Error> {
    serde_saphyr::from_str(&document.text).map_err(|error| Error::Syntax {
        name: document.name.clone(),
        position: error
            .location()
            .map(|location| (location.line(), location.column())),
        detail: first_line(&error.without_snippet().to_string()),
    })
}

/// The message alone: further lines quote the input, which can hold secrets.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().to_owned()
}

fn unknown_keys(value: &Value, path: &mut Vec<String>, warnings: &mut Vec<String>) {
    let Value::Object(map) = value else { return };
    for (key, child) in map {
        path.push(key.clone());
        match known(path) {
            Known::Anything => {}
            Known::Key => unknown_keys(child, path, warnings),
            Known::No => {
                let siblings = siblings(path);
                let nearest = nearest(key, &siblings)
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                warnings.push(format!(
                    "`{}` is not a field of NodeConfig and has no effect{nearest}",
                    path.join(".")
                ));
            }
        }
        path.pop();
    }
}

enum Known {
    Key,
    Anything,
    No,
}

fn known(path: &[String]) -> Known {
    let mut found = Known::No;
    for pattern in KNOWN_KEYS {
        let segments: Vec<&str> = pattern.split('.').collect();
        let opaque = segments.last() == Some(&"**");
        let fixed = if opaque {
            segments.len() - 1
        } else {
            segments.len()
        };
        let matching = path
            .iter()
            .zip(&segments)
            .take_while(|(key, segment)| **segment == "*" || segment == key)
            .count();
        if opaque && matching >= fixed && path.len() >= fixed {
            return Known::Anything;
        }
        if matching == path.len() {
            found = Known::Key;
        }
    }
    found
}

/// The keys that may stand where the last one of `path` stands.
fn siblings(path: &[String]) -> Vec<&'static str> {
    let Some((_, parents)) = path.split_last() else {
        return Vec::new();
    };
    KNOWN_KEYS
        .iter()
        .filter_map(|pattern| {
            let mut segments = pattern.split('.');
            let parents_match = parents.iter().all(|key| {
                segments
                    .next()
                    .is_some_and(|segment| segment == "*" || segment == key)
            });
            parents_match.then(|| segments.next()).flatten()
        })
        .filter(|segment| !segment.starts_with('*'))
        .collect()
}

/// The candidate that is at most a third of `word` away from it, letter case aside.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    candidates
        .iter()
        .map(|candidate| {
            (
                distance(&lower, &candidate.to_ascii_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= (word.len() / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left_byte) in left.bytes().enumerate() {
        let mut diagonal = index;
        let mut previous = index + 1;
        for (cell, right_byte) in row.iter_mut().skip(1).zip(right.bytes()) {
            let substituted = diagonal + usize::from(left_byte != right_byte);
            diagonal = *cell;
            *cell = substituted.min(diagonal + 1).min(previous + 1);
            previous = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> Document {
        Document {
            name: "the user data".into(),
            text: text.into(),
        }
    }

    const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n";

    fn warnings(text: &str) -> Vec<String> {
        match decode(&document(&format!("{HEAD}{text}"))).unwrap() {
            Source::NodeConfig { warnings, .. } => warnings,
            Source::AgentConfig(_) => panic!("not a NodeConfig"),
        }
    }

    #[test]
    fn an_unknown_field_is_named_with_its_nearest_neighbour() {
        assert_eq!(
            warnings("spec:\n  kubelet:\n    flag: []\n"),
            [
                "the user data: `spec.kubelet.flag` is not a field of NodeConfig and has no effect; did you mean `flags`?"
            ]
        );
        assert_eq!(
            warnings("spec:\n  xyz: 1\n"),
            ["the user data: `spec.xyz` is not a field of NodeConfig and has no effect"]
        );
    }

    #[test]
    fn what_is_passed_through_may_hold_any_key() {
        let text = "metadata: {name: x, labels: {a: b}}\nspec:\n  kubelet: {config: {a: {b: c}}}\n  instance: {environment: {default: {A: b}}}\n  featureGates: {X: true}\n";
        assert!(warnings(text).is_empty(), "{:?}", warnings(text));
    }

    #[test]
    fn a_wrong_api_version_is_named() {
        let error = decode(&document(
            "apiVersion: node.eks.aws/v1alpha\nkind: NodeConfig\n",
        ))
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the user data: `apiVersion: node.eks.aws/v1alpha`, `kind: NodeConfig` is no configuration of a node; expected `apiVersion: node.eks.aws/v1alpha1`, `kind: NodeConfig`"
        );
    }

    #[test]
    fn an_error_has_a_position_and_quotes_no_input() {
        let error = decode(&document(&format!(
            "{HEAD}spec:\n  kubelet:\n    flags: hunter2\n"
        )))
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("the user data, line 5, column 12: "),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
        let error = decode(&document("a: [1\nb: 2")).unwrap_err().to_string();
        assert!(error.starts_with("the user data, line "), "{error}");
    }

    #[test]
    fn an_agent_config_refuses_what_it_does_not_know() {
        let text = "apiVersion: nodectl.dev/v1alpha1\nkind: AgentConfig\nspec:\n  deadlines: {registered: 30s}\n";
        let Source::AgentConfig(config) = decode(&document(text)).unwrap() else {
            panic!("not an AgentConfig")
        };
        assert_eq!(
            config.spec.deadlines.registered,
            Some(std::time::Duration::from_secs(30))
        );
        assert!(decode(&document(&text.replace("registered", "registred"))).is_err());
        assert!(decode(&document(&text.replace("30s", "soon"))).is_err());
    }
}
