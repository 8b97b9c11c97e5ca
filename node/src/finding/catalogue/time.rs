//! Findings of the clock, and of what it makes invalid.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const TIME: &[&Finding] = &[
    &TIME_SIGNATURE_EXPIRED,
    &TIME_CERT_VALIDITY,
    &TIME_UNSYNCHRONIZED,
];

/// AWS rejects signatures because of the clock.
pub const TIME_SIGNATURE_EXPIRED: Finding = Finding {
    code: "time.signature_expired",
    title: "AWS rejects signatures because of the clock",
    severity: Severity::Fatal,
    condition: None,
    cause: "The node clock differs from AWS by more than five minutes, or credentials are stale.",
    fix: "chronyc makestep; chronyc tracking",
};

/// A certificate is outside its validity on this clock.
pub const TIME_CERT_VALIDITY: Finding = Finding {
    code: "time.cert_validity",
    title: "A certificate is outside its validity on this clock",
    severity: Severity::Fatal,
    condition: None,
    cause: "Nearly always the node clock is wrong; otherwise the certificate expired.",
    fix: "chronyc makestep, then systemctl restart kubelet",
};

/// The clock is not synchronised or was stepped.
pub const TIME_UNSYNCHRONIZED: Finding = Finding {
    code: "time.unsynchronized",
    title: "The clock is not synchronised or was stepped",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "chronyd is stopped or cannot reach 169.254.169.123.",
    fix: "systemctl restart chronyd; chronyc tracking",
};
