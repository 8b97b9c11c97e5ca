//! Conditions of our Node: what they shall be, and what is to be written so that they are. Pure.
//!
//! True means healthy. One that turns False belongs to a fatal finding that is open; in the mode `eks`, where that
//! replaces the machine, only to one that is marked for repair and that nothing else explains.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::NodeCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use node::config::agent_config::Conditions;
use node::finding::{self, Condition, Severity, by_code, catalogue};
use node::redact;
use node::rule::{RuleSet, USER_PREFIX};
use node::wire::OpenFinding;

/// Reason of a condition of our own that is True. No reason is one of the EKS monitoring agent, `KernelIsReady` and so on:
/// a condition with a reason of ours is ours.
const HEALTHY: &str = "NoFatalFinding";
/// Reason of one that is True as EKS auto repair reads it; there may be other faults.
const NOTHING_TO_REPAIR: &str = "NothingToRepair";
/// Reason of one that is Unknown because nothing is heard.
const SILENT: &str = "LogsNotRead";
/// Reason of one that is Unknown because nobody looks.
const STOPPED: &str = "AgentStopped";
/// No message is longer.
const MESSAGE_BYTES: usize = 512;
/// A condition that stays as it is is confirmed no sooner than after this time.
const HEARTBEAT: Duration = Duration::from_mins(5);

/// The types, each with its name among our own and among those that EKS auto repair reads:
/// <https://docs.aws.amazon.com/eks/latest/userguide/node-health.html>.
const TYPES: [(Condition, &str, &str); 5] = [
    (Condition::Kernel, "nodectl.dev/Kernel", "KernelReady"),
    (
        Condition::Networking,
        "nodectl.dev/Networking",
        "NetworkingReady",
    ),
    (Condition::Storage, "nodectl.dev/Storage", "StorageReady"),
    (
        Condition::ContainerRuntime,
        "nodectl.dev/ContainerRuntime",
        "ContainerRuntimeReady",
    ),
    (
        Condition::AcceleratedHardware,
        "nodectl.dev/AcceleratedHardware",
        "AcceleratedHardwareReady",
    ),
];

/// What conditions are made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    /// Findings that are open, in the order of [`node::rank::order`].
    pub findings: &'a [OpenFinding],
    /// The rules that found them.
    pub rules: &'a RuleSet,
    /// The past of this boot was read.
    pub is_caught_up: bool,
    /// The checks have run since.
    pub has_checked: bool,
    /// Lines come in.
    pub is_source_running: bool,
    /// The machine has a GPU or another accelerator.
    pub has_accelerator: bool,
}

/// A condition as it shall be, without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    name: &'static str,
    status: &'static str,
    reason: String,
    message: String,
}

/// What is to be done so that conditions are as they shall be.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// These are written.
    pub write: Vec<NodeCondition>,
    /// Those of these types, which an earlier setting of ours left, are removed.
    pub remove: Vec<String>,
    /// Those of these types are another writer's, and stay as they are.
    pub others: Vec<&'static str>,
}

/// The conditions that there shall be. One that is not known yet is not among them.
pub(super) fn wanted(setting: Conditions, known: Known<'_>) -> Vec<Wanted> {
    if setting == Conditions::Off || !known.is_caught_up {
        return Vec::new();
    }
    let is_of =
        |open: &OpenFinding, condition| known.rules.condition(&open.code) == Some(condition);
    TYPES
        .into_iter()
        .filter(|(condition, ..)| {
            *condition != Condition::AcceleratedHardware
                || known.has_accelerator
                || known.findings.iter().any(|open| is_of(open, *condition))
        })
        .filter_map(|(condition, own, eks)| {
            let mut faults = known
                .findings
                .iter()
                .filter(|open| is_of(open, condition) && counts(setting, open));
            let fault = faults.next();
            let (status, reason, message) = match fault {
                Some(fault) => {
                    let (reason, message) = say(fault, faults.count(), known.findings);
                    ("False", reason, message)
                }
                None if !known.is_source_running => {
                    let why = "the journal is not read: journalctl -u nodeagent";
                    ("Unknown", SILENT.to_owned(), why.to_owned())
                }
                None if !known.has_checked => return None,
                None => {
                    let (reason, message) = match setting {
                        Conditions::Eks => (
                            NOTHING_TO_REPAIR,
                            "no finding that a new machine would be without is open",
                        ),
                        Conditions::Own | Conditions::Off => (HEALTHY, "no fatal finding is open"),
                    };
                    ("True", reason.to_owned(), message.to_owned())
                }
            };
            Some(Wanted {
                name: if setting == Conditions::Eks { eks } else { own },
                status,
                reason,
                message,
            })
        })
        .collect()
}

/// Whether this finding turns its condition False.
fn counts(setting: Conditions, open: &OpenFinding) -> bool {
    let is_to_be_replaced = || {
        let repair = by_code(&open.code).and_then(finding::Finding::repair);
        repair.is_some_and(|repair| repair.is_wanted) && open.explained_by.is_none()
    };
    open.severity == Severity::Fatal && (setting != Conditions::Eks || is_to_be_replaced())
}

/// Reason and message of a condition with this fault and so many others.
fn say(fault: &OpenFinding, others: usize, findings: &[OpenFinding]) -> (String, String) {
    let root = root(fault, findings);
    let cause = format!("follows from {}: {}", root.code, claim(root));
    let parts = [
        Some(claim(fault)),
        (root.code != fault.code).then_some(cause),
        (others > 0).then(|| format!("and {others} more")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (finding::reason(&root.code), bounded(&parts.join("; ")))
}

/// Title and object of a finding.
fn claim(open: &OpenFinding) -> String {
    about(&open.title, &open.object)
}

/// A title and what it speaks of, if it speaks of one thing.
pub(super) fn about(title: &str, object: &str) -> String {
    if object.is_empty() {
        title.to_owned()
    } else {
        format!("{title} ({object})")
    }
}

/// Text for other eyes than the node's.
pub(super) fn bounded(text: &str) -> String {
    let mut text = redact::text(text);
    text.truncate(text.floor_char_boundary(MESSAGE_BYTES));
    text
}

/// What this finding follows from in the end.
fn root<'a>(open: &'a OpenFinding, findings: &'a [OpenFinding]) -> &'a OpenFinding {
    let mut root = open;
    // No chain is longer than there are findings, even one that bites its tail.
    for _ in findings {
        let cause = root.explained_by.as_ref();
        match cause.and_then(|code| findings.iter().find(|other| other.code == *code)) {
            Some(cause) => root = cause,
            None => break,
        }
    }
    root
}

/// What turns the conditions that the Node has into those that are wanted.
pub(super) fn changes(
    setting: Conditions,
    wanted: &[Wanted],
    existing: &[NodeCondition],
    now: Timestamp,
) -> Changes {
    let mut changes = Changes::default();
    for wanted in wanted {
        let old = existing.iter().find(|old| old.type_ == wanted.name);
        if setting == Conditions::Eks && old.is_some_and(|old| !has_our_reason(old)) {
            changes.others.push(wanted.name);
        } else if old.is_none_or(|old| !is_so(wanted, old, now)) {
            changes.write.push(with_times(wanted, old, now));
        }
    }
    changes.remove = existing
        .iter()
        .filter(|old| has_our_reason(old) && is_of_another(setting, &old.type_))
        .map(|old| old.type_.clone())
        .collect();
    changes
}

/// Those of these conditions that we wrote and that say something, as they are when nobody looks any more.
pub(super) fn stopped(existing: &[NodeCondition], now: Timestamp) -> Vec<NodeCondition> {
    let is_ours = |old: &&NodeCondition| {
        has_our_reason(old) && is_ours(&old.type_) && old.status != "Unknown"
    };
    let unknown = |old: &NodeCondition| NodeCondition {
        status: "Unknown".to_owned(),
        reason: Some(STOPPED.to_owned()),
        message: Some("nodeagent was stopped".to_owned()),
        last_transition_time: Some(Time(now)),
        last_heartbeat_time: Some(Time(now)),
        type_: old.type_.clone(),
    };
    existing.iter().filter(is_ours).map(unknown).collect()
}

/// Whether a setting writes other types than this one, which is one of ours.
fn is_of_another(setting: Conditions, name: &str) -> bool {
    TYPES.iter().any(|(_, own, eks)| match setting {
        Conditions::Own => name == *eks,
        Conditions::Eks => name == *own,
        Conditions::Off => name == *own || name == *eks,
    })
}

fn is_ours(name: &str) -> bool {
    is_of_another(Conditions::Off, name)
}

fn has_our_reason(condition: &NodeCondition) -> bool {
    let reason = condition.reason.as_deref().unwrap_or_default();
    [HEALTHY, NOTHING_TO_REPAIR, SILENT, STOPPED].contains(&reason)
        || reason.starts_with(&finding::reason(USER_PREFIX))
        || catalogue().any(|finding| finding::reason(finding.code) == reason)
}

fn is_so(wanted: &Wanted, old: &NodeCondition, now: Timestamp) -> bool {
    let confirmed = old.last_heartbeat_time.as_ref();
    let age = confirmed.map(|Time(at)| now.duration_since(*at).unsigned_abs());
    old.status == wanted.status
        && old.reason.as_deref() == Some(wanted.reason.as_str())
        && old.message.as_deref() == Some(wanted.message.as_str())
        && age.is_some_and(|age| age < HEARTBEAT)
}

fn with_times(wanted: &Wanted, old: Option<&NodeCondition>, now: Timestamp) -> NodeCondition {
    let since = old
        .filter(|old| old.status == wanted.status)
        .and_then(|old| old.last_transition_time.clone());
    NodeCondition {
        type_: wanted.name.to_owned(),
        status: wanted.status.to_owned(),
        reason: Some(wanted.reason.clone()),
        message: Some(wanted.message.clone()),
        last_transition_time: Some(since.unwrap_or(Time(now))),
        last_heartbeat_time: Some(Time(now)),
    }
}

#[cfg(test)]
mod tests;
