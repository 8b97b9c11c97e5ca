//! `RuleSet`: rules of the node's owner, in `/etc/nodeagent/rules.d`.
//!
//! A file is read by [`read`]: all of it is right, or none of it is used. [`together`] makes the rules of all files one
//! list, in which no code stands twice. Everything is bounded: a file is written by somebody who is sure of it, and read by
//! a program that has better things to do.

mod compile;
mod document;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::rule::UserRule;

use super::Document;
use super::problem::{Problem, bounded};
use super::schema::RULE_SET;
use super::schema::inspect::inspect;
use super::yaml::{self, Node, Value};

/// `kind` of a RuleSet.
pub const KIND: &str = "RuleSet";
/// The most bytes of a file.
pub const MAXIMUM_BYTES: u64 = 256 * 1024;
/// The most rules of all files.
pub const MAXIMUM_RULES: usize = 200;

/// Reads one document and says everything that is wrong with it. With a problem that prevents its use there are no rules.
/// `index` is what [`yaml::Place::document`] will be.
pub fn read(document: &Document, index: usize) -> (Vec<Arc<UserRule>>, Vec<Problem>) {
    let (rules, problems) = rules(document, index);
    let problems = bounded(problems);
    if problems.iter().any(|problem| problem.prevents_start) {
        return (Vec::new(), problems);
    }
    (rules, problems)
}

fn rules(document: &Document, index: usize) -> (Vec<Arc<UserRule>>, Vec<Problem>) {
    let parsed = match yaml::parse(&document.text, index) {
        Ok(parsed) => parsed,
        Err(remark) => {
            return (
                Vec::new(),
                vec![Problem::fatal(&[], remark.detail).at(remark.place)],
            );
        }
    };
    let mut tree = parsed.root;
    // A second document, or a key that stands twice, would be rules that somebody misses.
    let remarks = parsed.warnings.into_iter();
    let mut problems: Vec<Problem> = remarks
        .map(|remark| Problem::fatal(&[], remark.detail).at(remark.place))
        .collect();
    if let Some(problem) = header(&tree) {
        problems.push(problem);
        return (Vec::new(), problems);
    }
    problems.extend(inspect(&RULE_SET, &mut tree));
    if !problems.is_empty() {
        return (Vec::new(), problems);
    }
    match serde_json::from_value::<document::RuleSetDocument>(tree.to_json()) {
        Ok(document) => compile::rules(document.spec.rules, &tree),
        Err(error) => {
            problems.push(Problem::fatal(&[], format!("not a RuleSet: {error}")));
            (Vec::new(), problems)
        }
    }
}

/// What keeps a document from being a RuleSet at all.
fn header(tree: &Node) -> Option<Problem> {
    let expected = format!(
        "expected `apiVersion: {}`, `kind: {KIND}`",
        RULE_SET.api_version
    );
    if !matches!(tree.value, Value::Map(_)) {
        let detail = format!("{} and no {KIND}; {expected}", tree.value.name());
        return Some(Problem::fatal(&[], detail).at(tree.place));
    }
    for (key, right) in [("apiVersion", RULE_SET.api_version), ("kind", KIND)] {
        match tree.get(key) {
            Some(node) if node.text() == Some(right) => {}
            Some(node) => {
                let detail = format!("is not that of a {KIND}; {expected}");
                return Some(Problem::fatal(&[key], detail).at(node.place));
            }
            None => {
                let detail = format!("is missing; {expected}");
                return Some(Problem::fatal(&[key], detail));
            }
        }
    }
    None
}

/// Whether a text says that it is a RuleSet, whatever else is right or wrong in it.
pub fn is_one(text: &str) -> bool {
    let is_kind = |tree: &Node| {
        let kind = tree.get("kind").and_then(Node::text);
        kind.is_some_and(|kind| kind.eq_ignore_ascii_case(KIND))
    };
    yaml::parse(text, 0).is_ok_and(|parsed| is_kind(&parsed.root))
}

/// The rules of all files as one list, and what is left out of it: each with the name of its file.
pub fn together<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a [Arc<UserRule>])>,
) -> (Vec<Arc<UserRule>>, Vec<String>) {
    let mut rules: Vec<(&str, Arc<UserRule>)> = Vec::new();
    let mut left_out = Vec::new();
    for (file, of_file) in files {
        for rule in of_file {
            let code = &rule.code;
            if let Some((first, _)) = rules.iter().find(|(_, known)| known.code == *code) {
                left_out.push(format!(
                    "{file}: `{code}` is in {first} already and is not used"
                ));
            } else if rules.len() >= MAXIMUM_RULES {
                left_out.push(format!(
                    "{file}: `{code}` is not used, there are {MAXIMUM_RULES} rules already"
                ));
            } else {
                rules.push((file, Arc::clone(rule)));
            }
        }
    }
    (rules.into_iter().map(|(_, rule)| rule).collect(), left_out)
}
