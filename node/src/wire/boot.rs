//! The timeline of one boot.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Outcome;

/// What `GET /v1/boot` and `nodeagent boot -o json` answer: the phases from the start of the kernel until the node is
/// Ready. What is not known is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootReport {
    /// Always [`super::API_VERSION`].
    pub api_version: String,
    /// Always `BootReport`.
    pub kind: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Name of the Node object; empty while it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub node_name: String,
    /// How far the node has come.
    pub outcome: Outcome,
    /// True while the boot goes on.
    pub provisional: bool,
    /// What is being waited for, where the boot waits for somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// What the times count from.
    pub origin: Origin,
    /// When that was, by the clock of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin_at: Option<Timestamp>,
    /// The phases, in the order in which they began.
    pub phases: Vec<BootPhase>,
}

/// What the times of a timeline count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The start of the kernel.
    Kernel,
    /// The start of PID 1: a container shares the kernel of its host.
    Userspace,
    /// The first thing that the agent did: systemd could not be asked.
    Agent,
}

/// One phase of a boot. Phases can overlap and repeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BootPhase {
    /// `kernel`, `initrd`, `systemd`, `network-online`, `cloud-final`, `config`, `containerd`, `ready`, …
    pub name: String,
    /// When it began, in milliseconds since the origin.
    pub start_milliseconds: u64,
    /// How long it took, in milliseconds; absent while it goes on, and for a moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_milliseconds: Option<u64>,
    /// Whether it is over.
    pub state: PhaseState,
}

/// Whether a phase is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PhaseState {
    /// It goes on.
    Running,
    /// It has ended.
    Complete,
    /// It is a moment: something was seen for the first time.
    Moment,
}

impl BootReport {
    /// Milliseconds since the origin at which a moment was seen.
    pub fn moment(&self, name: &str) -> Option<u64> {
        self.phases
            .iter()
            .find(|phase| phase.name == name && phase.state == PhaseState::Moment)
            .map(|phase| phase.start_milliseconds)
    }
}
