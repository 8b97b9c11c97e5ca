//! What all looks together mean: one cause, what follows from it, what is open beside it, and what is not known. Pure.

use jiff::Timestamp;
use node::finding::{self, Severity};
use node::rank;
use node::wire::{
    API_VERSION, Diagnosis, Health, Identity, NodeNow, OpenFinding, Outcome, RootCause, Verdict,
};

use crate::host::path;
use crate::join::ladder::Report;
use crate::join::merge;

/// What was seen.
#[derive(Debug, Clone)]
pub(super) struct Looks {
    /// When.
    pub(super) at: Timestamp,
    /// Who this node is, as far as it is known.
    pub(super) identity: Identity,
    /// Open findings of the daemon.
    pub(super) daemon: Vec<OpenFinding>,
    /// Findings that the journal of this boot leaves open.
    pub(super) journal: Vec<OpenFinding>,
    /// What the probes found.
    pub(super) climb: Report,
    /// The Node as the API server has it.
    pub(super) node: Option<NodeNow>,
    /// The verdict of the boot.
    pub(super) verdict: Option<Verdict>,
    /// What could not be looked at.
    pub(super) not_checked: Vec<String>,
}

/// The diagnosis.
pub(super) fn conclude(looks: Looks) -> Diagnosis {
    let Looks {
        at,
        identity,
        daemon,
        journal,
        climb,
        node,
        verdict,
        mut not_checked,
    } = looks;
    let mut open = merge::merge(both(daemon, journal), &climb, &[], None);
    let has_joined = has_joined(node.as_ref(), verdict.as_ref());
    if rank::root(&open).is_none()
        && has_joined == Some(false)
        && let Some(verdict) = &verdict
        && let Some(cause) = &verdict.root_cause
    {
        open.push(suspected(cause, verdict.at));
        open = rank::order(open);
    }
    for finding in &mut open {
        if let Some(entry) = finding::by_code(&finding.code) {
            finding.fix = entry.fix_for(&identity);
        }
    }
    let mut unknown = climb.unknown.iter().map(|why| node::redact::text(why));
    not_checked.extend(&mut unknown);
    not_checked.extend(unjudged(node.as_ref(), verdict.as_ref()));

    let is_fatal = open
        .iter()
        .any(|finding| finding.severity == Severity::Fatal);
    let health = if is_fatal || has_joined == Some(false) {
        Health::Unhealthy
    } else if not_checked.is_empty() {
        Health::Healthy
    } else {
        Health::Unknown
    };
    let root = rank::root(&open).cloned();
    let others = open
        .into_iter()
        .filter(|finding| Some(finding) != root.as_ref());
    let (consequences, also_open) = others.partition(|finding| finding.explained_by.is_some());
    Diagnosis {
        api_version: API_VERSION.to_owned(),
        kind: "Diagnosis".to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        at,
        health,
        verdict,
        node,
        root_cause: root,
        consequences,
        also_open,
        not_checked,
    }
}

/// What the daemon says, and what the journal says beyond it: the daemon has seen more than lines.
fn both(mut daemon: Vec<OpenFinding>, journal: Vec<OpenFinding>) -> Vec<OpenFinding> {
    let is_same = |one: &OpenFinding, other: &OpenFinding| {
        one.code == other.code && one.object == other.object
    };
    let new: Vec<OpenFinding> = journal
        .into_iter()
        .filter(|finding| !daemon.iter().any(|known| is_same(known, finding)))
        .collect();
    daemon.extend(new);
    daemon
}

/// Whether the node is in service: what its Node says now, else how the boot ended. None: nobody knows yet.
fn has_joined(node: Option<&NodeNow>, verdict: Option<&Verdict>) -> Option<bool> {
    let is_over = |verdict: &&Verdict| !verdict.provisional && verdict.waiting_for.is_none();
    let ended = verdict
        .filter(is_over)
        .map(|verdict| verdict.outcome == Outcome::Joined);
    match node {
        Some(node) if node.is_ready => Some(true),
        // A Node that is not Ready yet while the boot goes on is no fault.
        Some(_) => match verdict {
            Some(verdict) if !is_over(&verdict) => None,
            _ => Some(false),
        },
        None => ended,
    }
}

/// What the boot leaves open.
fn unjudged(node: Option<&NodeNow>, verdict: Option<&Verdict>) -> Option<String> {
    if node.is_some_and(|node| node.is_ready) {
        return None;
    }
    match verdict {
        None => Some(format!(
            "the boot: there is no verdict of it, `{}`",
            path::VERDICT
        )),
        Some(verdict) => match &verdict.waiting_for {
            Some(what) => Some(format!("the boot: it waits for {what}")),
            None if verdict.provisional => Some(format!(
                "the boot: it is still going on, in the {} phase",
                verdict.phase.as_str()
            )),
            None => None,
        },
    }
}

/// The cause that the boot ended with, as a finding.
fn suspected(cause: &RootCause, at: Timestamp) -> OpenFinding {
    let entry = finding::by_code(&cause.code);
    OpenFinding {
        code: cause.code.clone(),
        severity: entry.map_or(Severity::Fatal, |entry| entry.severity),
        title: entry.map_or_else(|| cause.cause.clone(), |entry| entry.title.to_owned()),
        object: String::new(),
        first_seen: at,
        last_seen: at,
        count: 1,
        evidence: cause.evidence.clone(),
        fix: cause.fix.clone(),
        explained_by: None,
    }
}
