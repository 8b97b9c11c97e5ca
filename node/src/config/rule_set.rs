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
use super::whole;

/// `kind` of a RuleSet.
pub const KIND: &str = "RuleSet";
/// The most bytes of a file.
pub const MAXIMUM_BYTES: u64 = 256 * 1024;
/// The most rules of all files.
pub const MAXIMUM_RULES: usize = 200;

/// Reads one document and says everything that is wrong with it. With a problem that prevents its use there are no rules.
/// `index` is what [`super::yaml::Place::document`] will be.
pub fn read(document: &Document, index: usize) -> (Vec<Arc<UserRule>>, Vec<Problem>) {
    let (rules, problems) = rules(document, index);
    let problems = bounded(problems);
    if problems.iter().any(|problem| problem.prevents_start) {
        return (Vec::new(), problems);
    }
    (rules, problems)
}

fn rules(document: &Document, index: usize) -> (Vec<Arc<UserRule>>, Vec<Problem>) {
    let (tree, mut problems) = whole::tree(&RULE_SET, document, index);
    let Some(tree) = tree else {
        return (Vec::new(), problems);
    };
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

/// Whether a text says that it is a RuleSet, whatever else is right or wrong in it.
pub fn is_one(text: &str) -> bool {
    whole::is_of_kind(text, KIND)
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
