//! The documents that agent and ctl exchange, and that people read: verdict, status, annotation.
//!
//! Field names are the JSON contract: add fields, never rename them. Everything here is already redacted.

pub mod access;
mod boot;
mod diagnosis;
mod facts;
mod source;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use boot::{BootPhase, BootReport, Origin, PhaseState};
pub use diagnosis::{Diagnosis, Health, NodeNow};
pub use facts::NodeFacts;
pub use source::{LogSource, SourceState};

/// `apiVersion` of every document of ours.
pub const API_VERSION: &str = "nodectl.dev/v1alpha1";

/// Name of the Node annotation that holds an [`Annotation`].
pub const ANNOTATION: &str = "nodectl.dev/agent";

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Reported, never counted against the node.
    Info,
    /// Someone should look.
    Warning,
    /// The node cannot join, or cannot serve pods.
    Fatal,
}

impl Severity {
    /// The word used in JSON, metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Fatal => "fatal",
        }
    }
}

/// How far a node has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The boot is still going on; nothing is decided.
    Running,
    /// The Node object exists under our name, and is not Ready yet.
    Registered,
    /// The Node object exists and is Ready.
    Joined,
    /// The node did not register before its deadline, or cannot.
    Failed,
}

impl Outcome {
    /// The word used in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Registered => "registered",
            Self::Joined => "joined",
            Self::Failed => "failed",
        }
    }
}

/// The phase of the boot that a verdict speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Configuration is read, facts are gathered, files are written.
    Config,
    /// Daemons are started.
    Run,
    /// The kubelet runs; the Node object and its Ready condition are awaited.
    Join,
}

impl Phase {
    /// The word used in JSON and in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Run => "run",
            Self::Join => "join",
        }
    }
}

/// Duration of one phase of the boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// The phase.
    pub phase: Phase,
    /// Wall time spent in it, in milliseconds.
    pub milliseconds: u64,
}

/// Who is speaking: the instance and the node it is to become. Empty strings are facts that were not reached yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// EC2 instance id, `i-…`.
    #[serde(default)]
    pub instance_id: String,
    /// EC2 instance type.
    #[serde(default)]
    pub instance_type: String,
    /// AWS region.
    #[serde(default)]
    pub region: String,
    /// Name of the Node object.
    #[serde(default)]
    pub node_name: String,
    /// Name of the EKS cluster.
    #[serde(default)]
    pub cluster: String,
    /// Name of the instance's IAM role.
    #[serde(default)]
    pub role: String,
    /// ARN of that role as STS shows it, that is without its path.
    #[serde(default)]
    pub role_arn: String,
}

/// One code with its cause, what was seen, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootCause {
    /// Stable code of the catalogue, `area.fault`.
    pub code: String,
    /// The cause in one or two sentences.
    pub cause: String,
    /// Lines or observations that prove it, redacted, newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What a person does next.
    pub fix: String,
}

/// The answer to "did this node join, and if not, why not": `/run/nodeagent/verdict.json`, journal, console, endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `Verdict`.
    pub kind: String,
    /// Version of the agent that gives it.
    pub agent_version: String,
    /// When it was given.
    pub at: Timestamp,
    /// True while the boot goes on and the verdict may still change.
    pub provisional: bool,
    /// How far the node has come.
    pub outcome: Outcome,
    /// The phase that was reached.
    pub phase: Phase,
    /// Who is speaking.
    pub identity: Identity,
    /// Why the node has not joined, or what is wrong with it although it has; absent when all is well, or when nothing is
    /// known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<RootCause>,
    /// Codes that follow from the root cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<String>,
    /// Things that are wrong and did not prevent the join, such as an unknown field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// What is being waited for that is no fault, such as the start of service of a machine in a warm pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// How long each phase took, in the order in which they ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timings: Vec<Timing>,
}

/// One finding that is open on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenFinding {
    /// Stable code of the catalogue.
    pub code: String,
    /// Severity of the catalogue.
    pub severity: Severity,
    /// The finding as a claim.
    pub title: String,
    /// What it speaks of (a unit, pod or device); empty for the node itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub object: String,
    /// First time it was seen.
    pub first_seen: Timestamp,
    /// Last time it was seen.
    pub last_seen: Timestamp,
    /// How often it was seen.
    pub count: u64,
    /// The last lines that prove it, redacted, newest last; at most three.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// What a person does next.
    pub fix: String,
    /// Code of the open finding that explains this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained_by: Option<String>,
}

/// Whether `amazon-ssm-agent` can be used to reach the node, as far as the node knows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SsmState {
    /// It was not looked at yet.
    #[default]
    Unknown,
    /// The unit runs; that it has reported to Systems Manager is not known.
    Running,
    /// The unit runs and has reported to Systems Manager.
    Registered,
    /// The unit is installed and does not run.
    Stopped,
    /// The unit is not installed.
    Missing,
}

/// Max pods as we planned it and as the kubelet reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaxPods {
    /// What the plan gave the kubelet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<u32>,
    /// `status.capacity.pods` of the Node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<u32>,
}

/// What `GET /v1/status` and `nodeagent status -o json` answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `Status`.
    pub kind: String,
    /// Version of the agent.
    pub agent_version: String,
    /// When the daemon started.
    pub started_at: Timestamp,
    /// The verdict of this boot, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Findings that are open now, root causes first.
    pub findings: Vec<OpenFinding>,
    /// Max pods planned and effective.
    pub max_pods: MaxPods,
    /// The SSM agent.
    pub ssm: SsmState,
    /// What is wrong with the files of rules on this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// Where log lines are read, and what of them was lost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<LogSource>,
}

/// What `GET /v1/findings` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FindingList {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `FindingList`.
    pub kind: String,
    /// Findings that are open now, root causes first.
    pub items: Vec<OpenFinding>,
}

/// Content of the Node annotation [`ANNOTATION`]: at most 2 KiB of JSON, nothing in it that ticks, so that it is
/// written on change only and `nodectl status` of any number of nodes is one LIST.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Annotation {
    /// Version of the agent.
    pub version: String,
    /// How far the node has come.
    pub outcome: Outcome,
    /// Code of the root cause, when something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<String>,
    /// Codes of the open findings, root causes first; cut to what fits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Max pods planned and effective.
    #[serde(default)]
    pub max_pods: MaxPods,
    /// The SSM agent.
    #[serde(default)]
    pub ssm: SsmState,
}

impl Annotation {
    /// The most bytes that the annotation's JSON may have.
    pub const MAXIMUM_BYTES: usize = 2048;

    /// Compact JSON of at most [`Self::MAXIMUM_BYTES`]: the last findings are dropped until it fits.
    pub fn to_json(&self) -> String {
        let mut fitting = self.clone();
        loop {
            let json = serde_json::to_string(&fitting).unwrap_or_default();
            if json.len() <= Self::MAXIMUM_BYTES || fitting.findings.pop().is_none() {
                return json;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_annotation_with_many_findings_stays_within_two_kibibytes() {
        let annotation = Annotation {
            version: "0.1.0".into(),
            outcome: Outcome::Joined,
            root_cause: Some("cni.not_ready".into()),
            findings: (0..500)
                .map(|index| format!("area.finding_{index}"))
                .collect(),
            max_pods: MaxPods {
                planned: Some(29),
                effective: None,
            },
            ssm: SsmState::Running,
        };
        let json = annotation.to_json();
        assert!(json.len() <= Annotation::MAXIMUM_BYTES, "{}", json.len());
        let read: Annotation = serde_json::from_str(&json).unwrap();
        assert_eq!(
            read.findings.first().map(String::as_str),
            Some("area.finding_0")
        );
        assert!(read.findings.len() > 50);
    }
}
