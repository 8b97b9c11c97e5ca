//! Tags.
//!
//! Limits: <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>.

use std::collections::{BTreeMap, BTreeSet};

use super::{Path, Report};

/// The most tags of one thing.
const MOST: usize = 50;
/// Those that we add so that we know what is ours.
const OURS: usize = 2;
/// The longest key and the longest value, in characters.
const LONGEST: (usize, usize) = (128, 256);

pub(super) fn check(tags: &BTreeMap<String, String>, path: &Path, report: &mut Report<'_>) {
    for (key, value) in tags {
        let path = path.key(key);
        let lower = key.to_ascii_lowercase();
        if lower.starts_with("aws:") {
            report.error(&path, "is a tag that only AWS may set", "");
        } else if lower.starts_with("nodectl.dev/") {
            report.error(&path, "is a tag by which nodectl knows what it made", "");
        }
        if key.is_empty() || key.chars().count() > LONGEST.0 {
            report.error(
                &path,
                format!(
                    "cannot be the key of a tag: it needs 1 to {} characters",
                    LONGEST.0
                ),
                "",
            );
        }
        if value.chars().count() > LONGEST.1 {
            report.error(
                &path,
                format!("has a value of more than {} characters", LONGEST.1),
                "",
            );
        }
        let is_allowed = |letter: char| letter.is_alphanumeric() || " _.:/=+-@".contains(letter);
        if !key.chars().chain(value.chars()).all(is_allowed) {
            report.error(
                &path,
                "holds characters that tags cannot have",
                "letters, digits, spaces and `_ . : / = + - @` are allowed",
            );
        }
    }
}

/// Whether the tags that come together on one thing are too many.
pub(super) fn count<'a>(
    sets: impl IntoIterator<Item = &'a BTreeMap<String, String>>,
    path: &Path,
    report: &mut Report<'_>,
) {
    let keys: BTreeSet<&String> = sets.into_iter().flat_map(BTreeMap::keys).collect();
    if keys.len() + OURS > MOST {
        report.error(
            path,
            format!(
                "make {} tags with the {OURS} of nodectl, and a thing can have {MOST}",
                keys.len() + OURS
            ),
            "",
        );
    }
}
