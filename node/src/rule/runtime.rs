//! Rules of containerd and the CRI service.

pub(super) mod containers;

use std::time::Duration;

pub(super) use containers::{CGROUP_PATH, is_creation, is_sandbox_started};

use super::{CONTAINERD, Clear, Detect, KUBELET, Match, Rule, Signal, Threshold};
use crate::finding;

pub(super) const RULES: &[Rule] = &[
    // cmd/containerd/main.go prints what ends the program; cmd/containerd/server/config and its loaders say these.
    Rule {
        finding: &finding::RUNTIME_CONFIG_INVALID,
        detect: &[Detect::said(&[CONTAINERD], &["containerd: "], |line| {
            let end = line.message().strip_prefix("containerd: ");
            Match::node_if(
                end.is_some_and(|end| CONFIG_INVALID.iter().any(|words| end.contains(words))),
            )
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::UnitActive(CONTAINERD, Duration::from_mins(1))],
    },
    // systemd's src/basic/exit-status.c: the program of ExecStart= cannot be run.
    Rule {
        finding: &finding::RUNTIME_NOT_INSTALLED,
        detect: &[
            Detect::managed(&[CONTAINERD], &["status=203/EXEC"], |line| {
                Match::node_if(line.message().contains("Main process exited"))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::UnitActive(CONTAINERD, Duration::from_secs(10)),
            Clear::ProbePassed(Duration::ZERO),
        ],
    },
    // The bootstrap restarts it once.
    Rule {
        finding: &finding::RUNTIME_RESTARTING,
        detect: &[
            Detect::Restarted(CONTAINERD),
            // What it said last is worth more than how it ended.
            Detect::said(
                &[CONTAINERD],
                &["containerd: ", "panic: ", "level=fatal"],
                |line| {
                    let message = line.message();
                    evidence_if(
                        message.starts_with("containerd: ")
                            || message.starts_with("panic: ")
                            || line.value("level").is_some_and(|level| level == "fatal"),
                    )
                },
            ),
            Detect::managed(
                &[CONTAINERD],
                &["Main process exited", "Failed with result"],
                |line| {
                    // `exit-code` only repeats the line before it.
                    evidence_if(!line.message().ends_with("Failed with result 'exit-code'."))
                },
            ),
        ],
        threshold: Threshold::times(3, Duration::from_mins(5)),
        harmless: None,
        clears: &[Clear::UnitActive(CONTAINERD, Duration::from_mins(5))],
    },
    // containerd's pkg/process: the shim is asked to create the sandbox and there is no program to do it. The pod's own
    // command that is missing is said by runc, and so after "runc create failed".
    Rule {
        finding: &finding::RUNTIME_RUNC_MISSING,
        detect: &[
            Detect::said(
                &[KUBELET],
                &["unable to retrieve OCI runtime error"],
                |line| Match::node_if(is_without_runc(&line.error())),
            ),
            Detect::said(
                &[CONTAINERD],
                &["unable to retrieve OCI runtime error"],
                |line| Match::node_if(is_without_runc(&line.error())),
            ),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(Duration::from_mins(2))],
    },
    // gRPC's words of a call of containerd. A restart of containerd makes some of them, within a few seconds; a kubelet that
    // finds no socket at its start ends, and is started again five seconds later.
    Rule {
        finding: &finding::RUNTIME_SOCKET_MISSING,
        detect: &[
            Detect::said(&[KUBELET], &["containerd.sock: connect: "], |line| {
                Match::node_if(is_without_socket(&line.error()))
            }),
            Detect::Probe,
        ],
        threshold: Threshold {
            hits: 3,
            within: Duration::from_mins(1),
            lasting: Duration::from_secs(10),
        },
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::ProbePassed(Duration::from_secs(10)),
            Clear::SilenceAfter(Signal::Registered, Duration::from_mins(1)),
        ],
    },
    // A call that takes longer than five seconds, twice: under load one may. Nothing but a call that works takes it back.
    Rule {
        finding: &finding::RUNTIME_NOT_READY,
        detect: &[Detect::Probe],
        threshold: Threshold {
            hits: 2,
            within: Duration::from_mins(2),
            lasting: Duration::from_secs(10),
        },
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    // A registered kubelet has made CRI calls. Later, it calls every five seconds.
    Rule {
        finding: &finding::RUNTIME_CRI_UNAVAILABLE,
        detect: &[
            // `method RuntimeConfig not implemented` is an older containerd, and harmless.
            Detect::said(&[KUBELET], &["unknown service runtime.v1."], |line| {
                let error = line.error();
                Match::node_if(
                    error.contains("code = Unimplemented desc = unknown service runtime.v1."),
                )
            }),
            // containerd names the plugin in the message (1.7) or in `id` (2.x), and the reason in `error`.
            Detect::said(
                &[CONTAINERD],
                &["failed to load plugin", "failed to create CRI service"],
                |line| {
                    let is_cri = |text: &str| text.contains("io.containerd.grpc.v1.cri");
                    let not_loaded = line.message().starts_with("failed to load plugin")
                        && (is_cri(line.message())
                            || line.value("id").is_some_and(|id| is_cri(&id)));
                    Match::node_if(
                        not_loaded || line.error().contains("failed to create CRI service"),
                    )
                },
            ),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::ProbePassed(Duration::ZERO),
            Clear::SilenceAfter(Signal::Registered, Duration::from_mins(2)),
        ],
    },
];

const CONFIG_INVALID: &[&str] = &[
    "failed to load TOML",
    "failed to unmarshal TOML",
    "invalid disabled plugin URI",
    "invalid required plugin URI",
    "invalid plugin config",
    "unsupported config version",
    "expected containerd config version",
    "is not supported, the max version is",
];

/// Sockets of plug-ins have other names.
fn is_without_socket(error: &str) -> bool {
    let Some((_, why)) = error.split_once("/containerd.sock: connect: ") else {
        return false;
    };
    error.contains("dial unix ")
        && ["no such file or directory", "connection refused"]
            .iter()
            .any(|words| why.starts_with(words))
}

/// A program that is there and cannot be started for lack of processes is another finding.
fn is_without_runc(error: &str) -> bool {
    error.contains("unable to retrieve OCI runtime error")
        && !error.contains("resource temporarily unavailable")
        && ["executable file not found", "fork/exec"]
            .iter()
            .any(|words| error.contains(words))
}

fn evidence_if(condition: bool) -> Option<Match> {
    condition.then(|| Match::Evidence {
        object: CONTAINERD.to_owned(),
    })
}
