//! Findings of GPUs and other accelerators.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const GPU: &[&Finding] = &[
    &GPU_FALLEN_OFF_BUS,
    &GPU_XID_FATAL,
    &GPU_XID,
    &GPU_NEURON_ERROR,
    &GPU_FABRIC_MANAGER,
];

/// A GPU is gone from the bus.
pub const GPU_FALLEN_OFF_BUS: Finding = Finding {
    code: "gpu.fallen_off_bus",
    title: "A GPU is gone from the bus",
    severity: Severity::Fatal,
    condition: Some(Condition::AcceleratedHardware),
    cause: "The device does not answer any more: its hardware, its power or its temperature. Pods that use it cannot go on.",
    fix: "aws ec2 stop-instances --region REGION --instance-ids ID and then start-instances: the instance gets another host; one that is in an Auto Scaling group is replaced instead",
};

/// A GPU reports a fatal error.
pub const GPU_XID_FATAL: Finding = Finding {
    code: "gpu.xid_fatal",
    title: "A GPU reports a fatal error",
    severity: Severity::Fatal,
    condition: Some(Condition::AcceleratedHardware),
    cause: "The driver reports an error (Xid) after which the GPU must be reset or replaced: memory that cannot be corrected, NVLink, its system processor.",
    fix: "kubectl drain NODE --ignore-daemonsets and stop and start the instance, or replace it",
};

/// A GPU reports an error.
pub const GPU_XID: Finding = Finding {
    code: "gpu.xid",
    title: "A GPU reports an error",
    severity: Severity::Warning,
    condition: Some(Condition::AcceleratedHardware),
    cause: "The driver reports an error (Xid) that mostly an application makes, such as an illegal access. The same device again and again is another matter.",
    fix: "Look at the process named in the line; replace the node if several applications fail on the same device",
};

/// A Neuron device reports an uncorrectable error.
pub const GPU_NEURON_ERROR: Finding = Finding {
    code: "gpu.neuron_error",
    title: "A Neuron device reports an uncorrectable error",
    severity: Severity::Fatal,
    condition: Some(Condition::AcceleratedHardware),
    cause: "Memory, a core or the data mover of the accelerator failed.",
    fix: "kubectl drain NODE --ignore-daemonsets and replace the instance",
};

/// The fabric manager is not running.
pub const GPU_FABRIC_MANAGER: Finding = Finding {
    code: "gpu.fabric_manager",
    title: "The fabric manager is not running",
    severity: Severity::Warning,
    condition: Some(Condition::AcceleratedHardware),
    cause: "The GPUs of an instance with NVSwitch cannot reach each other without it, and CUDA does not start.",
    fix: "systemctl restart nvidia-fabricmanager; journalctl -b -u nvidia-fabricmanager; its version must be that of the driver",
};
