//! Rules of the node as the kubelet lives on it: its runtime, its heartbeats, its limits, its evictions, its end.

use std::borrow::Cow;
use std::time::Duration;

use super::super::{
    CONTAINERD, Clear, Detect, Harmless, KUBELET, Line, Match, Rule, Signal, Threshold, runtime,
};
use super::starts_with;
use crate::finding;

const MINUTE: Duration = Duration::from_mins(1);
const TWO_MINUTES: Duration = Duration::from_mins(2);
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const TEN_MINUTES: Duration = Duration::from_mins(10);

pub(in super::super) const RULES: &[Rule] = &[
    // The kubelet of dockershim ended with the first. With containerd runc refuses each container (its
    // libcontainer/specconv/spec_linux.go), in a kubelet that has registered.
    Rule {
        finding: &finding::KUBELET_CGROUP_DRIVER,
        detect: &[
            Detect::said(
                &[KUBELET],
                &["misconfiguration: kubelet cgroup driver: "],
                |line| {
                    let error = line.error();
                    Match::node_if(error.contains("misconfiguration: kubelet cgroup driver: "))
                },
            ),
            Detect::said(&[KUBELET, CONTAINERD], &[runtime::CGROUP_PATH], |line| {
                Match::node_if(
                    runtime::is_creation(line) && line.error().contains(runtime::CGROUP_PATH),
                )
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::On(Signal::Registered), Clear::Silence(FIVE_MINUTES)],
    },
    // EMFILE, ENFILE, and the kernel's ENOSPC for watches. One call that fails is soon over when its neighbour closes
    // some; a limit that is reached shows again and again.
    Rule {
        finding: &finding::KUBELET_INOTIFY_LIMIT,
        detect: &[
            Detect::said(
                &[KUBELET, CONTAINERD],
                &[TOO_MANY_FILES, "inotify_add_watch"],
                |line| Match::node_if(is_out_of_handles(line)),
            ),
            Detect::Probe,
        ],
        threshold: Threshold::times(2, FIVE_MINUTES),
        harmless: None,
        clears: &[
            Clear::Silence(FIVE_MINUTES),
            Clear::ProbePassed(FIVE_MINUTES),
        ],
    },
    // EAGAIN of fork, in Go's words (os/exec) and those of its runtime (runtime/os_linux.go).
    Rule {
        finding: &finding::KUBELET_FORK_FAILED,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], &[EAGAIN, NO_THREAD], |line| {
                Match::node_if(is_out_of_processes(line))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::Silence(FIVE_MINUTES),
            Clear::ProbePassed(FIVE_MINUTES),
        ],
    },
    // pkg/kubelet/server/server.go, `/healthz`: a kubelet that is started again is away for some seconds.
    Rule {
        finding: &finding::KUBELET_NOT_HEALTHY,
        detect: &[Detect::Probe],
        threshold: Threshold {
            hits: 2,
            within: TWO_MINUTES,
            lasting: Duration::from_secs(20),
        },
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    // pkg/kubelet/pleg/generic.go: three minutes have passed by then. `pleg has yet to be successful` is a start.
    Rule {
        finding: &finding::KUBELET_PLEG_UNHEALTHY,
        detect: &[Detect::said(
            &[KUBELET],
            &["pleg was last seen active"],
            |line| {
                Match::node_if(
                    out_of_sync(line).is_some_and(|why| why.contains("pleg was last seen active")),
                )
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(TWO_MINUTES)],
    },
    // pkg/kubelet/kubelet.go and the CRI client. A containerd that is restarted is away for a second or two.
    Rule {
        finding: &finding::KUBELET_RUNTIME_DOWN,
        detect: &[Detect::said(
            &[KUBELET],
            &[
                "container runtime is down",
                "Container runtime sanity check failed",
                "ListPodSandbox with filter",
            ],
            |line| Match::node_if(is_runtime_down(line)),
        )],
        threshold: Threshold {
            hits: 3,
            within: MINUTE,
            lasting: Duration::from_secs(10),
        },
        harmless: Some(Harmless::Within(Signal::KubeletStarted, MINUTE)),
        clears: &[Clear::Silence(Duration::from_secs(30))],
    },
    // pkg/kubelet/kubelet_node_status.go and k8s.io/component-helpers/apimachinery/lease. One round of five tries may
    // fail within a second; the next comes ten seconds later at most.
    Rule {
        finding: &finding::KUBELET_HEARTBEAT_FAILED,
        detect: &[Detect::said(
            &[KUBELET],
            &[
                "pdating node status, will retry",
                "nable to update node status",
                "ailed to update lease",
                "ailed to update node lease",
            ],
            |line| Match::node_if(is_failed_heartbeat(line)),
        )],
        threshold: Threshold {
            hits: 3,
            within: TWO_MINUTES,
            lasting: Duration::from_secs(10),
        },
        harmless: None,
        clears: &[Clear::Silence(TWO_MINUTES)],
    },
    // pkg/kubelet/eviction/eviction_manager.go, and the three that follow.
    Rule {
        finding: &finding::KUBELET_MEMORY_PRESSURE,
        detect: &[
            Detect::said(&[KUBELET], &[RECLAIM], |line| {
                Match::node_if(reclaims(line, "memory"))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: EVICTIONS_OVER,
    },
    Rule {
        finding: &finding::KUBELET_PID_PRESSURE,
        detect: &[
            Detect::said(&[KUBELET], &[RECLAIM], |line| {
                Match::node_if(reclaims(line, "pids"))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: EVICTIONS_OVER,
    },
    // It looks every ten seconds; a pod that is being evicted already cannot be chosen again.
    Rule {
        finding: &finding::KUBELET_EVICTION_STUCK,
        detect: &[Detect::said(
            &[KUBELET],
            &[
                "unable to evict any pods from the node",
                "no pods are active to evict",
            ],
            |line| {
                let message = line.message();
                Match::node_if(
                    starts_with(message, "eviction manager: ")
                        && (message.ends_with("unable to evict any pods from the node")
                            || message.ends_with("no pods are active to evict")),
                )
            },
        )],
        threshold: Threshold::times(2, MINUTE),
        harmless: None,
        clears: EVICTIONS_OVER,
    },
    // pkg/kubelet/network/dns/dns.go; older ones have the error alone.
    Rule {
        finding: &finding::KUBELET_NAMESERVER_LIMIT,
        detect: &[Detect::said(
            &[KUBELET],
            &[
                "Nameserver limits exceeded",
                "Nameserver limits were exceeded",
            ],
            |line| {
                let message = line.message();
                Match::node_if(
                    message.starts_with("Nameserver limits exceeded")
                        || message.starts_with("Nameserver limits were exceeded"),
                )
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(Duration::from_hours(1))],
    },
    // pkg/kubelet/nodeshutdown. After a shutdown the next thing a kubelet says is its version, in another boot.
    Rule {
        finding: &finding::KUBELET_SHUTTING_DOWN,
        detect: &[Detect::said(&[KUBELET], &[SHUTDOWN], |line| {
            Match::node_if(is_shutting_down(line) == Some(true))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::KubeletStarted),
            Clear::On(Signal::ShutdownCancelled),
        ],
    },
];

const TOO_MANY_FILES: &str = "too many open files";
const EAGAIN: &str = "resource temporarily unavailable";
const NO_THREAD: &str = "failed to create new OS thread";
const RECLAIM: &str = "viction manager: attempting to reclaim";
pub(in super::super) const SHUTDOWN: &str = "isNodeShuttingDownNow";

const EVICTIONS_OVER: &[Clear] = &[Clear::Silence(TEN_MINUTES), Clear::ProbePassed(TEN_MINUTES)];

/// runc speaks of the container's process, which has limits of its own.
fn is_of_container(line: &Line<'_>, error: &str) -> bool {
    line.is_about_workload()
        || error.contains("OCI runtime exec failed")
        || error.contains("runc create failed")
}

fn is_out_of_handles(line: &Line<'_>) -> bool {
    let error = line.error();
    let is_out = error.contains(TOO_MANY_FILES)
        || error.contains("inotify_add_watch") && error.contains("no space left on device");
    is_out && !is_of_container(line, &error)
}

fn is_out_of_processes(line: &Line<'_>) -> bool {
    let error = line.error();
    let is_out = error.contains("fork/exec") && error.contains(EAGAIN) || error.contains(NO_THREAD);
    is_out && !is_of_container(line, &error)
}

/// Why the kubelet leaves its pods alone.
fn out_of_sync<'a>(line: &'a Line<'_>) -> Option<Cow<'a, str>> {
    let message = line.message();
    (message == "Skipping pod synchronization"
        || message.starts_with("skipping pod synchronization - "))
    .then(|| line.error())
}

fn is_runtime_down(line: &Line<'_>) -> bool {
    let message = line.message();
    out_of_sync(line).is_some_and(|why| why.contains("container runtime is down"))
        || message.starts_with("Container runtime sanity check failed")
        || message.starts_with("ListPodSandbox with filter")
            && line.error().contains("code = Unavailable")
}

/// A conflict with another writer is an answer, and tried again at once.
fn is_failed_heartbeat(line: &Line<'_>) -> bool {
    const BEGINNINGS: [&str; 4] = [
        "Error updating node status, will retry",
        "Unable to update node status",
        "Failed to update lease",
        "Failed to update node lease",
    ];
    let message = line.message();
    BEGINNINGS.iter().any(|words| starts_with(message, words))
        && !line.error().contains("the object has been modified")
}

fn reclaims(line: &Line<'_>, resource: &str) -> bool {
    let message = line.message();
    let Some(rest) = message.get(1..).and_then(|text| text.strip_prefix(RECLAIM)) else {
        return false;
    };
    match rest.trim() {
        "" => line
            .value("resourceName")
            .is_some_and(|name| name == resource),
        // glog: `eviction manager: attempting to reclaim memory`
        named => named == resource,
    }
}

/// What logind told the kubelet: that the node goes down, or that it does not after all.
fn is_shutting_down(line: &Line<'_>) -> Option<bool> {
    let (_, rest) = line.message().split_once(SHUTDOWN)?;
    let event = line.value("event");
    match event
        .as_deref()
        .unwrap_or_else(|| rest.trim_start_matches([':', ' ']))
    {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// Whether the kubelet says that an announced shutdown does not happen.
pub(in super::super) fn is_shutdown_cancelled(message: &str) -> bool {
    message.contains(SHUTDOWN) && is_shutting_down(&Line::parse(message)) == Some(false)
}
