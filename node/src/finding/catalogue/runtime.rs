//! Findings of containerd.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const RUNTIME: &[&Finding] = &[
    &RUNTIME_NOT_INSTALLED,
    &RUNTIME_CONFIG_INVALID,
    &RUNTIME_CRI_UNAVAILABLE,
    &RUNTIME_SOCKET_MISSING,
    &RUNTIME_NOT_READY,
    &RUNTIME_RUNC_MISSING,
    &RUNTIME_RESTARTING,
    &RUNTIME_OCI_CREATE_FAILED,
    &RUNTIME_SANDBOX_TIMEOUT,
    &RUNTIME_SHIM_LOST,
    &RUNTIME_PORT_TAKEN,
    &RUNTIME_DEPRECATED_CONFIG,
];

/// There is no container runtime that could be started.
pub const RUNTIME_NOT_INSTALLED: Finding = Finding {
    code: "runtime.not_installed",
    title: "containerd is not installed, or its unit is masked",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "The image has no containerd.service or no containerd, or somebody masked the unit.",
    fix: "systemctl unmask containerd; use an AMI that contains containerd",
};

/// The containerd configuration is not valid.
pub const RUNTIME_CONFIG_INVALID: Finding = Finding {
    code: "runtime.config_invalid",
    title: "The containerd configuration is not valid",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "containerd exits at start because its TOML, or a file that it imports, does not parse, has a value of another type or a version it does not know.",
    fix: "Correct spec.containerd.config or the imported file that the message names; try it with: containerd config dump",
};

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

/// The container runtime is there and does not do its work.
pub const RUNTIME_NOT_READY: Finding = Finding {
    code: "runtime.not_ready",
    title: "The container runtime does not do its work",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "containerd does not answer CRI calls in time, answers them with errors, or says itself that it is not ready: a stalled disk, overload, or a plugin that hangs.",
    fix: "journalctl -u containerd -b | tail -50; cat /proc/pressure/io; systemctl restart containerd",
};

/// The OCI runtime program is missing.
pub const RUNTIME_RUNC_MISSING: Finding = Finding {
    code: "runtime.runc_missing",
    title: "The OCI runtime program is missing",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "runc (or the configured wrapper) is not installed or not executable.",
    fix: "Install runc or correct BinaryName in the containerd configuration",
};

/// containerd keeps restarting.
pub const RUNTIME_RESTARTING: Finding = Finding {
    code: "runtime.restarting",
    title: "containerd keeps restarting",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "The runtime exits; see its last lines.",
    fix: "journalctl -u containerd -b | tail -50",
};

/// Containers cannot be created.
pub const RUNTIME_OCI_CREATE_FAILED: Finding = Finding {
    code: "runtime.oci_create_failed",
    title: "Containers cannot be created",
    severity: Severity::Warning,
    condition: Some(Condition::ContainerRuntime),
    cause: "runc refused a container for a reason of this node: a mount, control groups or security settings. A program that is missing in an image is not meant.",
    fix: "Read what follows \"OCI runtime create failed\"; on the node: journalctl -u containerd -b",
};

/// Pod sandboxes time out or their names stay reserved.
pub const RUNTIME_SANDBOX_TIMEOUT: Finding = Finding {
    code: "runtime.sandbox_timeout",
    title: "Pod sandboxes time out or their names stay reserved",
    severity: Severity::Warning,
    condition: Some(Condition::ContainerRuntime),
    cause: "The runtime did not make a sandbox or a container in time, and may still hold its name: latency of the disk, a CNI plugin that hangs, or overload.",
    fix: "Look at cat /proc/pressure/io and at the CNI daemon, then: systemctl restart containerd",
};

/// A container shim is lost or does not answer.
pub const RUNTIME_SHIM_LOST: Finding = Finding {
    code: "runtime.shim_lost",
    title: "A container shim is lost or does not answer",
    severity: Severity::Warning,
    condition: Some(Condition::ContainerRuntime),
    cause: "The shim of a container died or was killed, often for memory, or its container cannot be stopped.",
    fix: "journalctl -k -b | grep -i \"killed process\"; delete the pod, and reboot if it stays",
};

/// The runtime took a port of an add-on.
pub const RUNTIME_PORT_TAKEN: Finding = Finding {
    code: "runtime.port_taken",
    title: "The runtime took a port of a host-network add-on",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "containerd's streaming server listens on a port that the kernel chose, and it is one that an add-on needs.",
    fix: "Add the ports of the add-ons to net.ipv4.ip_local_reserved_ports, then: systemctl restart containerd",
};

/// The runtime uses a deprecated feature.
pub const RUNTIME_DEPRECATED_CONFIG: Finding = Finding {
    code: "runtime.deprecated_config",
    title: "The runtime uses a deprecated feature",
    severity: Severity::Info,
    condition: None,
    cause: "A setting or an image format is in use that the next major version of containerd does not know any more.",
    fix: "ctr deprecations list",
};
