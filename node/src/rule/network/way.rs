//! More of the way to the API server: name servers, routes, TLS, proxies, and a server that answers with something else.

use std::time::Duration;

use super::super::{
    CONTAINERD, Clear, Detect, KUBELET, Match, NODEADM, NODEADM_CONFIG, NODEADM_RUN, Rule,
    Threshold,
};
use super::{CLEARS, TWO_MINUTES, fails_with};
use crate::finding;

/// The metadata service, which is no way to the API server.
const IMDS: &str = "169.254.169.254";

/// Go's `net/dnsclient_unix.go` and net/net.go: `lookup NAME on SERVER:53: …`.
pub(super) const DNS_UNAVAILABLE: Rule = Rule {
    finding: &finding::NETWORK_DNS_UNAVAILABLE,
    detect: &[
        Detect::said(&[KUBELET], &["lookup "], |line| {
            fails_with(line, is_name_server_silent)
        }),
        Detect::said(NODEADM, &["lookup "], |line| {
            let text = line.message();
            Match::node_if(text.contains("lookup ") && has_any(text, NAME_SERVER_SILENT))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::times(2, TWO_MINUTES),
    harmless: None,
    clears: CLEARS,
};

/// A boot begins without routes; three failures are none of its first second.
pub(super) const NO_ROUTE: Rule = Rule {
    finding: &finding::NETWORK_NO_ROUTE,
    detect: &[
        Detect::said(&[KUBELET], NO_ROUTE_WORDS, |line| {
            fails_with(line, |reason| {
                reason.starts_with("dial tcp") && has_any(reason, NO_ROUTE_WORDS)
            })
        }),
        Detect::said(NODEADM, NO_ROUTE_WORDS, |line| {
            let text = line.message();
            Match::node_if(has_any(text, NO_ROUTE_WORDS) && !text.contains(IMDS))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::times(3, TWO_MINUTES),
    harmless: None,
    clears: CLEARS,
};

/// Go's net/http/transport.go.
pub(super) const TLS_TIMEOUT: Rule = Rule {
    finding: &finding::NETWORK_TLS_TIMEOUT,
    detect: &[
        Detect::said(&[KUBELET], &["net/http: TLS handshake timeout"], |line| {
            fails_with(line, |reason| reason == "net/http: TLS handshake timeout")
        }),
        Detect::Probe,
    ],
    threshold: Threshold::times(2, TWO_MINUTES),
    harmless: None,
    clears: CLEARS,
};

/// Go's crypto/tls and net/http/client.go. A connection that is closed (`EOF`) is not enough: control planes are replaced.
pub(super) const TLS_FAILED: Rule = Rule {
    finding: &finding::NETWORK_TLS_FAILED,
    detect: &[
        Detect::said(&[KUBELET], NO_TLS, |line| {
            fails_with(line, |reason| has_any(reason, NO_TLS))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::times(2, TWO_MINUTES),
    harmless: None,
    clears: CLEARS,
};

/// Go's crypto/x509/verify.go, `HostnameError`.
pub(super) const CERT_NAME: Rule = Rule {
    finding: &finding::NETWORK_CERT_NAME,
    detect: &[
        Detect::said(&[KUBELET], OTHER_NAME, |line| {
            fails_with(line, |reason| has_any(reason, OTHER_NAME))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: CLEARS,
};

/// The proxy of the kubelet and of containerd is the node's, whatever image or pod it was needed for.
pub(super) const PROXY_FAILED: Rule = Rule {
    finding: &finding::NETWORK_PROXY_FAILED,
    detect: &[
        Detect::said(
            &[KUBELET, CONTAINERD, NODEADM_CONFIG, NODEADM_RUN],
            PROXY,
            |line| {
                let error = line.error();
                Match::node_if(
                    !line.has_any(&["probeType", "output"])
                        && (error.contains("proxyconnect tcp: ")
                            || error.ends_with("\": Proxy Authentication Required")),
                )
            },
        ),
        // It never passes: the way to the API server may be one on which no proxy is asked.
        Detect::Probe,
    ],
    threshold: Threshold::times(2, TWO_MINUTES),
    harmless: None,
    clears: &[Clear::Silence(TWO_MINUTES)],
};

/// `client-side throttling` is the kubelet's own patience, and no word of the server's. A registry says `Too Many Requests`.
pub(super) const API_THROTTLED: Rule = Rule {
    finding: &finding::NETWORK_API_THROTTLED,
    detect: &[
        Detect::said(&[KUBELET], &[TOO_MANY], |line| {
            Match::node_if(line.error().contains(TOO_MANY) && !line.is_about_workload())
        }),
        // The AWS SDK's error of the EKS API.
        Detect::said(
            NODEADM,
            &["Too Many Requests", "TooManyRequestsException"],
            |line| {
                let text = line.message();
                Match::node_if(
                    text.contains("Too Many Requests") || text.contains("TooManyRequests"),
                )
            },
        ),
    ],
    threshold: Threshold::times(2, TWO_MINUTES),
    harmless: None,
    clears: &[Clear::Silence(Duration::from_mins(5))],
};

/// apimachinery's pkg/api/errors: a 503, a 500 of no known reason, and the storage behind the API server.
pub(super) const API_UNAVAILABLE: Rule = Rule {
    finding: &finding::NETWORK_API_UNAVAILABLE,
    detect: &[Detect::said(&[KUBELET], UNAVAILABLE, |line| {
        Match::node_if(has_any(&line.error(), UNAVAILABLE) && !line.is_about_workload())
    })],
    threshold: Threshold::times(2, TWO_MINUTES),
    harmless: None,
    clears: &[Clear::Silence(TWO_MINUTES)],
};

const NAME_SERVER_SILENT: &[&str] = &[
    "i/o timeout",
    "server misbehaving",
    "read: connection refused",
    "Temporary failure in name resolution",
];

const NO_ROUTE_WORDS: &[&str] = &[
    "connect: no route to host",
    "connect: network is unreachable",
];

const NO_TLS: &[&str] = &[
    "http: server gave HTTP response to HTTPS client",
    "tls: first record does not look like a TLS handshake",
    "tls: protocol version not supported",
    "remote error: tls: ",
];

const OTHER_NAME: &[&str] = &[
    "x509: certificate is valid for ",
    "x509: certificate is not valid for any names",
    "x509: cannot validate certificate for ",
];

const PROXY: &[&str] = &["proxyconnect tcp: ", "Proxy Authentication Required"];

const TOO_MANY: &str =
    "the server has received too many requests and has asked us to try again later";

const UNAVAILABLE: &[&str] = &[
    "the server is currently unable to handle the request",
    "has prevented the request from succeeding",
    "etcdserver: ",
];

fn is_name_server_silent(reason: &str) -> bool {
    // `connect: network is unreachable` on the way to the name server is a missing route.
    reason.starts_with("dial tcp: lookup ") && has_any(reason, NAME_SERVER_SILENT)
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|words| text.contains(words))
}
