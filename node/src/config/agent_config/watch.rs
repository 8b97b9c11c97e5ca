//! What the daemon watches beyond what it does anyway, and what it does not look for.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// What the daemon watches. Those of several documents add up: what one of them asks for, another does not take back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Watch {
    /// More units whose lines are read.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub units: BTreeSet<String>,
    /// Codes of findings that are not looked for.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub disabled_rules: BTreeSet<String>,
}

impl Watch {
    /// This and `more` together.
    #[must_use]
    pub fn with(mut self, more: &Self) -> Self {
        self.units.extend(more.units.iter().cloned());
        let disabled = more.disabled_rules.iter().cloned();
        self.disabled_rules.extend(disabled);
        self
    }
}
