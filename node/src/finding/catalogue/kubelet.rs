//! Findings of the kubelet.

use crate::finding::{Condition, Finding, Severity};

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
    &KUBELET_CGROUP_DRIVER,
    &KUBELET_INOTIFY_LIMIT,
    &KUBELET_FORK_FAILED,
    &KUBELET_PLEG_UNHEALTHY,
    &KUBELET_RUNTIME_DOWN,
    &KUBELET_NOT_HEALTHY,
    &KUBELET_HEARTBEAT_FAILED,
    &KUBELET_MEMORY_PRESSURE,
    &KUBELET_PID_PRESSURE,
    &KUBELET_EVICTION_STUCK,
    &KUBELET_NAMESERVER_LIMIT,
    &KUBELET_PROBE_FAILURES,
    &KUBELET_SHUTTING_DOWN,
    &KUBELET_POD_STUCK,
    &KUBELET_PODS_FULL,
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

/// Kubelet and runtime disagree on the cgroup driver.
pub const KUBELET_CGROUP_DRIVER: Finding = Finding {
    code: "kubelet.cgroup_driver",
    title: "Kubelet and runtime disagree on the cgroup driver",
    severity: Severity::Fatal,
    condition: None,
    cause: "One of the two manages control groups through systemd and the other by itself (cgroupfs): no pod can start.",
    fix: "Set cgroupDriver: systemd in spec.kubelet.config and SystemdCgroup = true for runc in spec.containerd.config, then restart both",
};

/// The kubelet ran out of inotify or file handles.
pub const KUBELET_INOTIFY_LIMIT: Finding = Finding {
    code: "kubelet.inotify_limit",
    title: "The kubelet ran out of inotify or file handles",
    severity: Severity::Fatal,
    condition: Some(Condition::Kernel),
    cause: "fs.inotify.max_user_instances, fs.inotify.max_user_watches or the limit of open files is used up, often by one pod that watches very many files.",
    fix: "sysctl -w fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=524288",
};

/// No more processes can be started.
pub const KUBELET_FORK_FAILED: Finding = Finding {
    code: "kubelet.fork_failed",
    title: "No more processes can be started",
    severity: Severity::Fatal,
    condition: Some(Condition::Kernel),
    cause: "The limit of processes and threads is reached, that of the node or that of the daemon's unit.",
    fix: "Find the process with most threads (ps -eo nlwp,pid,comm --sort=-nlwp | head) and stop it",
};

/// The kubelet cannot list containers in time.
pub const KUBELET_PLEG_UNHEALTHY: Finding = Finding {
    code: "kubelet.pleg_unhealthy",
    title: "The kubelet cannot list containers in time",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "The container runtime is slow or hangs: latency of the disk, too many containers, or a shim that does not answer. The node is NotReady meanwhile.",
    fix: "Look at the latency of the disk (cat /proc/pressure/io), then: systemctl restart containerd",
};

/// The container runtime does not answer the kubelet.
pub const KUBELET_RUNTIME_DOWN: Finding = Finding {
    code: "kubelet.runtime_down",
    title: "The container runtime is down",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "The kubelet gets no answer from the container runtime: it was stopped, crashed or hangs.",
    fix: "systemctl restart containerd; journalctl -u containerd -b",
};

/// The kubelet does not answer its health check, or says that it is not well.
pub const KUBELET_NOT_HEALTHY: Finding = Finding {
    code: "kubelet.not_healthy",
    title: "The kubelet does not pass its health check",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kubelet has stopped, hangs, or says itself that its sync loop does not come round: pods are not looked after, and the node becomes NotReady within a minute.",
    fix: "systemctl status kubelet; curl -s 127.0.0.1:10248/healthz?verbose; journalctl -u kubelet -b | tail -50; systemctl restart kubelet",
};

/// Node heartbeats do not reach the API server.
pub const KUBELET_HEARTBEAT_FAILED: Finding = Finding {
    code: "kubelet.heartbeat_failed",
    title: "Node heartbeats do not reach the API server",
    severity: Severity::Warning,
    condition: None,
    cause: "The node was registered, but its status and its lease cannot be renewed now: the way to the API server is broken or slow, or the node is overloaded. It becomes NotReady within a minute.",
    fix: "nodectl status; check the way to the API endpoint: route, security group, name server",
};

/// The kubelet evicts pods for memory.
pub const KUBELET_MEMORY_PRESSURE: Finding = Finding {
    code: "kubelet.memory_pressure",
    title: "The kubelet evicts pods for memory",
    severity: Severity::Warning,
    condition: None,
    cause: "The memory that is available fell below the kubelet's eviction threshold.",
    fix: "Set memory requests and limits on the pods; use a larger instance",
};

/// The kubelet evicts pods for process ids.
pub const KUBELET_PID_PRESSURE: Finding = Finding {
    code: "kubelet.pid_pressure",
    title: "The kubelet evicts pods for process ids",
    severity: Severity::Warning,
    condition: Some(Condition::Kernel),
    cause: "Too few process ids are free on the node.",
    fix: "Set podPidsLimit in spec.kubelet.config and find the pod with most processes",
};

/// Nothing is left to evict but the pressure stays.
pub const KUBELET_EVICTION_STUCK: Finding = Finding {
    code: "kubelet.eviction_stuck",
    title: "Nothing is left to evict but the pressure stays",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "What fills the node is not in pods that may be evicted: images, logs, processes of the host, or pods that are critical.",
    fix: "du -xh --max-depth=2 /var | sort -h | tail",
};

/// More name servers than a pod can have.
pub const KUBELET_NAMESERVER_LIMIT: Finding = Finding {
    code: "kubelet.nameserver_limit",
    title: "More name servers than a pod can have",
    severity: Severity::Info,
    condition: None,
    cause: "The resolv.conf that pods are given, that of the host or of a pod's own dnsConfig, names more than three servers: only the first three are used.",
    fix: "Reduce the DHCP option domain-name-servers to three",
};

/// Probes of a pod fail.
pub const KUBELET_PROBE_FAILURES: Finding = Finding {
    code: "kubelet.probe_failures",
    title: "Probes of a pod fail",
    severity: Severity::Info,
    condition: None,
    cause: "A workload does not answer its probe; it is no fault of the node unless many pods are affected at once.",
    fix: "kubectl describe pod POD",
};

/// The node is shutting down gracefully.
pub const KUBELET_SHUTTING_DOWN: Finding = Finding {
    code: "kubelet.shutting_down",
    title: "The node is shutting down gracefully",
    severity: Severity::Info,
    condition: None,
    cause: "A shutdown was requested: a Spot interruption, scaling in, or an operator.",
    fix: "Nothing to do; find out who asked for it if it is unexpected",
};

/// A pod cannot be removed.
pub const KUBELET_POD_STUCK: Finding = Finding {
    code: "kubelet.pod_stuck",
    title: "A pod cannot be removed",
    severity: Severity::Warning,
    condition: Some(Condition::ContainerRuntime),
    cause: "A container does not end: it waits for a disk without end, or its shim is lost.",
    fix: "crictl ps -a and crictl rm -f; reboot if the process is in state D",
};

/// The node has no pod slots left.
pub const KUBELET_PODS_FULL: Finding = Finding {
    code: "kubelet.pods_full",
    title: "The node has no pod slots left",
    severity: Severity::Info,
    condition: None,
    cause: "maxPods is reached and the scheduler placed one more pod, which the kubelet refused.",
    fix: "Raise maxPods (with prefix delegation) or add nodes",
};
