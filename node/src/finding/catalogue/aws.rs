//! Findings of calls to AWS that belong to no phase.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const AWS: &[&Finding] = &[&AWS_API_THROTTLED];

/// An AWS API throttles this node.
pub const AWS_API_THROTTLED: Finding = Finding {
    code: "aws.api_throttled",
    title: "An AWS API throttles this node",
    severity: Severity::Warning,
    condition: None,
    cause: "Many instances call the same API at the same time.",
    fix: "Launch in smaller batches; raise AWS_MAX_ATTEMPTS for the bootstrap; raise WARM_IP_TARGET so that the CNI calls less often",
};
