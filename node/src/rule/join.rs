//! Rules of the join: credentials, authorisation, registration.

use std::time::Duration;

use super::{
    Clear, Detect, KUBELET, Line, LinePattern, Match, Rule, Signal, Speaker, Threshold, api_call,
};
use crate::finding;

const MINUTE: Duration = Duration::from_mins(1);

pub(super) const RULES: &[Rule] = &[
    // The answer of the API server is definite, so one line is enough. No line for five minutes proves acceptance only
    // because a refused kubelet asks again every few seconds.
    Rule {
        finding: &finding::JOIN_UNAUTHORIZED,
        detect: &[kubelet_line(
            &[
                "Unauthorized",
                "the server has asked for the client to provide credentials",
            ],
            |line| Match::node_if(api_call::is_unauthorized(line)),
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::Silence(Duration::from_mins(5)),
        ],
    },
    // The words are the API server's: its node authorizer and its NodeRestriction admission.
    Rule {
        finding: &finding::JOIN_NODE_NAME_MISMATCH,
        detect: &[kubelet_line(NAME_MISMATCH, |line| {
            let error = line.error();
            Match::node_if(
                !line.is_about_workload()
                    && NAME_MISMATCH.iter().any(|words| error.contains(words)),
            )
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::Silence(Duration::from_mins(5)),
        ],
    },
    // client-go, plugin/pkg/client/auth/exec. A call that failed for want of a token reached nobody.
    Rule {
        finding: &finding::JOIN_EXEC_FAILED,
        detect: &[kubelet_line(
            &["getting credentials: exec: executable "],
            |line| {
                let error = line.error();
                let helper = error
                    .split_once("getting credentials: exec: executable ")
                    .map(|(_, helper)| helper);
                Match::node_if(
                    helper.is_some_and(|helper| helper.contains(" failed with exit code ")),
                )
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::SilenceAfter(Signal::Registered, Duration::from_mins(2)),
        ],
    },
    // What a credential helper writes on its standard error, which the kubelet passes on: the AWS CLI,
    // the Go SDK, and ours.
    Rule {
        finding: &finding::JOIN_NO_CREDENTIALS,
        detect: &[kubelet_line(NO_CREDENTIALS, |line| {
            let said = [line.message(), &line.error()]
                .iter()
                .any(|text| NO_CREDENTIALS.iter().any(|w| text.contains(w)));
            Match::node_if(said && !line.is_about_workload())
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::SilenceAfter(Signal::Registered, Duration::from_mins(2)),
        ],
    },
    // The catch-all: the kubelet tries every few seconds, for five minutes, and does not succeed. Ranking puts every
    // sharper finding of the join before it.
    Rule {
        finding: &finding::JOIN_NOT_REGISTERED,
        detect: &[kubelet_line(&["Attempting to register node"], |line| {
            Match::node_if(line.message() == "Attempting to register node")
        })],
        threshold: Threshold {
            hits: 2,
            within: Duration::from_mins(3),
            lasting: Duration::from_mins(5),
        },
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::SilenceAfter(Signal::Registered, MINUTE),
        ],
    },
];

const NAME_MISMATCH: &[&str] = &[
    "can only access node lease with the same name as the requesting node",
    "is not allowed to modify node",
    "only its own Node object",
];

const NO_CREDENTIALS: &[&str] = &[
    "Unable to locate credentials. You can configure credentials by running",
    "no EC2 IMDS role found",
    "no EC2 instance role found",
    // `nodeagent token`.
    "the instance has no role: no instance profile is attached to it",
    "the instance metadata service has no credentials for the role",
];

const fn kubelet_line(
    literals: &'static [&'static str],
    matches: fn(&Line<'_>) -> Option<Match>,
) -> Detect {
    Detect::Line(LinePattern {
        unit: KUBELET,
        speaker: Speaker::Service,
        literals,
        matches,
    })
}
