//! Findings of the pod network.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const CNI: &[&Finding] = &[&CNI_NOT_READY];

/// The pod network is not configured.
pub const CNI_NOT_READY: Finding = Finding {
    code: "cni.not_ready",
    title: "The pod network is not configured",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "No CNI configuration exists yet: the network DaemonSet has not started or crashed.",
    fix: "kubectl -n kube-system get pods -l k8s-app=aws-node -o wide; look at its log on this node",
};
