//! The three questions about health, in the form that Kubernetes gives them.
//!
//! `livez`: does the daemon itself run? Never a word of what it diagnoses. `readyz`: does it know? `healthz`: is the node
//! well, as far as the daemon still looks: a probe that hangs is not well.

use std::borrow::Cow;
use std::time::Duration;

use node::finding::Severity;
use node::wire::{Outcome, SourceState};
use tokio::time::Instant;

use super::view::View;

/// The watch comes round every second; one that has not for so long hangs.
const STALE: Duration = Duration::from_secs(10);

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Why it is not well; `None` when it is.
    pub failure: Option<String>,
    /// What is not as it should be although it is well.
    pub remark: Option<String>,
}

impl Check {
    fn new(name: &'static str, is_well: bool, failure: impl FnOnce() -> String) -> Self {
        Self {
            name: name.into(),
            failure: (!is_well).then(failure),
            remark: None,
        }
    }
}

/// Does the daemon run?
pub fn live(view: &View, now: Instant) -> Vec<Check> {
    let age = now.saturating_duration_since(view.seen.ticked);
    vec![Check::new("watch", age < STALE, || {
        format!("has not come round for {} s", age.as_secs())
    })]
}

/// Does it know what it will be asked?
pub fn ready(view: &View, now: Instant) -> Vec<Check> {
    let mut checks = live(view, now);
    checks.push(sources(view));
    checks.push(Check::new("history", view.seen.is_caught_up, || {
        "the past of this boot is still read".to_owned()
    }));
    let failure = match &view.boot.verdict {
        None => Some("no verdict was given in this boot"),
        Some(verdict) if verdict.provisional => Some("the boot is still going on"),
        Some(_) => None,
    };
    checks.push(Check {
        name: "verdict".into(),
        failure: failure.map(str::to_owned),
        remark: None,
    });
    checks
}

/// Can it read what it should? A source that nothing on this node writes is no failure.
fn sources(view: &View) -> Check {
    let failed: Vec<&str> = view
        .seen
        .sources
        .iter()
        .filter(|source| source.state == SourceState::Failed)
        .map(|source| source.name.as_str())
        .collect();
    Check::new("sources", view.seen.is_source_running, || {
        if failed.is_empty() {
            "none was opened yet".to_owned()
        } else {
            format!("cannot be read: {}", failed.join(", "))
        }
    })
}

/// Is the node well?
pub fn healthy(view: &View, now: Instant) -> Vec<Check> {
    let mut checks = live(view, now);
    checks.push(sources(view));
    let outcome = view.boot.outcome();
    checks.push(Check::new("boot", outcome == Outcome::Joined, || {
        format!("the outcome is {}", outcome.as_str())
    }));
    let fatal: Vec<&str> = view
        .seen
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Fatal)
        .map(|finding| finding.code.as_str())
        .collect();
    checks.push(Check::new("findings", fatal.is_empty(), || {
        fatal.join(", ")
    }));
    // A typing error in a file of rules is no reason to take a node out of service.
    let problems = &view.seen.rules.problems;
    checks.push(Check {
        name: "rules".into(),
        failure: None,
        remark: (!problems.is_empty()).then(|| problems.join("; ")),
    });
    // What a probe said last is no answer when it hangs.
    checks.extend(view.rounds.iter().map(|round| Check {
        name: format!("probe/{}", round.name).into(),
        failure: round.stale(now),
        remark: None,
    }));
    checks
}

/// Whether all is well.
pub fn is_well(checks: &[Check]) -> bool {
    checks.iter().all(|check| check.failure.is_none())
}

/// The answer's text: one word when all is well and nobody asked for more.
pub fn text(name: &str, checks: &[Check], is_verbose: bool) -> String {
    if is_well(checks) && !is_verbose {
        return "ok\n".to_owned();
    }
    let mut lines: Vec<String> = checks
        .iter()
        .map(|check| match (&check.failure, &check.remark) {
            (None, None) => format!("[+]{} ok\n", check.name),
            (None, Some(remark)) => format!("[+]{} ok, but {remark}\n", check.name),
            (Some(why), _) => format!("[-]{} failed: {why}\n", check.name),
        })
        .collect();
    let end = if is_well(checks) { "passed" } else { "failed" };
    lines.push(format!("{name} check {end}\n"));
    lines.concat()
}
