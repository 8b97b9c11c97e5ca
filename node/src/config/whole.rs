//! A document that stands for itself: nothing is merged, so what is missing or stands twice is an error.

use super::Document;
use super::problem::Problem;
use super::schema::Definition;
use super::schema::inspect::inspect;
use super::yaml::{self, Node, Value};

/// Reads the tree of a document and says everything in it that does not fit `definition`. Values of a wrong type and fields
/// that are null are not in the tree. There is none when the text is no YAML or says that it is another kind of document.
/// `index` is what [`yaml::Place::document`] will be.
pub fn tree(
    definition: &Definition,
    document: &Document,
    index: usize,
) -> (Option<Node>, Vec<Problem>) {
    let parsed = match yaml::parse(&document.text, index) {
        Ok(parsed) => parsed,
        Err(remark) => {
            let problem = Problem::fatal(&[], remark.detail).at(remark.place);
            return (None, vec![problem]);
        }
    };
    let mut tree = parsed.root;
    // A second document, or a key that stands twice, would be something that somebody misses.
    let remarks = parsed.warnings.into_iter();
    let mut problems: Vec<Problem> = remarks
        .map(|remark| Problem::fatal(&[], remark.detail).at(remark.place))
        .collect();
    if let Some(problem) = header(definition, &tree) {
        problems.push(problem);
        return (None, problems);
    }
    problems.extend(inspect(definition, &mut tree));
    (Some(tree), problems)
}

/// Whether a text says that it is of this kind, whatever else is right or wrong in it.
pub fn is_of_kind(text: &str, kind: &str) -> bool {
    let says_so = |tree: &Node| {
        let found = tree.get("kind").and_then(Node::text);
        found.is_some_and(|found| found.eq_ignore_ascii_case(kind))
    };
    yaml::parse(text, 0).is_ok_and(|parsed| says_so(&parsed.root))
}

/// What keeps a document from being of the kind at all.
fn header(definition: &Definition, tree: &Node) -> Option<Problem> {
    let (api_version, kind) = (definition.api_version, definition.kind);
    let expected = format!("expected `apiVersion: {api_version}`, `kind: {kind}`");
    if !matches!(tree.value, Value::Map(_)) {
        let detail = format!("{} and no {kind}; {expected}", tree.value.name());
        return Some(Problem::fatal(&[], detail).at(tree.place));
    }
    for (key, right) in [("apiVersion", api_version), ("kind", kind)] {
        match tree.get(key) {
            Some(node) if node.text() == Some(right) => {}
            Some(node) => {
                let detail = format!("is not that of a {kind}; {expected}");
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
