//! A problem as a compiler shows it: severity, message, place, the line with a caret, help; secrets masked.

mod mask;

pub(in crate::config) use mask::is_secret;

use std::fmt::Write as _;

use super::Document;
use super::problem::{Problem, told_place};
use super::yaml::Place;

/// The most characters of a line that are shown.
const WIDTH: usize = 96;
/// How many of them stand before the caret when a line is cut.
const BEFORE_CARET: usize = 40;

/// Renders a problem over several lines, without a line break at the end.
///
/// ```
/// use node::config::{Document, decode, excerpt};
/// let document = Document {
///     name: "`a.yaml`".to_owned(),
///     text: "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  clustr: {}\n".to_owned(),
/// };
/// let (_, problems) = decode::read(&document, 0);
/// assert_eq!(
///     excerpt::render(&problems[0], &[document]),
///     "warning: `spec.clustr` is not a field of NodeConfig and has no effect
///  --> `a.yaml`, line 4, column 3
///   |
/// 4 |   clustr: {}
///   |   ^
///   = help: did you mean `cluster`?"
/// );
/// ```
pub fn render(problem: &Problem, documents: &[Document]) -> String {
    let severity = if problem.prevents_start {
        "error"
    } else {
        "warning"
    };
    let bare = Problem {
        help: None,
        ..problem.clone()
    };
    let mut text = format!("{severity}: {bare}");
    let mut gutter = String::new();
    if let Some(place) = problem.place {
        let number = place.line.to_string();
        gutter = " ".repeat(number.len());
        write!(text, "\n{gutter}--> {}", told_place(place, documents)).unwrap_or_default();
        if let Some((line, caret)) = source_line(place, documents) {
            let blank = " ".repeat(caret);
            write!(text, "\n{gutter} |\n{number} | {line}\n{gutter} | {blank}^")
                .unwrap_or_default();
        }
    }
    if let Some(help) = &problem.help {
        write!(text, "\n{gutter} = help: {help}").unwrap_or_default();
    }
    text
}

/// Text of a value with what looks like a secret masked, line by line.
pub fn without_secrets(text: &str) -> String {
    let lines: Vec<String> = mask::lines(text).map(|masked| masked.text).collect();
    let end = if text.ends_with('\n') { "\n" } else { "" };
    format!("{}{end}", lines.join("\n"))
}

/// The masked line at a place, cut to [`WIDTH`], and how many characters stand before the caret.
fn source_line(place: Place, documents: &[Document]) -> Option<(String, usize)> {
    let document = documents.get(place.document)?;
    let masked = mask::line(&document.text, place.line.checked_sub(1)?);
    let printable: Vec<char> = masked
        .text
        .chars()
        .map(|character| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        })
        .collect();
    let caret = place.column.saturating_sub(1).min(masked.shown);
    if printable.len() <= WIDTH {
        return Some((printable.iter().collect(), caret));
    }
    let start = caret.saturating_sub(BEFORE_CARET);
    let end = (start + WIDTH).min(printable.len());
    let mut line = String::new();
    let mut moved = caret - start;
    if start > 0 {
        line.push('…');
        moved += 1;
    }
    line.extend(printable.get(start..end)?);
    if end < printable.len() {
        line.push('…');
    }
    Some((line, moved))
}

#[cfg(test)]
mod tests;
