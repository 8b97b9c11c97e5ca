//! Findings of the SSM agent.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const SSM: &[&Finding] = &[&SSM_NOT_RUNNING];

/// The SSM agent is not running.
pub const SSM_NOT_RUNNING: Finding = Finding {
    code: "ssm.not_running",
    title: "The SSM agent is not running",
    severity: Severity::Warning,
    condition: None,
    cause: "The unit is not installed, masked or crashed.",
    fix: "systemctl enable --now amazon-ssm-agent",
};
