//! The probes of the schedule: what each looks at, how often, and which findings it tells.

use std::time::Duration;

use node::finding::{self, Finding};

use crate::probe::{certificate, container_runtime, endpoint, name};

/// One thing that is looked at again and again.
#[derive(Debug)]
pub struct Probe {
    /// Its name, in `/healthz?verbose` and in the documentation.
    pub name: &'static str,
    /// How often it looks.
    pub period: Duration,
    /// How often while something is wrong, so that it is confirmed and taken back soon; never more than the period.
    pub again: Duration,
    /// What it looks at, for the documentation.
    pub looks_at: &'static str,
    /// What it tells.
    pub findings: &'static [&'static Finding],
    /// Findings of others for which it looks as if something were wrong.
    pub hints: &'static [&'static Finding],
}

/// The notice of a spot instance is two minutes long, and AWS recommends to look so often.
pub(super) const NOTICE_PERIOD: Duration = Duration::from_secs(5);
/// What is wrong now is looked at again after this time.
const AGAIN: Duration = Duration::from_secs(10);
/// What can go wrong within a minute, and costs a file or two to look at.
const SOON: Duration = Duration::from_secs(30);
/// What takes its time.
const LATER: Duration = Duration::from_mins(1);
/// The rule of an interface forgets a failure when a minute later all is well: two failures are two in a row.
const APART: Duration = Duration::from_secs(61);
/// What others have to answer: a cluster of thousands of nodes must not become a load of its own, and least of all while its
/// API server is in trouble.
const CALM: Duration = Duration::from_mins(2);
/// What costs more to look at, or is announced long before.
const RARELY: Duration = Duration::from_mins(5);
/// What changes within days.
const SELDOM: Duration = Duration::from_mins(10);
/// What does not change while the machine runs.
const ONCE: Duration = Duration::from_hours(24);

/// A probe that keeps its period whatever it sees.
const fn steady(
    name: &'static str,
    period: Duration,
    looks_at: &'static str,
    findings: &'static [&'static Finding],
) -> Probe {
    Probe {
        name,
        period,
        again: period,
        looks_at,
        findings,
        hints: &[],
    }
}

pub(super) const FILE_SYSTEMS: Probe = steady(
    "file-systems",
    SOON,
    "mount points of PID 1: read-only, space, inodes",
    &[
        &finding::STORAGE_READ_ONLY,
        &finding::STORAGE_DISK_FULL,
        &finding::STORAGE_INODES_EXHAUSTED,
    ],
);
pub(super) const CONNECTIONS: Probe = steady(
    "connections",
    SOON,
    "`/proc/sys/net/netfilter/nf_conntrack_{count,max}`",
    &[&finding::NETWORK_CONNTRACK_FULL],
);
pub(super) const INTERFACES: Probe = steady(
    "interfaces",
    APART,
    "the loopback and the interface of the default route, below `/sys/class/net`",
    &[&finding::NETWORK_INTERFACE_DOWN],
);
pub(super) const FORWARDING: Probe = steady(
    "forwarding",
    LATER,
    "`net.ipv4.ip_forward`, where pods have networks of their own",
    &[&finding::NETWORK_IP_FORWARD_OFF],
);
pub(super) const PRESSURE: Probe = steady(
    "pressure",
    SOON,
    "`/proc/pressure/{memory,io}`",
    &[&finding::KERNEL_PRESSURE],
);
pub(super) const LIMITS: Probe = steady(
    "limits",
    LATER,
    "process ids and open files against the limits of the kernel, and the process ids of all pods against theirs",
    &[&finding::KERNEL_LIMITS_NEAR],
);
pub(super) const ZOMBIES: Probe = steady(
    "zombies",
    RARELY,
    "processes that have ended and that no parent collects",
    &[&finding::KERNEL_LIMITS_NEAR],
);
pub(super) const WATCHES: Probe = steady(
    "watches",
    LATER,
    "whether root can still make an inotify instance and watch a file",
    &[&finding::KUBELET_INOTIFY_LIMIT],
);
pub(super) const CLOCK: Probe = steady(
    "clock",
    RARELY,
    "whether the kernel holds the clock for synchronised (timedated)",
    &[&finding::TIME_UNSYNCHRONIZED],
);
pub(super) const CRASH: Probe = steady(
    "crash",
    ONCE,
    "`/sys/fs/pstore` and `/var/lib/systemd/pstore`: a panic just before this boot",
    &[&finding::KERNEL_PANIC],
);
pub(super) const KUBELET: Probe = Probe {
    name: "kubelet",
    period: SOON,
    again: AGAIN,
    looks_at: "the kubelet's `/healthz` on the loopback, of a node that has registered; where nobody listens, the settings of the kernel that `protectKernelDefaults` asks for",
    findings: &[
        &finding::KUBELET_NOT_HEALTHY,
        &finding::KUBELET_KERNEL_SETTINGS,
    ],
    hints: &[&finding::KUBELET_HEARTBEAT_FAILED],
};
pub(super) const RUNTIME: Probe = Probe {
    name: "runtime",
    period: SOON,
    again: AGAIN,
    looks_at: "`Version` and `Status` of the CRI on containerd's socket, once the boot has its verdict",
    findings: container_runtime::FINDINGS,
    hints: &[
        &finding::KUBELET_RUNTIME_DOWN,
        &finding::KUBELET_PLEG_UNHEALTHY,
    ],
};
pub(super) const NAME: Probe = Probe {
    name: "name",
    period: SOON,
    again: AGAIN,
    looks_at: "the name of the API server, or of the proxy before it, by the node's resolver",
    findings: name::FINDINGS,
    hints: &[&finding::KUBELET_HEARTBEAT_FAILED],
};
pub(super) const ENDPOINT: Probe = Probe {
    name: "endpoint",
    period: CALM,
    again: SOON,
    looks_at: "a connection with TLS to the API server, through the proxy where one is set; nothing is said on it",
    findings: endpoint::FINDINGS,
    hints: &[&finding::KUBELET_HEARTBEAT_FAILED],
};
pub(super) const CERTIFICATES: Probe = Probe {
    name: "certificates",
    period: SELDOM,
    again: LATER,
    looks_at: "the validity of the cluster's authority and of the kubelet's client certificate, where it has one",
    findings: certificate::FINDINGS,
    hints: &[],
};
pub(super) const ALLOWANCE: Probe = steady(
    "allowance",
    RARELY,
    "the allowance counters of ENA interfaces (`ethtool -S`, where it is installed)",
    &[&finding::NETWORK_ALLOWANCE_EXCEEDED],
);
pub(super) const IPAMD: Probe = Probe {
    name: "ipamd",
    period: LATER,
    again: SOON,
    looks_at: "the port of the VPC CNI's address manager, where it was seen before and the CNI's configuration is there",
    findings: &[&finding::CNI_IPAMD_DOWN],
    hints: &[],
};
pub(super) const POD_RULES: Probe = Probe {
    name: "pod-rules",
    period: RARELY,
    again: LATER,
    looks_at: "routing rules and routes of the pods' addresses (`ip -j rule`, `ip -j route`) against what ipamd has handed out",
    findings: &[&finding::NETWORK_MISSING_IP_RULES],
    hints: &[],
};
/// Where nobody answers, nobody is asked so often: it may take as long as the others.
pub(super) const NOTICE: Probe = steady(
    "notice",
    LATER,
    "the metadata service, every five seconds: `spot/instance-action`",
    &[&finding::AWS_SPOT_INTERRUPTION],
);
pub(super) const PLANS: Probe = steady(
    "plans",
    SOON,
    "the metadata service: `events/recommendations/rebalance`, `autoscaling/target-lifecycle-state`",
    &[&finding::AWS_REBALANCE, &finding::AWS_ASG_TERMINATING],
);
pub(super) const MAINTENANCE: Probe = steady(
    "maintenance",
    RARELY,
    "the metadata service: `events/maintenance/scheduled`",
    &[&finding::AWS_MAINTENANCE],
);
pub(super) const ROLE: Probe = Probe {
    name: "role",
    period: RARELY,
    again: LATER,
    looks_at: "the metadata service: the role of the instance and the end of its credentials; STS is asked where they have ended",
    findings: &[
        &finding::JOIN_NO_CREDENTIALS,
        &finding::JOIN_CREDENTIALS_EXPIRED,
        &finding::AWS_IMDS_THROTTLED,
    ],
    hints: &[
        &finding::IMAGE_CREDENTIAL_PROVIDER_FAILED,
        &finding::SSM_NO_ROLE,
    ],
};

/// All of them.
pub const ALL: &[&Probe] = &[
    &FILE_SYSTEMS,
    &CONNECTIONS,
    &INTERFACES,
    &FORWARDING,
    &PRESSURE,
    &LIMITS,
    &ZOMBIES,
    &WATCHES,
    &CLOCK,
    &CRASH,
    &KUBELET,
    &RUNTIME,
    &NAME,
    &ENDPOINT,
    &CERTIFICATES,
    &ALLOWANCE,
    &IPAMD,
    &POD_RULES,
    &NOTICE,
    &PLANS,
    &MAINTENANCE,
    &ROLE,
];
