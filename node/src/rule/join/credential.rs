//! Rules of a kubelet that has nothing to show for itself: no credential, no helper, no kubeconfig, no name.

use std::time::Duration;

use super::super::{
    Clear, Detect, KUBELET, Match, NODEADM_CONFIG, NODEADM_RUN, Rule, Signal, Threshold,
};
use crate::finding;

const REGISTERED: &[Clear] = &[
    Clear::On(Signal::Registered),
    Clear::SilenceAfter(Signal::Registered, Duration::from_mins(2)),
];

/// The API server's RBAC. What an anonymous caller asks of the kubelet is in lines of another form.
pub(super) const ANONYMOUS: Rule = Rule {
    finding: &finding::JOIN_ANONYMOUS,
    detect: &[Detect::said(&[KUBELET], &["system:anonymous"], |line| {
        let error = line.error();
        Match::node_if(
            !line.is_about_workload()
                && error.contains(" is forbidden: ")
                && error.contains("User \"system:anonymous\" cannot "),
        )
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: REGISTERED,
};

/// client-go, plugin/pkg/client/auth/exec: there is no such program, or it cannot be run.
pub(super) const EXEC_MISSING: Rule = Rule {
    finding: &finding::JOIN_EXEC_MISSING,
    detect: &[Detect::said(
        &[KUBELET],
        &["getting credentials: exec: "],
        |line| {
            let error = line.error();
            let why = error
                .split_once("getting credentials: exec: ")
                .map_or("", |(_, why)| why);
            let not_found = why
                .strip_prefix("executable ")
                .is_some_and(|helper| helper.contains(" not found"));
            Match::node_if(
                not_found
                    || why.starts_with("fork/exec ")
                    || why.contains("executable file not found"),
            )
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: REGISTERED,
};

/// cmd/kubelet/app/server.go, buildKubeletClientConfig: the kubelet ends after this line.
pub(super) const KUBECONFIG_INVALID: Rule = Rule {
    finding: &finding::JOIN_KUBECONFIG_INVALID,
    detect: &[Detect::said(&[KUBELET], KUBECONFIG, |line| {
        let error = line.error();
        Match::node_if(KUBECONFIG.iter().any(|words| error.contains(words)))
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[
        Clear::On(Signal::Registered),
        Clear::UnitActive(KUBELET, Duration::from_mins(1)),
    ],
};

/// What a credential helper writes on its standard error: the AWS CLI (botocore/exceptions.py), the Go SDK.
pub(super) const STS_UNREACHABLE: Rule = Rule {
    finding: &finding::JOIN_STS_UNREACHABLE,
    detect: &[Detect::said(&[KUBELET], &["https://sts."], |line| {
        let error = line.error();
        let said = [line.message(), &error].iter().any(|text| is_no_way(text));
        Match::node_if(said && !line.is_about_workload())
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[
        Clear::On(Signal::Registered),
        Clear::Silence(Duration::from_mins(5)),
    ],
};

/// A kubelet without a name looks for the Node of no name; nodeadm prints what EC2 says of the instance.
pub(super) const NO_PRIVATE_DNS: Rule = Rule {
    finding: &finding::JOIN_NO_PRIVATE_DNS,
    detect: &[
        // Quoted within a structured line, and alone.
        Detect::said(&[KUBELET], &["\" not found"], |line| {
            let error = line.error();
            Match::node_if(
                !line.is_about_workload()
                    && ["node \"\" not found", "nodes \"\" not found"]
                        .iter()
                        .any(|words| error.contains(words)),
            )
        }),
        Detect::said(
            &[NODEADM_CONFIG, NODEADM_RUN],
            &["privateDnsName"],
            |line| {
                let text = line.message();
                Match::node_if(
                    text.contains("\"privateDnsName\":\"\"")
                        || text.contains("\"privateDnsName\": \"\""),
                )
            },
        ),
    ],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[
        Clear::On(Signal::Registered),
        Clear::Silence(Duration::from_mins(5)),
    ],
};

const KUBECONFIG: &[&str] = &[
    "failed to run Kubelet: invalid kubeconfig: ",
    "failed to run Kubelet: unable to load bootstrap kubeconfig: ",
];

fn is_no_way(text: &str) -> bool {
    // `Could not connect to`, `Connect timeout on`, `Read timeout on`.
    let of_python = text.contains("endpoint URL: \"https://sts.");
    let of_go = text.contains("Post \"https://sts.")
        && ["dial tcp", "handshake timeout", "deadline exceeded"]
            .iter()
            .any(|words| text.contains(words));
    of_python || of_go
}
