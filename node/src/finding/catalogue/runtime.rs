//! Findings of containerd.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const RUNTIME: &[&Finding] = &[&RUNTIME_CRI_UNAVAILABLE, &RUNTIME_SOCKET_MISSING];

/// The runtime offers no CRI service.
pub const RUNTIME_CRI_UNAVAILABLE: Finding = Finding {
    code: "runtime.cri_unavailable",
    title: "The runtime offers no CRI service",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "The CRI plugin is disabled in the configuration or failed to load (wrong section, missing snapshotter).",
    fix: "Remove cri from disabled_plugins in /etc/containerd/config.toml; ctr plugins ls | grep cri",
};

/// The container runtime socket does not exist.
pub const RUNTIME_SOCKET_MISSING: Finding = Finding {
    code: "runtime.socket_missing",
    title: "The container runtime socket does not exist",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "containerd is not running or listens elsewhere.",
    fix: "systemctl status containerd; journalctl -u containerd -b",
};
