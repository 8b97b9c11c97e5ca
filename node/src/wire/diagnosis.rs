//! A node looked at from all sides, once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{OpenFinding, Verdict};

/// Whether a node is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// It has joined, everything was looked at, and nothing fatal is open.
    Healthy,
    /// Something fatal is open, or it has not joined.
    Unhealthy,
    /// Nothing fatal was seen, and not everything could be looked at.
    Unknown,
}

/// Our own Node as the API server has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeNow {
    /// Its Ready condition is True.
    pub is_ready: bool,
    /// Why it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// What `nodeagent diagnose -o json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnosis {
    /// Always [`super::API_VERSION`].
    pub api_version: String,
    /// Always `Diagnosis`.
    pub kind: String,
    /// Version of the agent.
    pub agent_version: String,
    /// When it was made.
    pub at: Timestamp,
    /// Whether the node is well.
    pub health: Health,
    /// The verdict of this boot, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The Node; absent when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeNow>,
    /// The one cause; absent when nothing at warning or above is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_cause: Option<OpenFinding>,
    /// What an open finding explains.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consequences: Vec<OpenFinding>,
    /// What is open beside the cause.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_open: Vec<OpenFinding>,
    /// What could not be looked at, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
}
