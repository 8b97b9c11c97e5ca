//! Findings in words, the same on every page. Pure.

use node::wire::OpenFinding;

/// A finding and what it speaks of: `CODE (OBJECT)`.
pub(super) fn named(finding: &OpenFinding) -> String {
    if finding.object.is_empty() {
        finding.code.clone()
    } else {
        format!("{} ({})", finding.code, finding.object)
    }
}

/// What it claims: `CODE (OBJECT): TITLE`.
pub(super) fn claim(finding: &OpenFinding) -> String {
    format!("{}: {}", named(finding), finding.title)
}

/// The same with how much it matters before it.
pub(super) fn graded(finding: &OpenFinding) -> String {
    format!("{} {}", finding.severity.as_str(), claim(finding))
}

/// How often it was seen.
pub(super) fn times(count: u64) -> String {
    if count == 1 {
        "once".to_owned()
    } else {
        format!("{count} times")
    }
}
