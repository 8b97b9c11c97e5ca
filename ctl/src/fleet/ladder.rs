//! The ladder from outside: what has to be true of a node, from the instance up to its agent, and where it breaks. Pure.

use jiff::Timestamp;
use node::finding;
use node::wire::{self, API_VERSION, OpenFinding, Outcome, RootCause, Verdict};
use serde::{Deserialize, Serialize};

use super::health::Health;
use super::observation::Observations;
use super::row::Row;
use crate::observe::ec2::Checks;
use crate::reach::agent::Document;

/// Whether a rung holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Holds {
    /// It does.
    Ok,
    /// It does not.
    Failed,
    /// It could not be looked at.
    Unknown,
}

impl Holds {
    /// The word used in JSON and on pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that has to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rung {
    /// What was looked at.
    pub name: String,
    /// Whether it holds.
    pub holds: Holds,
    /// What was seen.
    pub detail: String,
}

/// The one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Code of the finding; absent for what only the cloud's side shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The cause in a sentence or two.
    pub cause: String,
    /// What proves it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What a person does next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What `nodectl diagnose -o json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeDiagnosis {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `NodeDiagnosis`.
    pub kind: String,
    /// Name of the cluster.
    pub cluster: String,
    /// When it was looked at.
    pub observed_at: Timestamp,
    /// `healthy`, `unhealthy`, or `unknown` when nothing is wrong and not everything could be looked at.
    pub health: Health,
    /// Why it is not well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<Cause>,
    /// What was looked at, from the instance up.
    pub rungs: Vec<Rung>,
    /// What the planes and the agent said.
    pub node: Row,
}

/// What was learned of one node.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Its row, with its agent's answer.
    pub row: Row,
    /// What the planes said, for those that did not.
    pub observations: &'a Observations,
    /// EC2's checks; an error is one line.
    pub checks: Result<Option<Checks>, String>,
    /// The role of an instance that has no Node, where it is known, and what lets it in.
    pub access: Option<Access>,
}

/// Whether the cluster lets a role in.
#[derive(Debug, Clone)]
pub struct Access {
    /// ARN of the role as STS shows it.
    pub role_arn: String,
    /// Type of its access entry; an error is one line.
    pub entry: Result<Option<String>, String>,
}

/// Climbs the ladder.
pub fn climb(seen: Seen<'_>, cluster: &str, observed_at: Timestamp) -> NodeDiagnosis {
    let rungs: Vec<Rung> = [
        ("instance", instance(&seen)),
        ("status checks", checks(&seen)),
        ("console", console(&seen)),
        ("access", access(&seen)),
        ("node", Some(node(&seen))),
        ("ready", ready(&seen)),
        ("agent", agent(&seen)),
    ]
    .into_iter()
    .filter_map(|(name, look)| {
        let (holds, detail) = look?;
        Some(Rung {
            name: name.into(),
            holds,
            detail,
        })
    })
    .collect();
    let any = |holds| rungs.iter().any(|rung| rung.holds == holds);
    let health = if any(Holds::Failed) || seen.row.health == Health::Unhealthy {
        Health::Unhealthy
    } else if any(Holds::Unknown) {
        Health::Unknown
    } else {
        Health::Healthy
    };
    let root_cause = match health {
        Health::Unhealthy => Some(cause(&seen, &rungs)),
        // A warning does not make a node unhealthy, and is told all the same.
        _ => live(&seen).and_then(root).map(of_finding),
    };
    NodeDiagnosis {
        api_version: API_VERSION.into(),
        kind: "NodeDiagnosis".into(),
        cluster: cluster.into(),
        observed_at,
        health,
        root_cause,
        rungs,
        node: seen.row,
    }
}

/// What was seen of a rung; none where there is no such thing to look at.
type Look = Option<(Holds, String)>;

fn instance(seen: &Seen<'_>) -> Look {
    let known = seen.observations.instances.answer().is_some();
    match (&seen.row.ec2, &seen.row.instance_id) {
        (Some(instance), _) => {
            let is_running = instance.state == "running";
            let reason = instance.state_reason.as_ref();
            let reason = reason.map(|reason| format!(": {reason}"));
            let detail = format!("{}{}", instance.state, reason.unwrap_or_default());
            let holds = if is_running { Holds::Ok } else { Holds::Failed };
            Some((holds, detail))
        }
        (None, Some(_)) if known => {
            Some((Holds::Failed, "EC2 does not know it any more".to_owned()))
        }
        (None, Some(_)) => Some((Holds::Unknown, "EC2 did not answer".to_owned())),
        // Fargate's have none.
        (None, None) => None,
    }
}

fn checks(seen: &Seen<'_>) -> Look {
    seen.row
        .ec2
        .as_ref()
        .filter(|instance| instance.state == "running")?;
    let checks = match &seen.checks {
        Err(error) => return Some((Holds::Unknown, error.clone())),
        Ok(None) => return Some((Holds::Unknown, "EC2 has none of it".to_owned())),
        Ok(Some(checks)) => checks,
    };
    let words = [checks.system.as_str(), checks.instance.as_str()];
    let holds = if words.contains(&"impaired") {
        Holds::Failed
    } else {
        Holds::Ok
    };
    let events = checks.events.iter().map(|event| format!("; {event}"));
    let detail = format!(
        "system {}, instance {}{}",
        checks.system,
        checks.instance,
        events.collect::<String>()
    );
    Some((holds, detail))
}

/// The console counts for an instance that has no Node; of others it only tells what became of the boot.
fn console(seen: &Seen<'_>) -> Look {
    if seen.row.kubernetes.is_some() {
        return None;
    }
    let console = seen.row.console.as_ref()?;
    match (&console.verdict, &console.error) {
        (Some(verdict), _) => {
            let cause = verdict.root_cause.as_ref();
            let holds = match verdict.outcome {
                Outcome::Failed => Holds::Failed,
                Outcome::Running if cause.is_some() => Holds::Failed,
                _ => Holds::Ok,
            };
            let cause = cause.map(|cause| format!(": {}", cause.code));
            let detail = format!("{}{}", verdict.outcome.as_str(), cause.unwrap_or_default());
            Some((holds, detail))
        }
        (None, Some(error)) => Some((Holds::Unknown, error.clone())),
        (None, None) => Some((
            Holds::Unknown,
            "the agent has written no verdict to it".to_owned(),
        )),
    }
}

/// An entry is not the only thing that lets a role in: a missing one is no proof.
fn access(seen: &Seen<'_>) -> Look {
    let Access { role_arn, entry } = seen.access.as_ref()?;
    Some(match entry {
        Ok(Some(kind)) if kind == "EC2_LINUX" => (
            Holds::Ok,
            format!("access entry of type EC2_LINUX for {role_arn}"),
        ),
        Ok(Some(kind)) => (
            Holds::Unknown,
            format!("access entry of type {kind} for {role_arn}; nodes use EC2_LINUX"),
        ),
        Ok(None) => (
            Holds::Unknown,
            format!("no access entry for {role_arn}; only aws-auth could let it in"),
        ),
        Err(error) => (Holds::Unknown, error.clone()),
    })
}

fn node(seen: &Seen<'_>) -> (Holds, String) {
    match (&seen.row.kubernetes, seen.observations.nodes.answer()) {
        (Some(node), _) => (Holds::Ok, node.name.clone()),
        (None, None) => (Holds::Unknown, "the API server did not answer".to_owned()),
        (None, Some(_)) if seen.row.health == Health::Pending => (
            Holds::Unknown,
            "there is none yet, and it is not late".to_owned(),
        ),
        (None, Some(_)) => (Holds::Failed, "there is none".to_owned()),
    }
}

fn ready(seen: &Seen<'_>) -> Look {
    let node = seen.row.kubernetes.as_ref()?;
    match node.ready() {
        Some(ready) if ready.status == "True" => Some((Holds::Ok, ready.reason.clone())),
        Some(ready) => {
            let detail = format!("{}: {}", ready.reason, ready.message);
            Some((Holds::Failed, detail))
        }
        None => Some((Holds::Failed, "the kubelet has not reported yet".to_owned())),
    }
}

/// What the agent itself said.
fn live<'a>(seen: &'a Seen<'_>) -> Option<&'a Document> {
    let answer = seen.row.agent.as_ref()?;
    answer.document.as_ref().filter(|_| answer.is_live())
}

fn agent(seen: &Seen<'_>) -> Look {
    let answer = seen.row.agent.as_ref()?;
    let Some(document) = live(seen) else {
        let why = answer.failures.iter().map(|failure| {
            let way = failure.reach.as_str();
            format!("{way}: {}", failure.error)
        });
        let why = why.collect::<Vec<_>>().join("; ");
        let why = if why.is_empty() {
            "it was not asked".to_owned()
        } else {
            why
        };
        return Some((Holds::Unknown, why));
    };
    let holds = match document {
        Document::Diagnosis(diagnosis) => match diagnosis.health {
            wire::Health::Healthy => Holds::Ok,
            wire::Health::Unhealthy => Holds::Failed,
            wire::Health::Unknown => Holds::Unknown,
        },
        _ if seen.row.health == Health::Unhealthy => Holds::Failed,
        _ => Holds::Ok,
    };
    let detail = match document {
        Document::Diagnosis(diagnosis) if holds == Holds::Unknown => {
            diagnosis.not_checked.join("; ")
        }
        document => match root(document) {
            Some(root) => format!("{}: {}", root.code, root.title),
            None => format!("nothing found by nodeagent {}", document.agent_version()),
        },
    };
    Some((holds, detail))
}

/// The finding that the agent takes for the cause.
fn root(document: &Document) -> Option<&OpenFinding> {
    match document {
        Document::Status(status) => node::rank::root(&status.findings),
        Document::Diagnosis(diagnosis) => diagnosis.root_cause.as_ref(),
        Document::Verdict(_) | Document::Annotation(_) => None,
    }
}

/// What is below goes before what is above; but what the agent itself has found explains a node better than any sign of it
/// from outside.
fn cause(seen: &Seen<'_>, rungs: &[Rung]) -> Cause {
    let failed = |name: &str| {
        let mut found = rungs.iter();
        found.find(|rung| rung.name == name && rung.holds == Holds::Failed)
    };
    if let Some(rung) = failed("instance") {
        return outside(
            format!("The instance does not run: {}", rung.detail),
            "start it, or delete its Node: `kubectl delete node NAME`",
            rung,
        );
    }
    let answer = seen.row.agent.as_ref();
    let document = answer.and_then(|answer| answer.document.as_ref());
    if let Some(found) = document.and_then(root) {
        return of_finding(found);
    }
    if let Some(cause) = document.and_then(Document::verdict).and_then(unjoined) {
        return of_verdict(cause);
    }
    if let Some(rung) = failed("status checks") {
        return outside(
            format!("EC2's status checks have failed: {}", rung.detail),
            "stop and start the instance, or let its group replace it: `aws autoscaling set-instance-health --health-status Unhealthy --instance-id ID`",
            rung,
        );
    }
    let row = &seen.row;
    let fallback = rungs.iter().find(|rung| rung.holds == Holds::Failed);
    Cause {
        code: row.code.clone(),
        cause: row
            .cause
            .clone()
            .or_else(|| row.reason.clone())
            .or_else(|| fallback.map(|rung| format!("{}: {}", rung.name, rung.detail)))
            .unwrap_or_default(),
        evidence: row.reason.iter().cloned().collect(),
        fix: row.fix.clone(),
    }
}

fn unjoined(verdict: &Verdict) -> Option<&RootCause> {
    let cause = verdict.root_cause.as_ref();
    cause.filter(|_| verdict.outcome != Outcome::Joined)
}

fn outside(cause: String, fix: &str, rung: &Rung) -> Cause {
    Cause {
        code: None,
        cause,
        evidence: vec![format!("{}: {}", rung.name, rung.detail)],
        fix: Some(fix.to_owned()),
    }
}

fn of_finding(found: &OpenFinding) -> Cause {
    let entry = finding::by_code(&found.code);
    Cause {
        code: Some(found.code.clone()),
        cause: entry.map_or_else(|| found.title.clone(), |entry| entry.cause.to_owned()),
        evidence: found.evidence.clone(),
        fix: Some(found.fix.clone()),
    }
}

fn of_verdict(cause: &RootCause) -> Cause {
    Cause {
        code: Some(cause.code.clone()),
        cause: cause.cause.clone(),
        evidence: cause.evidence.clone(),
        fix: Some(cause.fix.clone()),
    }
}

#[cfg(test)]
mod tests;
