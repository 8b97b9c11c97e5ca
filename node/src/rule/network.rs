//! Rules of the way to the API server, told from the errors of the kubelet's own calls.
//!
//! One call that fails is weather: the API server's addresses change, its processes are replaced. So these ask for
//! repetition, except for a certificate that does not fit. They clear by registration or by silence: a kubelet that cannot
//! reach the API server says so at least every ten seconds, with its lease and its status. A probe that goes the same way
//! sees it too where the kubelet has a connection that still stands, or does not run.

mod host;
mod way;

use std::time::Duration;

use super::{Clear, Detect, KUBELET, Match, Rule, Signal, Threshold, api_call};
use crate::finding;

pub(super) use host::RULES as HOST_RULES;

const TWO_MINUTES: Duration = Duration::from_mins(2);
/// A probe that passes is right where the kubelet has not said otherwise for longer than it is ever silent about it.
const CLEARS: &[Clear] = &[
    Clear::On(Signal::Registered),
    Clear::ProbePassed(Duration::from_secs(30)),
    Clear::Silence(TWO_MINUTES),
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        finding: &finding::NETWORK_CA_MISMATCH,
        detect: &[
            Detect::said(
                &[KUBELET],
                &["x509: certificate signed by unknown authority"],
                |line| {
                    fails_with(line, |reason| {
                        reason.contains("x509: certificate signed by unknown authority")
                    })
                },
            ),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: CLEARS,
    },
    Rule {
        finding: &finding::NETWORK_DNS_NO_SUCH_HOST,
        detect: &[
            Detect::said(&[KUBELET], &["no such host"], |line| {
                fails_with(line, |reason| {
                    reason.contains("lookup ") && reason.ends_with("no such host")
                })
            }),
            Detect::Probe,
        ],
        threshold: Threshold::times(2, TWO_MINUTES),
        harmless: None,
        clears: CLEARS,
    },
    Rule {
        finding: &finding::NETWORK_API_REFUSED,
        detect: &[
            Detect::said(&[KUBELET], &["connect: connection refused"], |line| {
                // `proxyconnect tcp: …` is the proxy's refusal, `lookup …: read udp …` the name server's.
                fails_with(line, |reason| {
                    reason.starts_with("dial tcp ")
                        && reason.ends_with("connect: connection refused")
                })
            }),
            Detect::Probe,
        ],
        threshold: Threshold::times(3, TWO_MINUTES),
        harmless: None,
        clears: CLEARS,
    },
    Rule {
        finding: &finding::NETWORK_API_TIMEOUT,
        detect: &[
            Detect::said(
                &[KUBELET],
                &[
                    "i/o timeout",
                    "Client.Timeout exceeded",
                    "context deadline exceeded",
                ],
                |line| fails_with(line, is_timeout),
            ),
            Detect::Probe,
        ],
        threshold: Threshold::times(3, TWO_MINUTES),
        harmless: None,
        clears: CLEARS,
    },
    way::DNS_UNAVAILABLE,
    way::NO_ROUTE,
    way::TLS_TIMEOUT,
    way::TLS_FAILED,
    way::CERT_NAME,
    way::PROXY_FAILED,
    way::API_THROTTLED,
    way::API_UNAVAILABLE,
];

fn fails_with(line: &super::Line<'_>, is_it: fn(&str) -> bool) -> Option<Match> {
    Match::node_if(api_call::failure(line).is_some_and(|reason| is_it(&reason)))
}

fn is_timeout(reason: &str) -> bool {
    // `lookup … i/o timeout` is a name server that does not answer, which is another finding.
    let of_connection = reason.starts_with("dial tcp ")
        && !reason.contains("lookup ")
        && reason.ends_with("i/o timeout");
    let of_request = reason.starts_with("context deadline exceeded")
        || reason.starts_with("net/http: request canceled")
            && reason.contains("Client.Timeout exceeded");
    of_connection || of_request
}
