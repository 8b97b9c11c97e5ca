//! Rules of the join: credentials, authorisation, registration.

mod credential;

use std::time::Duration;

use super::{Clear, Detect, Harmless, KUBELET, Line, Match, Rule, Signal, Threshold, api_call};
use crate::finding;

const MINUTE: Duration = Duration::from_mins(1);
/// Until then a node waits for its serving certificate as all do.
const SERVING_CERTIFICATE: Duration = Duration::from_mins(2);

pub(super) const RULES: &[Rule] = &[
    // The answer of the API server is definite, so one line is enough. No line for five minutes proves acceptance only
    // because a refused kubelet asks again every few seconds.
    Rule {
        finding: &finding::JOIN_UNAUTHORIZED,
        detect: &[Detect::said(
            &[KUBELET],
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
        detect: &[Detect::said(&[KUBELET], NAME_MISMATCH, |line| {
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
        detect: &[Detect::said(
            &[KUBELET],
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
        detect: &[
            Detect::said(&[KUBELET], NO_CREDENTIALS, |line| {
                let said = [line.message(), &line.error()]
                    .iter()
                    .any(|text| NO_CREDENTIALS.iter().any(|w| text.contains(w)));
                Match::node_if(said && !line.is_about_workload())
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::ProbePassed(Duration::from_secs(30)),
            Clear::SilenceAfter(Signal::Registered, Duration::from_mins(2)),
        ],
    },
    // A date that is over proves nothing: the probe asks STS then.
    Rule {
        finding: &finding::JOIN_CREDENTIALS_EXPIRED,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    // pkg/kubelet/kubelet_node_status.go: the kubelet looks for a Node of its name only when it may not create one, or one
    // is there. None is there, so it may not; what the API server said to the creation is not in any line. One line can
    // also be a Node that was deleted in between.
    Rule {
        finding: &finding::JOIN_REGISTRATION_FORBIDDEN,
        detect: &[Detect::said(
            &[KUBELET],
            &["Unable to register node with API server"],
            |line| Match::node_if(is_registration_forbidden(line)),
        )],
        threshold: Threshold::times(2, MINUTE),
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::Silence(Duration::from_mins(5)),
        ],
    },
    // The kubelet asks for it right after the registration and EKS approves within seconds. That the kubelet has none is
    // in the journal only when somebody connects to it, or after a quarter of an hour.
    Rule {
        finding: &finding::JOIN_SERVING_CERT_PENDING,
        detect: &[
            Detect::said(
                &[KUBELET],
                &[
                    "no serving certificate available for the kubelet",
                    "ertificate request was not signed",
                ],
                |line| {
                    let text = line.message();
                    Match::node_if(
                        text.contains("no serving certificate available for the kubelet")
                            || text.starts_with("Certificate request was not signed")
                            || line.error().contains("certificate request was not signed"),
                    )
                },
            ),
            Detect::Missing(Signal::ServingCertificate),
        ],
        threshold: Threshold::ONCE,
        harmless: Some(Harmless::Within(Signal::Registered, SERVING_CERTIFICATE)),
        clears: &[
            Clear::On(Signal::ServingCertificate),
            Clear::Silence(Duration::from_mins(30)),
        ],
    },
    // The catch-all: the kubelet tries every few seconds, for five minutes, and does not succeed. Ranking puts every
    // sharper finding of the join before it.
    Rule {
        finding: &finding::JOIN_NOT_REGISTERED,
        detect: &[Detect::said(
            &[KUBELET],
            &["Attempting to register node"],
            |line| Match::node_if(line.message() == "Attempting to register node"),
        )],
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
    credential::ANONYMOUS,
    credential::EXEC_MISSING,
    credential::KUBECONFIG_INVALID,
    credential::STS_UNREACHABLE,
    credential::NO_PRIVATE_DNS,
];

/// Whether the API server has refused the creation of the Node for another reason than the caller's name.
fn is_registration_forbidden(line: &Line<'_>) -> bool {
    let error = line.error();
    if NAME_MISMATCH.iter().any(|words| error.contains(words)) || error.contains("system:anonymous")
    {
        return false;
    }
    match line.message() {
        "Unable to register node with API server, error getting existing node" => {
            error.ends_with(" not found")
        }
        // Kubernetes before 1.32, or its feature gate KubeletRegistrationGetOnExistsOnly.
        "Unable to register node with API server, reason is forbidden" => true,
        // What RBAC says begins with the user; what is left are plug-ins of admission, policies and webhooks.
        "Unable to register node with API server" => {
            (error.contains("admission webhook") && error.contains("denied the request"))
                || (error.contains(" is forbidden: ") && !error.contains(" is forbidden: User "))
        }
        _ => false,
    }
}

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
