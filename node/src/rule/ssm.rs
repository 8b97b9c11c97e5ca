//! Rules of the SSM agent: its unit, what its core process says in the journal, and what we look up ourselves.
//!
//! Only the core process writes to the journal; its workers write to `/var/log/amazon/ssm`. What decides is all from the
//! core: who it is, whether it could report. After a refusal it sleeps for up to half an hour, so one line is enough for a
//! finding, and none clears by a silence shorter than that. Lines: version 3.3 of
//! <https://github.com/aws/amazon-ssm-agent>, as users show them in its issues.

use std::time::Duration;

use super::{Clear, Detect, Match, Rule, SSM_AGENT, Signal, Threshold};
use crate::finding;

/// The agent sleeps up to half an hour between two tries.
const HOUR: Duration = Duration::from_hours(1);

pub(super) const RULES: &[Rule] = &[
    // A unit that is not installed is a choice of who built the image, and no finding.
    Rule {
        finding: &finding::SSM_NOT_RUNNING,
        detect: &[Detect::NotActive(SSM_AGENT)],
        threshold: Threshold {
            hits: 2,
            within: Duration::from_mins(2),
            lasting: Duration::from_mins(1),
        },
        harmless: None,
        clears: &[
            Clear::UnitActive(SSM_AGENT, Duration::ZERO),
            Clear::UnitRemoved(SSM_AGENT),
        ],
    },
    // With Default Host Management the agent needs no instance role: it says so, and then that it has connected.
    Rule {
        finding: &finding::SSM_NO_ROLE,
        detect: &[
            Detect::said(&[SSM_AGENT], &["no EC2 instance role found"], |_| {
                Match::node_if(true)
            }),
            Detect::Missing(Signal::SsmRoleFound),
        ],
        threshold: Threshold::ONCE,
        harmless: Some(super::Harmless::Within(Signal::SsmConnected, HOUR)),
        clears: &[
            Clear::On(Signal::SsmConnected),
            Clear::On(Signal::SsmRoleFound),
            Clear::UnitRemoved(SSM_AGENT),
        ],
    },
    // That Default Host Management is not configured is said to every role that is refused, and to none as well.
    Rule {
        finding: &finding::SSM_DENIED,
        detect: &[Detect::said(
            &[SSM_AGENT],
            &["is not authorized to perform: ssm:UpdateInstanceInformation"],
            |_| Match::node_if(true),
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::SsmConnected),
            Clear::Silence(HOUR),
            Clear::UnitRemoved(SSM_AGENT),
        ],
    },
    // The unit starts with the network: one failure is none yet.
    Rule {
        finding: &finding::SSM_UNREACHABLE,
        detect: &[
            Detect::said(
                &[SSM_AGENT],
                &["https://ssm.", "https://ssmmessages."],
                |line| Match::node_if(is_no_way(line.message())),
            ),
            Detect::Missing(Signal::SsmReached),
        ],
        threshold: Threshold::times(2, Duration::from_mins(5)),
        harmless: None,
        clears: &[
            Clear::On(Signal::SsmConnected),
            Clear::On(Signal::SsmReached),
            Clear::UnitRemoved(SSM_AGENT),
        ],
    },
];

/// The core process has reported to Systems Manager: by the instance's role, or by the one of Default Host Management. It
/// says so again every half hour.
pub(super) const CONNECTED: &str = "EC2RoleProvider Successfully connected with ";

/// The second line of Go's error of a request: `caused by: Post "https://ssm.…/": dial tcp …: i/o timeout`.
fn is_no_way(message: &str) -> bool {
    [
        "dial tcp",
        "proxyconnect tcp",
        "TLS handshake timeout",
        "x509: ",
        "context deadline exceeded",
    ]
    .iter()
    .any(|words| message.contains(words))
}
