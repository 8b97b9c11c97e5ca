//! Findings of the kubelet.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const KUBELET: &[&Finding] = &[
    &KUBELET_UNKNOWN_FLAG,
    &KUBELET_BAD_NODE_LABEL,
    &KUBELET_PORT_IN_USE,
    &KUBELET_SWAP_ON,
    &KUBELET_KERNEL_SETTINGS,
    &KUBELET_CONFIG_INVALID,
    &KUBELET_CRASH_LOOP,
    &KUBELET_CLIENT_CA_MISSING,
    &KUBELET_VERSION_SKEW,
];

/// The kubelet was given a flag it does not know.
pub const KUBELET_UNKNOWN_FLAG: Finding = Finding {
    code: "kubelet.unknown_flag",
    title: "The kubelet was given a flag it does not know",
    severity: Severity::Fatal,
    condition: None,
    cause: "A flag was removed in this version, or extra arguments have a typing error.",
    fix: "Remove the flag from spec.kubelet.flags or from the drop-in of the unit",
};

/// A node label is not allowed.
pub const KUBELET_BAD_NODE_LABEL: Finding = Finding {
    code: "kubelet.bad_node_label",
    title: "A node label is not allowed",
    severity: Severity::Fatal,
    condition: None,
    cause: "Nodes may not set labels in the reserved namespaces.",
    fix: "Use a label under node.kubernetes.io/ or your own domain",
};

/// The kubelet port is taken.
pub const KUBELET_PORT_IN_USE: Finding = Finding {
    code: "kubelet.port_in_use",
    title: "The kubelet port is taken",
    severity: Severity::Fatal,
    condition: None,
    cause: "Another process or a second kubelet listens on 10250.",
    fix: "ss -ltnp \"sport = :10250\" and stop that process",
};

/// Swap is on and the kubelet refuses to start.
pub const KUBELET_SWAP_ON: Finding = Finding {
    code: "kubelet.swap_on",
    title: "Swap is on and the kubelet refuses to start",
    severity: Severity::Fatal,
    condition: None,
    cause: "The instance has active swap and failSwapOn is set.",
    fix: "swapoff -a and remove the swap entry from /etc/fstab, or set failSwapOn: false in spec.kubelet.config",
};

/// The kubelet may not set or does not find its kernel settings.
pub const KUBELET_KERNEL_SETTINGS: Finding = Finding {
    code: "kubelet.kernel_settings",
    title: "The kubelet does not find its kernel settings",
    severity: Severity::Fatal,
    condition: None,
    cause: "protectKernelDefaults is on and a sysctl differs, or /proc/sys is read-only.",
    fix: "Set vm.overcommit_memory=1 kernel.panic=10 kernel.panic_on_oops=1 before the kubelet starts",
};

/// The kubelet configuration is not valid.
pub const KUBELET_CONFIG_INVALID: Finding = Finding {
    code: "kubelet.config_invalid",
    title: "The kubelet configuration is not valid",
    severity: Severity::Fatal,
    condition: None,
    cause: "The configuration file is missing, malformed or holds values that contradict each other. An unknown field alone only warns and does not stop the kubelet.",
    fix: "Correct the file or the drop-in named in the message",
};

/// The kubelet keeps restarting.
pub const KUBELET_CRASH_LOOP: Finding = Finding {
    code: "kubelet.crash_loop",
    title: "The kubelet keeps restarting",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kubelet exits shortly after each start; its own last error is the cause.",
    fix: "journalctl -u kubelet -b | grep \"command failed\" | tail -1",
};

/// The client CA file of the kubelet is missing.
pub const KUBELET_CLIENT_CA_MISSING: Finding = Finding {
    code: "kubelet.client_ca_missing",
    title: "The client CA file of the kubelet is missing",
    severity: Severity::Fatal,
    condition: None,
    cause: "The bootstrap did not write the cluster CA, or wrote an empty file.",
    fix: "Rerun the bootstrap; check certificateAuthority in the NodeConfig",
};

/// The kubelet version does not fit the control plane.
pub const KUBELET_VERSION_SKEW: Finding = Finding {
    code: "kubelet.version_skew",
    title: "The kubelet version does not fit the control plane",
    severity: Severity::Warning,
    condition: None,
    cause: "The kubelet is newer than the API server, or more than three minor versions older: nodes were updated before the control plane, or left behind. Neither is supported; some of what pods ask for may not work.",
    fix: "Update the control plane first, then the AMI of the node group: aws eks describe-cluster --name CLUSTER --region REGION --query cluster.version",
};
