//! Rules of what happens before the daemons start: the units of the bootstrap, and scripts of the user data.

mod nodeadm;

use std::time::Duration;

use super::{
    CLOUD_FINAL, Clear, Detect, Line, Match, NODEADM, NODEADM_CONFIG, NODEADM_RUN, Rule, Signal,
    Threshold,
};
use crate::finding;

pub(super) use nodeadm::RULES as NODEADM_RULES;

/// A bootstrap that came to its end, whoever started it again, and a kubelet that joined.
const CLEARS: &[Clear] = &[
    Clear::On(Signal::Bootstrapped),
    Clear::On(Signal::Registered),
];
/// Never while this boot lasts: the scripts and the configuration phase run once in it.
const UNTIL_REBOOT: &[Clear] = &[Clear::Silence(Duration::from_hours(24 * 365))];

pub(super) const RULES: &[Rule] = &[
    // systemd's src/core/exec-invoke.c (execute.c before 255): said by the process that was to become the program, under
    // its name or under systemd's.
    Rule {
        finding: &finding::BOOTSTRAP_EXEC_DENIED,
        detect: &[
            Detect::said(NODEADM, EXEC, exec_denied),
            Detect::managed(NODEADM, EXEC, exec_denied),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: CLEARS,
    },
    // The reason stands in the journal of the unit; where a sharper finding names it, ranking puts that one first.
    Rule {
        finding: &finding::BOOTSTRAP_UNIT_FAILED,
        detect: &[
            Detect::managed(
                NODEADM,
                &[
                    "Failed to start ",
                    "Dependency failed for ",
                    "Failed with result ",
                ],
                |line| Match::node_if(is_failed(line.message())),
            ),
            Detect::said(NODEADM, &["status is not "], |line| {
                let text = line.message();
                Match::node_if(
                    text.contains("containerd status is not ")
                        || text.contains("kubelet status is not "),
                )
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: CLEARS,
    },
    // cloud-init's cc_scripts_user.py and subp.py.
    Rule {
        finding: &finding::BOOTSTRAP_USER_SCRIPT_FAILED,
        detect: &[
            Detect::said(
                &[CLOUD_FINAL],
                &[
                    "Failed running /var/lib/cloud/",
                    "Failed to run module scripts",
                ],
                |line| {
                    let text = line.message();
                    Match::node_if(
                        text.contains("Failed running /var/lib/cloud/")
                            || text.contains("Failed to run module scripts-")
                            || text.contains("Failed to run module scripts_"),
                    )
                },
            ),
            Detect::managed(&[CLOUD_FINAL], &["Failed to start "], |line| {
                Match::node_if(line.message().starts_with("Failed to start "))
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: UNTIL_REBOOT,
    },
    // nodeadm's cmd/nodeadm/init. A script of the user data called it; the units call it again when cloud-init has ended,
    // and a node that joins was not harmed.
    Rule {
        finding: &finding::BOOTSTRAP_CALLED_TOO_EARLY,
        detect: &[Detect::said(
            &[NODEADM_CONFIG, NODEADM_RUN, CLOUD_FINAL],
            &["Do not manually call nodeadm from user data"],
            |line| {
                let text = line.message();
                Match::node_if(text.contains("Do not manually call nodeadm from user data"))
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::Silence(Duration::from_hours(24 * 365)),
        ],
    },
    // nodeadm's internal/kubelet/config.go, and our own configuration phase.
    Rule {
        finding: &finding::BOOTSTRAP_MAX_PODS_EXPRESSION,
        detect: &[Detect::said(NODEADM, EXPRESSION, |line| {
            let text = line.message();
            Match::node_if(EXPRESSION.iter().any(|words| text.contains(words)))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: UNTIL_REBOOT,
    },
];

const EXEC: &[&str] = &[
    "Failed to locate executable ",
    "Unable to locate executable ",
    "Failed at step EXEC spawning ",
];

const EXPRESSION: &[&str] = &[
    "Failed to evaluate custom expression, using standard max pods value",
    "maxPodsExpression` is not used",
];

/// A program that is not there is another fault than one that may not run.
fn exec_denied(line: &Line<'_>) -> Option<Match> {
    let (_, failure) = line.message().split_once(": ")?;
    let is_exec = EXEC.iter().any(|words| failure.starts_with(words));
    Match::node_if(is_exec && !failure.ends_with("No such file or directory"))
}

fn is_failed(text: &str) -> bool {
    let ended = text
        .split_once(": ")
        .is_some_and(|(_, event)| event.starts_with("Failed with result "));
    ended || text.starts_with("Failed to start ") || text.starts_with("Dependency failed for ")
}
