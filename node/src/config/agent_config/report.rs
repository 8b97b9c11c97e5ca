//! What the daemon writes to its Node beside the annotation.

use serde::{Deserialize, Serialize};

/// What the daemon writes to its Node beside the annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Report {
    /// Which conditions it writes.
    pub conditions: Conditions,
    /// Whether findings become events of the Node. Default yes.
    pub events: bool,
}

/// Which conditions of the Node are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Conditions {
    /// Types of our own, such as `nodectl.dev/Kernel`.
    #[default]
    Own,
    /// The types that EKS auto repair reads, such as `KernelReady`: one that is False replaces the node.
    Eks,
    /// None.
    Off,
}

/// `spec.report` of an AgentConfig document; see [`Report`] for each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ReportSpec {
    /// `own`, `eks` or `off`.
    pub conditions: Option<Conditions>,
    /// Whether findings become events.
    pub events: Option<bool>,
}

impl Default for Report {
    fn default() -> Self {
        Self {
            conditions: Conditions::default(),
            events: true,
        }
    }
}

impl Report {
    /// This with what `over` sets in its place.
    #[must_use]
    pub(super) fn with(self, over: &ReportSpec) -> Self {
        Self {
            conditions: over.conditions.unwrap_or(self.conditions),
            events: over.events.unwrap_or(self.events),
        }
    }
}
