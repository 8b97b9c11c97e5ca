//! Rules of the kubelet: here of its own process (flags, configuration, restarts), below of the node and of its pods.

pub(super) mod node;
pub(super) mod pods;

use std::time::Duration;

pub(super) use node::{SHUTDOWN, is_shutdown_cancelled};

use super::{Clear, Detect, KUBELET, Match, Rule, Signal, Threshold};
use crate::finding;

const FIVE_MINUTES: Duration = Duration::from_mins(5);
/// A kubelet that says its version has read its flags and its configuration.
const PARSED: &[Clear] = &[
    Clear::On(Signal::KubeletStarted),
    Clear::On(Signal::Registered),
];
/// A kubelet that stays.
const STAYED: &[Clear] = &[
    Clear::On(Signal::Registered),
    Clear::UnitActive(KUBELET, Duration::from_mins(1)),
];

pub(super) const RULES: &[Rule] = &[
    // cmd/kubelet/app/server.go, InitializeTLS, before the kubelet says its version; then BuildAuth after it. So only a
    // kubelet that stays proves that it is over.
    Rule {
        finding: &finding::KUBELET_CLIENT_CA_MISSING,
        detect: &[Detect::said(&[KUBELET], CLIENT_CA, |line| {
            let error = line.error();
            Match::node_if(
                CLIENT_CA.iter().any(|words| error.contains(words)) && !line.is_about_workload(),
            )
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: STAYED,
    },
    // No log has it: the API server's version is asked for.
    Rule {
        finding: &finding::KUBELET_VERSION_SKEW,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    Rule {
        finding: &finding::KUBELET_UNKNOWN_FLAG,
        detect: &[Detect::said(
            &[KUBELET],
            &["failed to parse kubelet flag: "],
            |line| {
                let error = line.error();
                Match::node_if(error.contains("failed to parse kubelet flag: unknown "))
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: PARSED,
    },
    // cmd/kubelet/app/options/options.go, ValidateKubeletFlags: an error of two lines.
    Rule {
        finding: &finding::KUBELET_BAD_NODE_LABEL,
        detect: &[Detect::said(
            &[KUBELET],
            &["labels specified with --node-labels: "],
            |line| {
                let error = line.error();
                Match::node_if(error.contains("labels specified with --node-labels: "))
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: PARSED,
    },
    // pkg/kubelet/server/server.go: the kubelet ends after this line.
    Rule {
        finding: &finding::KUBELET_PORT_IN_USE,
        detect: &[Detect::said(
            &[KUBELET],
            &["Failed to listen and serve"],
            |line| {
                Match::node_if(
                    line.message() == "Failed to listen and serve"
                        && line.error().contains("bind: address already in use"),
                )
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::UnitActive(KUBELET, Duration::from_mins(1))],
    },
    // pkg/kubelet/cm/container_manager_linux.go. The kubelet has said its version by then, so only a kubelet that stays
    // proves that it is over.
    Rule {
        finding: &finding::KUBELET_SWAP_ON,
        detect: &[Detect::said(
            &[KUBELET],
            &["unning with swap on is not supported"],
            |line| {
                Match::node_if(
                    line.error()
                        .contains("unning with swap on is not supported"),
                )
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: STAYED,
    },
    // pkg/kubelet/cm/container_manager_linux.go, setupKernelTunables; the kubelet ends after this line.
    Rule {
        finding: &finding::KUBELET_KERNEL_SETTINGS,
        detect: &[
            Detect::said(
                &[KUBELET],
                &["invalid kernel flag: ", "open /proc/sys/"],
                |line| {
                    let error = line.error();
                    Match::node_if(
                        line.message() == "Failed to start ContainerManager"
                            && ["invalid kernel flag: ", "open /proc/sys/"]
                                .iter()
                                .any(|words| error.contains(words)),
                    )
                },
            ),
            // Of a kubelet that is not there: one that runs has found them.
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: STAYED,
    },
    // systemd's src/core/exec-invoke.c and src/basic/exit-status.c: the program of ExecStart= cannot be run.
    Rule {
        finding: &finding::BOOTSTRAP_KUBELET_MISSING,
        detect: &[
            Detect::managed(&[KUBELET], &["status=203/EXEC"], |line| {
                Match::node_if(line.message().contains("Main process exited"))
            }),
            // Which file, and why not: said by the process that was to become the kubelet.
            Detect::said(
                &[KUBELET],
                &[
                    "Unable to locate executable",
                    "Failed to locate executable",
                    "Failed at step EXEC",
                ],
                |line| {
                    let message = line.message();
                    (message.contains("/kubelet") && message.starts_with(KUBELET)).then(|| {
                        Match::Evidence {
                            object: String::new(),
                        }
                    })
                },
            ),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: PARSED,
    },
    // cmd/kubelet/app/server.go: every way in which the configuration ends a kubelet before it runs.
    Rule {
        finding: &finding::KUBELET_CONFIG_INVALID,
        detect: &[Detect::said(&[KUBELET], CONFIG_INVALID, |line| {
            let error = line.error();
            Match::node_if(CONFIG_INVALID.iter().any(|words| error.contains(words)))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: PARSED,
    },
    // One restart is normal, at boot and after a change of configuration. It is over when the kubelet has run for five
    // minutes, or sooner, when it has registered and then outlived the rhythm in which it died (one minute at least).
    Rule {
        finding: &finding::KUBELET_CRASH_LOOP,
        detect: &[
            Detect::Restarted(KUBELET),
            // What the kubelet said last is worth more than how it ended.
            Detect::said(&[KUBELET], LAST_WORDS, |line| {
                let is_last = |words: &&str| line.message().starts_with(*words);
                evidence_if(LAST_WORDS.iter().any(is_last))
            }),
            Detect::managed(
                &[KUBELET],
                &["Main process exited", "Failed with result"],
                |line| {
                    // `exit-code` only repeats the line before it; `resources`, `oom-kill`, `watchdog` do not.
                    evidence_if(!line.message().ends_with("Failed with result 'exit-code'."))
                },
            ),
        ],
        threshold: Threshold::times(3, FIVE_MINUTES),
        harmless: None,
        clears: &[
            Clear::UnitActive(KUBELET, FIVE_MINUTES),
            Clear::UnitSettled(KUBELET, Signal::Registered, Duration::from_mins(1)),
        ],
    },
];

/// What the kubelet says before it exits: cmd/kubelet and, where it gives up by itself, pkg/kubelet/kubelet.go of 1.34.
const LAST_WORDS: &[&str] = &[
    "command failed",
    "panic: ",
    "Failed to start ContainerManager",
    "Failed to initialize internal modules",
    "Failed to start cAdvisor",
    "Kubelet failed to get node info",
];

const CLIENT_CA: &[&str] = &[
    "unable to load client CA file ",
    "error creating pool from ",
    "unable to load client CA provider: ",
];

const CONFIG_INVALID: &[&str] = &[
    "failed to load kubelet config file, path: ",
    "failed to load kubelet dropin file, path: ",
    "failed to merge kubelet configs: ",
    "failed to validate kubelet configuration, error: ",
    "failed to set feature gates from initial flags-based config: ",
    "unrecognized feature gate: ",
];

fn evidence_if(condition: bool) -> Option<Match> {
    condition.then(|| Match::Evidence {
        object: KUBELET.to_owned(),
    })
}

/// klog's older lines begin small, structured ones do not.
fn starts_with(text: &str, words: &str) -> bool {
    text.get(..words.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(words))
}
