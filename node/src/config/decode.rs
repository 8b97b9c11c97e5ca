//! A document's text to a [`Source`], with everything that is wrong with it.

use super::agent_config::AgentConfigDocument;
use super::problem::{Problem, bounded};
use super::schema::inspect::inspect;
use super::schema::{AGENT_CONFIG, Definition, NODE_CONFIG};
use super::yaml::{self, Node, Value};
use crate::nearest::nearest;

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
    NodeConfig(Node),
    /// Settings of the agent, and the tree that they were read from.
    AgentConfig(Box<AgentConfigDocument>, Node),
}

/// A document that is no configuration: everything that is wrong with it and prevents a start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Error {
    /// Name of the document.
    pub name: String,
    /// At least one problem. None quotes what can be secret.
    pub problems: Vec<Problem>,
}

impl std::error::Error for Error {}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)?;
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index > 0 { "; " } else { "" };
            match problem.place {
                Some(place) => {
                    let comma = if index > 0 { "" } else { ", " };
                    write!(
                        formatter,
                        "{separator}{comma}line {}, column {}: {problem}",
                        place.line, place.column
                    )?;
                }
                None if index > 0 => write!(formatter, "{separator}{problem}")?,
                None => write!(formatter, ": {problem}")?,
            }
        }
        Ok(())
    }
}

impl Error {
    /// The problems of a document that prevent a start.
    pub fn new(document: &Document, problems: &[Problem]) -> Self {
        Self {
            name: document.name.clone(),
            problems: problems
                .iter()
                .filter(|problem| problem.prevents_start)
                .cloned()
                .collect(),
        }
    }
}

/// Decodes one document. `index` is what [`yaml::Place::document`] will be.
///
/// # Errors
/// Everything in the document that prevents a start, at once. Otherwise the other problems come with the source.
pub fn decode(document: &Document, index: usize) -> Result<(Source, Vec<Problem>), Error> {
    match read(document, index) {
        (Some(source), problems) if !problems.iter().any(|problem| problem.prevents_start) => {
            Ok((source, problems))
        }
        (_, problems) => Err(Error::new(document, &problems)),
    }
}

/// Reads one document and says everything that is wrong with it. A source with a problem that prevents a start lacks the
/// values that are wrong: it can be asked further questions, but no node can be made of it.
pub fn read(document: &Document, index: usize) -> (Option<Source>, Vec<Problem>) {
    let parsed = match yaml::parse(&document.text, index) {
        Ok(parsed) => parsed,
        Err(remark) => {
            return (
                None,
                vec![Problem::fatal(&[], remark.detail).at(remark.place)],
            );
        }
    };
    let mut tree = parsed.root;
    let mut problems: Vec<Problem> = parsed
        .warnings
        .into_iter()
        .map(|remark| Problem::warning(&[], remark.detail).at(remark.place))
        .collect();
    problems.extend(spell_header(&mut tree));
    let definition = match definition(&tree) {
        Ok(definition) => definition,
        Err(problem) => {
            problems.push(problem);
            return (None, bounded(problems));
        }
    };
    problems.extend(inspect(definition, &mut tree));
    let source = if definition.kind == NODE_CONFIG.kind {
        Some(Source::NodeConfig(tree))
    } else if problems.iter().any(|problem| problem.prevents_start) {
        None
    } else {
        match serde_json::from_value(tree.to_json()) {
            Ok(settings) => Some(Source::AgentConfig(Box::new(settings), tree)),
            Err(error) => {
                problems.push(Problem::fatal(&[], format!("not an AgentConfig: {error}")));
                None
            }
        }
    };
    (source, bounded(problems))
}

/// Whether a text says that it is one of our documents, whatever else is right or wrong in it.
pub(super) fn is_configuration(text: &str) -> bool {
    yaml::parse(text, 0).is_ok_and(|mut parsed| {
        spell_header(&mut parsed.root);
        definition(&parsed.root).is_ok()
    })
}

/// Go reads `apiVersion` and `kind` in any letter case before it knows what the document is, and all other fields as they
/// are written. The two get the right spelling, and a warning where they had another one.
fn spell_header(tree: &mut Node) -> Vec<Problem> {
    let Value::Map(entries) = &mut tree.value else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for right in ["apiVersion", "kind"] {
        if entries.iter().any(|entry| entry.key == right) {
            continue;
        }
        let found = entries
            .iter_mut()
            .find(|entry| entry.key.eq_ignore_ascii_case(right));
        if let Some(entry) = found {
            let written = std::mem::replace(&mut entry.key, right.to_owned());
            problems.push(
                Problem::warning(
                    &[&written],
                    format!("is read as `{right}`, but field names are case-sensitive"),
                )
                .with_help(Some(format!("write `{right}`")))
                .at(entry.place),
            );
        }
    }
    problems
}

/// What a document says it is.
fn definition(tree: &Node) -> Result<&'static Definition, Problem> {
    let Value::Map(entries) = &tree.value else {
        let what = match tree.value {
            Value::Null => "an empty document",
            ref value => value.name(),
        };
        let problem = Problem::fatal(
            &[],
            format!(
                "{what} and no configuration of a node; {}",
                expected(&NODE_CONFIG)
            ),
        );
        return Err(if tree.place.line > 0 {
            problem.at(tree.place)
        } else {
            problem
        });
    };
    let header = |key: &str| {
        tree.get(key)
            .and_then(Node::text)
            .filter(|text| !text.is_empty())
    };
    let (api_version, kind) = (header("apiVersion"), header("kind"));
    let found = super::schema::CONFIGURATIONS
        .into_iter()
        .find(|definition| {
            api_version == Some(definition.api_version) && kind == Some(definition.kind)
        });
    if let Some(definition) = found {
        return Ok(definition);
    }
    let meant = meant(api_version, kind);
    for (key, value) in [("apiVersion", api_version), ("kind", kind)] {
        if value.is_some() {
            continue;
        }
        let misspelt = entries
            .iter()
            .find(|entry| entry.key != key && nearest(&entry.key, &[key]).is_some());
        return Err(match (misspelt, tree.get(key)) {
            (Some(entry), None) => Problem::fatal(
                &[&entry.key],
                "is not a field; field names are case-sensitive".to_owned(),
            )
            .with_help(Some(format!("did you mean `{key}`?")))
            .at(entry.place),
            (_, Some(node)) => Problem::fatal(
                &[key],
                format!(
                    "is {} where a string is expected; {}",
                    node.value.name(),
                    expected(meant)
                ),
            )
            .at(node.place),
            (None, None) => Problem::fatal(&[key], format!("is missing; {}", expected(meant))),
        });
    }
    let (api_version, kind) = (api_version.unwrap_or_default(), kind.unwrap_or_default());
    let wrong = if api_version == meant.api_version {
        "kind"
    } else {
        "apiVersion"
    };
    let problem = Problem::fatal(
        &[],
        format!(
            "`apiVersion: {}`, `kind: {}` is no configuration of a node; {}",
            shortened(api_version),
            shortened(kind),
            expected(meant)
        ),
    );
    Err(match tree.get(wrong) {
        Some(node) => problem.at(node.place),
        None => problem,
    })
}

/// Which kind of document the author had in mind.
fn meant(api_version: Option<&str>, kind: Option<&str>) -> &'static Definition {
    let is_near =
        |text: Option<&str>, word: &str| text.is_some_and(|text| nearest(text, &[word]).is_some());
    if is_near(kind, AGENT_CONFIG.kind)
        || (kind.is_none() && api_version.is_some_and(|text| text.contains("nodectl")))
    {
        &AGENT_CONFIG
    } else {
        &NODE_CONFIG
    }
}

fn expected(definition: &Definition) -> String {
    format!(
        "expected `apiVersion: {}`, `kind: {}`",
        definition.api_version, definition.kind
    )
}

/// What stands in a header is shown, unless it is so long that it is something else.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    let text = crate::redact::text(text);
    if text.chars().count() <= LONGEST {
        return text.escape_debug().to_string();
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{}…", start.escape_debug())
}

#[cfg(test)]
mod tests;
