//! What the facts of one row mean: its state, whether that is healthy, and why not, in one line.

use jiff::{SignedDuration, Timestamp};
use node::finding::{self, Severity};
use node::wire::{Identity, Outcome, Verdict};
use serde::{Deserialize, Serialize};

use super::age::age;
use crate::observe::ec2::InstanceFacts;
use crate::observe::kubernetes::{Condition, NodeFacts};

use crate::reach::console::Answer;

/// An instance that has run this long without a Node has failed to join; the agent's own deadline.
const JOIN_DEADLINE: SignedDuration = SignedDuration::from_mins(10);

/// Conditions of the kubelet that are bad when True.
const PRESSURES: [&str; 4] = [
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    "NetworkUnavailable",
];
/// Conditions of the EKS monitoring agent that are bad when False; ours begin with `nodectl.dev/`.
const EKS_CONDITIONS: [&str; 5] = [
    "KernelReady",
    "NetworkingReady",
    "StorageReady",
    "ContainerRuntimeReady",
    "AcceleratedHardwareReady",
];
const OWN_CONDITIONS: &str = "nodectl.dev/";

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// The Node is Ready.
    Ready,
    /// The Node exists and is not Ready.
    NotReady,
    /// The instance is on its way to become a Node.
    Joining,
    /// The instance did not become a Node.
    NotJoined,
    /// The instance is being stopped.
    Stopping,
    /// The instance is stopped.
    Stopped,
    /// The instance is being terminated.
    ShuttingDown,
    /// The instance is terminated.
    Terminated,
    /// The plane that would know did not answer.
    Unknown,
}

impl State {
    /// The word used in tables; the same as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
            Self::Joining => "Joining",
            Self::NotJoined => "NotJoined",
            Self::Stopping => "Stopping",
            Self::Stopped => "Stopped",
            Self::ShuttingDown => "ShuttingDown",
            Self::Terminated => "Terminated",
            Self::Unknown => "Unknown",
        }
    }
}

/// Whether someone has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// It serves pods.
    Healthy,
    /// It does not serve pods yet, and may still come up by itself.
    Pending,
    /// Something is wrong.
    Unhealthy,
    /// It is not meant to serve pods: stopped, or going away.
    Idle,
    /// It cannot be told.
    Unknown,
}

/// What a row means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assessment {
    pub(super) state: State,
    pub(super) health: Health,
    pub(super) code: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) cause: Option<String>,
    pub(super) fix: Option<String>,
}

impl Assessment {
    fn new(state: State, health: Health) -> Self {
        Self {
            state,
            health,
            code: None,
            reason: None,
            cause: None,
            fix: None,
        }
    }

    fn because(self, reason: impl AsRef<str>) -> Self {
        Self {
            reason: Some(one_line(reason.as_ref())),
            ..self
        }
    }

    /// The cause is a finding of the catalogue; one that this version does not know has no cause and no fix.
    fn found(self, code: &str, identity: &Identity) -> Self {
        let known = finding::by_code(code);
        Self {
            code: Some(code.to_owned()),
            cause: known.map(|finding| finding.cause.to_owned()),
            fix: known.map(|finding| finding.fix_for(identity)),
            ..self.because(titled(code, ""))
        }
    }
}

/// A code with its title, which is shorter than its cause; `cause` stands in for a code that this version does not know.
fn titled(code: &str, cause: &str) -> String {
    match finding::by_code(code).map_or(cause, |finding| finding.title) {
        "" => code.to_owned(),
        title => format!("{code}: {title}"),
    }
}

/// What EC2 knows of the instance behind a Node.
#[derive(Debug, Clone, Copy)]
pub(super) enum Behind<'a> {
    /// EC2 did not answer, or the Node has no instance of its own.
    Unasked,
    /// EC2 answered, and does not know the instance.
    Gone,
    /// The instance.
    Instance(&'a InstanceFacts),
}

/// Assesses a Node.
pub(super) fn of_node(
    node: &NodeFacts,
    behind: Behind<'_>,
    identity: &Identity,
    now: Timestamp,
) -> Assessment {
    let ready = node.ready();
    let is_ready = ready.is_some_and(|ready| ready.status == "True");
    let state = if is_ready {
        State::Ready
    } else {
        State::NotReady
    };
    let unhealthy = Assessment::new(state, Health::Unhealthy);

    match behind {
        Behind::Gone => {
            let id = node.instance_id().unwrap_or_default();
            return unhealthy.because(format!("its instance {id} does not exist any more"));
        }
        Behind::Instance(instance)
            if !["pending", "running"].contains(&instance.state.as_str()) =>
        {
            return unhealthy.because(format!("its instance is {}", instance.state));
        }
        Behind::Unasked | Behind::Instance(_) => {}
    }
    let root_cause = node
        .agent
        .as_ref()
        .and_then(|agent| agent.root_cause.as_deref());
    match ready {
        None => return unhealthy.because("the kubelet has not reported yet"),
        // A kubelet that reports is what the agent's finding explains; of a silent one nothing newer is known.
        Some(ready) if ready.status == "False" => {
            return match root_cause {
                Some(code) => unhealthy.found(code, identity),
                None => unhealthy.because(describe(ready, now)),
            };
        }
        Some(ready) if ready.status != "True" => return unhealthy.because(describe(ready, now)),
        Some(_) => {}
    }
    let bad = node.conditions.iter().find(|condition| is_bad(condition));
    let fatal = root_cause
        .and_then(finding::by_code)
        .is_some_and(|finding| finding.severity == Severity::Fatal);
    let health = if bad.is_some() || fatal {
        Health::Unhealthy
    } else {
        Health::Healthy
    };
    let assessment = Assessment::new(state, health);
    if let Some(code) = root_cause {
        return assessment.found(code, identity);
    }
    if let Some(bad) = bad {
        return assessment.because(format!("{}: {}", bad.kind, describe(bad, now)));
    }
    if let Some(error) = &node.agent_error {
        return assessment.because(format!("the agent's annotation cannot be read: {error}"));
    }
    let planned = node.agent.as_ref().and_then(|agent| agent.max_pods.planned);
    match (planned, node.max_pods) {
        (Some(planned), Some(effective)) if planned != effective => assessment.because(format!(
            "max pods is {effective}, the agent planned {planned}"
        )),
        _ => assessment,
    }
}

/// Assesses an instance without a Node. `are_nodes_known` is false when the API server did not answer.
pub(super) fn of_instance(
    instance: &InstanceFacts,
    console: Option<&Answer>,
    are_nodes_known: bool,
    now: Timestamp,
) -> Assessment {
    let idle = |state| Assessment {
        reason: instance.state_reason.clone(),
        ..Assessment::new(state, Health::Idle)
    };
    match instance.state.as_str() {
        "running" => {}
        "pending" => {
            return Assessment::new(State::Joining, Health::Pending)
                .because("the instance is pending");
        }
        "stopping" => return idle(State::Stopping),
        "stopped" => return idle(State::Stopped),
        "shutting-down" => return idle(State::ShuttingDown),
        "terminated" => return idle(State::Terminated),
        other => {
            return Assessment::new(State::Unknown, Health::Unknown)
                .because(format!("the instance is {other}"));
        }
    }
    let is_late = instance
        .launched_at
        .is_none_or(|launched_at| now.duration_since(launched_at) >= JOIN_DEADLINE);
    let (state, health) = match (are_nodes_known, is_late) {
        (false, _) => (State::Unknown, Health::Unknown),
        (true, false) => (State::Joining, Health::Pending),
        (true, true) => (State::NotJoined, Health::Unhealthy),
    };
    let open = Assessment::new(state, health);
    match console.and_then(|console| console.verdict.as_ref()) {
        Some(verdict) => of_verdict(verdict, open, are_nodes_known),
        None => open.because(silence(instance, console, are_nodes_known, now)),
    }
}

fn of_verdict(verdict: &Verdict, open: Assessment, are_nodes_known: bool) -> Assessment {
    let failed = Assessment::new(State::NotJoined, Health::Unhealthy);
    let phase = verdict.phase.as_str();
    match (&verdict.root_cause, verdict.outcome) {
        // What has joined has a Node, and its later troubles stand there.
        (Some(root), Outcome::Running | Outcome::Failed) => Assessment {
            code: Some(root.code.clone()),
            cause: Some(one_line(&root.cause)),
            fix: Some(root.fix.clone()),
            ..failed.because(titled(&root.code, &root.cause))
        },
        (None, Outcome::Running) => {
            open.because(format!("the agent is in phase {phase}, no fault found yet"))
        }
        (None, Outcome::Failed) => failed.because(format!(
            "the agent failed in phase {phase} and named no cause"
        )),
        (_, outcome @ (Outcome::Registered | Outcome::Joined)) => {
            let name = if verdict.identity.node_name.is_empty() {
                "a Node"
            } else {
                &verdict.identity.node_name
            };
            let said = format!("{} as {name} at {:.0}", outcome.as_str(), verdict.at);
            if are_nodes_known {
                failed.because(format!("{said}, and that Node is gone"))
            } else {
                open.because(format!("its console says: {said}"))
            }
        }
    }
}

fn silence(
    instance: &InstanceFacts,
    console: Option<&Answer>,
    are_nodes_known: bool,
    now: Timestamp,
) -> String {
    let running = instance.launched_at.map_or_else(
        || "running".to_owned(),
        |launched_at| format!("running {}", age(launched_at, now)),
    );
    let node = if are_nodes_known { ", no Node" } else { "" };
    let console = match console {
        None => String::new(),
        Some(Answer {
            error: Some(error), ..
        }) => format!(", its console cannot be read: {error}"),
        Some(_) => ", no verdict on its console".to_owned(),
    };
    format!("{running}{node}{console}")
}

fn is_bad(condition: &Condition) -> bool {
    let kind = condition.kind.as_str();
    match condition.status.as_str() {
        "True" => PRESSURES.contains(&kind),
        "False" => EKS_CONDITIONS.contains(&kind) || kind.starts_with(OWN_CONDITIONS),
        _ => false,
    }
}

fn describe(condition: &Condition, now: Timestamp) -> String {
    let text = [
        condition.reason.as_str(),
        condition.message.trim_end_matches('.'),
    ];
    let text = text
        .into_iter()
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(": ");
    match condition.since {
        Some(since) => format!("{text} (for {})", age(since, now)),
        None => text,
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
