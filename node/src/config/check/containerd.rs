//! `spec.containerd.config`: whether it is TOML, and where in the document it is not.

use super::Problem;
use crate::config::Document;
use crate::config::merge::MAXIMUM_TOML;
use crate::config::yaml::{Node, Place};

const PATH: [&str; 3] = ["spec", "containerd", "config"];

/// What is wrong with the TOML of a tree. After a merge the value is TOML that was made, and is right.
pub(super) fn check(tree: &Node, documents: &[Document]) -> Option<Problem> {
    let node = tree.at(&PATH)?;
    let toml = node.text()?;
    if toml.len() > MAXIMUM_TOML {
        let detail = format!("is not TOML: it has more than {MAXIMUM_TOML} bytes");
        return Some(Problem::fatal(&PATH, detail));
    }
    let error = toml.parse::<toml::Table>().err()?;
    let problem = Problem::fatal(&PATH, format!("is not TOML: {}", error.message()));
    let offset = error.span().map_or(0, |span| span.start);
    let place = documents
        .get(node.place.document)
        .and_then(|document| inside(&document.text, node.place, toml, offset))
        .unwrap_or(node.place);
    Some(problem.at(place))
}

/// Where byte `offset` of a literal block (`|`) stands in the document; `None` for any other style, in which lines of the
/// value are not lines of the document. `place` is in the first line of the block that holds text.
fn inside(document: &str, place: Place, value: &str, offset: usize) -> Option<Place> {
    let lines: Vec<&str> = document.lines().collect();
    let before = lines.get(..place.line.checked_sub(1)?)?;
    let header = before.iter().rposition(|line| !line.trim().is_empty())?;
    let (_, indicators) = lines.get(header)?.rsplit_once('|')?;
    let is_header = indicators
        .trim_end()
        .chars()
        .all(|character| "+-".contains(character) || character.is_ascii_digit());
    if !is_header {
        return None;
    }
    let read = value.get(..offset)?;
    let line = read.matches('\n').count();
    let column = read.rsplit('\n').next()?.chars().count();
    let shown = lines.get(header + 1 + line)?;
    let content = value.lines().nth(line).unwrap_or_default();
    let indent = shown.chars().count().checked_sub(content.chars().count())?;
    Some(Place {
        document: place.document,
        line: header + line + 2,
        column: indent + column + 1,
    })
}
