//! Findings of the kernel.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const KERNEL: &[&Finding] = &[
    &KERNEL_PANIC,
    &KERNEL_OOPS,
    &KERNEL_HARDWARE_ERROR,
    &KERNEL_MEMORY_CORRECTED,
    &KERNEL_OOM_SYSTEM_DAEMON,
    &KERNEL_OOM_NODE,
    &KERNEL_OOM_CONTAINER,
    &KERNEL_SOFT_LOCKUP,
    &KERNEL_HUNG_TASK,
    &KERNEL_LIMITS_NEAR,
    &KERNEL_PRESSURE,
    &KERNEL_CGROUP_PIDS_LIMIT,
    &KERNEL_APP_CRASH,
];

/// The kernel panicked or the node rebooted uncleanly.
pub const KERNEL_PANIC: Finding = Finding {
    code: "kernel.panic",
    title: "The kernel panicked or the node rebooted uncleanly",
    severity: Severity::Fatal,
    condition: Some(Condition::Kernel),
    cause: "The node crashed and came up again. What happened stands in the log of the boot before, or in pstore.",
    fix: "journalctl -b -1 -k | tail -100; ls /var/lib/systemd/pstore; replace the node if it happens again",
};

/// The kernel hit a bug.
pub const KERNEL_OOPS: Finding = Finding {
    code: "kernel.oops",
    title: "The kernel hit a bug",
    severity: Severity::Fatal,
    condition: Some(Condition::Kernel),
    cause: "Code of the kernel or of a driver failed. What it was working on stays locked or half done, and with panic_on_oops the node reboots.",
    fix: "kubectl drain NODE --ignore-daemonsets and replace the node; report the trace of journalctl -k -b and update the kernel",
};

/// The hardware reports a fatal error.
pub const KERNEL_HARDWARE_ERROR: Finding = Finding {
    code: "kernel.hardware_error",
    title: "The hardware reports a fatal error",
    severity: Severity::Fatal,
    condition: Some(Condition::Kernel),
    cause: "A machine check or an error record of the firmware: memory, processor or bus of the host fails.",
    fix: "aws ec2 stop-instances --region REGION --instance-ids ID and then start-instances: the instance gets another host; one that is in an Auto Scaling group is replaced instead",
};

/// The hardware corrects memory errors.
pub const KERNEL_MEMORY_CORRECTED: Finding = Finding {
    code: "kernel.memory_corrected",
    title: "The hardware corrects memory errors",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "Errors of the memory are still corrected; ones that cannot be corrected often follow.",
    fix: "Plan to move the instance to another host: kubectl drain NODE --ignore-daemonsets and replace the node",
};

/// The kernel killed a node daemon for memory.
pub const KERNEL_OOM_SYSTEM_DAEMON: Finding = Finding {
    code: "kernel.oom_system_daemon",
    title: "The kernel killed a node daemon for memory",
    severity: Severity::Fatal,
    condition: Some(Condition::Kernel),
    cause: "The kubelet, containerd or another system service was the victim when memory ran out: the limit of its slice is too small, or pods use more than the node has to give.",
    fix: "Raise systemReserved and kubeReserved in spec.kubelet.config, and the MemoryMax= of the unit if it has one",
};

/// The node ran out of memory.
pub const KERNEL_OOM_NODE: Finding = Finding {
    code: "kernel.oom_node",
    title: "The node ran out of memory",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "No memory was left on the whole node, and the kernel chose a process to kill.",
    fix: "Set memory requests on all pods; raise systemReserved and kubeReserved in spec.kubelet.config",
};

/// A container exceeded its memory limit.
pub const KERNEL_OOM_CONTAINER: Finding = Finding {
    code: "kernel.oom_container",
    title: "A container exceeded its memory limit",
    severity: Severity::Info,
    condition: None,
    cause: "A pod reached its own memory limit and the kernel killed a process of it. The node is well.",
    fix: "Raise the memory limit of the pod named in the line, or make it use less",
};

/// A CPU is stuck in the kernel.
pub const KERNEL_SOFT_LOCKUP: Finding = Finding {
    code: "kernel.soft_lockup",
    title: "A CPU is stuck in the kernel",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "Code of the kernel kept a CPU for more than 20 seconds: a fault in a driver, storage that does not answer, or a host that gives the instance no time.",
    fix: "Stop and start the instance; update the kernel",
};

/// A process is blocked in the kernel.
pub const KERNEL_HUNG_TASK: Finding = Finding {
    code: "kernel.hung_task",
    title: "A process is blocked in the kernel",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "A process has waited for two minutes and cannot be interrupted; nearly always it waits for storage, or for a lock of the kernel.",
    fix: "journalctl -k -b | grep -i \"I/O error\\|nvme.*timeout\"; reboot if the process is containerd or a shim",
};

/// Process ids or open files are nearly used up.
pub const KERNEL_LIMITS_NEAR: Finding = Finding {
    code: "kernel.limits_near",
    title: "Process ids or open files are nearly used up",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "Processes, threads or open files leak, or ended processes are collected by no one. At the limit nothing can be started any more.",
    fix: "ps -eo nlwp,stat,pid,comm --sort=-nlwp | head; restart what leaks",
};

/// The node stalls on CPU, memory or IO.
pub const KERNEL_PRESSURE: Finding = Finding {
    code: "kernel.pressure",
    title: "The node stalls on CPU, memory or IO",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "All tasks together wait for memory or for disks for a large share of the time.",
    fix: "Find the busiest pod: kubectl top pods -A; use a larger instance or a faster volume",
};

/// A pod reached its process limit.
pub const KERNEL_CGROUP_PIDS_LIMIT: Finding = Finding {
    code: "kernel.cgroup_pids_limit",
    title: "A pod reached its process limit",
    severity: Severity::Info,
    condition: None,
    cause: "The pod has as many processes and threads as podPidsLimit of the kubelet allows it; starting another one fails.",
    fix: "Raise podPidsLimit in spec.kubelet.config, or repair the leak in the pod",
};

/// A process crashed.
pub const KERNEL_APP_CRASH: Finding = Finding {
    code: "kernel.app_crash",
    title: "A process crashed",
    severity: Severity::Info,
    condition: None,
    cause: "A program was ended by a fault of its own. It is a fault of the node only if the program is one of its daemons.",
    fix: "Ask the owner of the process; coredumpctl list shows what was kept of it",
};
