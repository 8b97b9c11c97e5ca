//! Rules of the VPC CNI's address manager, ipamd: by its own log, and by what the plug-in says when it asks for an address.
//!
//! Sources: pkg/ipamd, pkg/awsutils and cmd of <https://github.com/aws/amazon-vpc-cni-k8s>. EC2's refusals are `CODE: text`,
//! whichever version of the SDK wraps them; the code with its colon tells a refusal from a mention.

use std::time::Duration;

use super::super::{
    CONTAINERD, Clear, Detect, Harmless, IPAMD, KUBELET, Line, Match, Rule, Signal, Threshold, zap,
};
use super::sandbox::TRIED_AGAIN;
use crate::finding;

const MINUTE: Duration = Duration::from_mins(1);
const FIVE_MINUTES: Duration = Duration::from_mins(5);
const TEN_MINUTES: Duration = Duration::from_mins(10);

pub(in crate::rule) const RULES: &[Rule] = &[
    // Every start of ipamd and every burst of pods finds the pool empty for a moment, and it grows within seconds.
    Rule {
        finding: &finding::CNI_NO_FREE_IPS,
        detect: &[
            Detect::said(
                &[KUBELET, CONTAINERD],
                &["failed to assign an IP address to container"],
                |line| {
                    Match::node_if(
                        line.error()
                            .contains("failed to assign an IP address to container"),
                    )
                },
            ),
            Detect::said(
                &[IPAMD],
                &["IP pool is too low", "DataStore has no available IP"],
                |line| {
                    let words = zap::words(line);
                    Match::node_if(
                        words.starts_with("DataStore has no available IP")
                            || (words.starts_with("IP pool is too low")
                                && words.contains("available (0) ")),
                    )
                },
            ),
        ],
        threshold: Threshold {
            hits: 3,
            within: MINUTE,
            lasting: Duration::from_secs(20),
        },
        harmless: Some(Harmless::Within(Signal::IpamdStarted, MINUTE)),
        clears: &[Clear::Silence(FIVE_MINUTES)],
    },
    Rule {
        finding: &finding::CNI_SUBNET_FULL,
        detect: &[Detect::said(&[IPAMD], SUBNET_FULL, |line| {
            Match::node_if(is_refused(line, SUBNET_FULL))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    Rule {
        finding: &finding::CNI_PREFIX_FRAGMENTED,
        detect: &[Detect::said(&[IPAMD], FRAGMENTED, |line| {
            Match::node_if(is_refused(line, FRAGMENTED))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    // One refusal of an address is ipamd's count being out of step with EC2's, which it then corrects.
    Rule {
        finding: &finding::CNI_ENI_LIMIT,
        detect: &[Detect::said(
            &[IPAMD],
            &[
                "AttachmentLimitExceeded: ",
                "PrivateIpAddressLimitExceeded: ",
            ],
            |line| {
                if is_refused(line, &["AttachmentLimitExceeded: "]) {
                    return Match::proof_if(true);
                }
                Match::node_if(is_refused(line, &["PrivateIpAddressLimitExceeded: "]))
            },
        )],
        threshold: Threshold::times(2, TEN_MINUTES),
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    Rule {
        finding: &finding::CNI_IAM_DENIED,
        detect: &[Detect::said(&[IPAMD], DENIED, |line| {
            Match::node_if(is_refused(line, DENIED))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(FIVE_MINUTES)],
    },
    // An update of the add-on takes it away for some seconds. What it serves proves that it is there.
    Rule {
        finding: &finding::CNI_IPAMD_DOWN,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], &["127.0.0.1:50051"], |line| {
                let error = line.error();
                Match::node_if(
                    error.contains("127.0.0.1:50051") && error.contains("connection refused"),
                )
            }),
            Detect::said(&[IPAMD], &["Retrying waiting for IPAM-D"], |line| {
                Match::node_if(zap::words(line).contains("Retrying waiting for IPAM-D"))
            }),
            Detect::Probe,
        ],
        // A probe looks less often than pods are tried.
        threshold: Threshold {
            within: FIVE_MINUTES,
            ..TRIED_AGAIN
        },
        harmless: Some(Harmless::Within(Signal::IpamdStarted, MINUTE)),
        clears: &[
            Clear::On(Signal::IpamdServing),
            Clear::ProbePassed(Duration::ZERO),
            Clear::Silence(TEN_MINUTES),
        ],
    },
    // pkg/k8sapi/k8sutils.go: it asks every two seconds, and ends when there is no account to ask with; the kubelet starts it
    // again after up to five minutes. kube-proxy comes up beside it, so the first half minute is nobody's fault.
    Rule {
        finding: &finding::CNI_IPAMD_NO_API,
        detect: &[Detect::said(&[IPAMD], NO_API, |line| {
            let words = zap::words(line);
            Match::node_if(NO_API.iter().any(|start| words.starts_with(start)))
        })],
        threshold: Threshold {
            hits: 2,
            within: Duration::from_mins(6),
            lasting: Duration::from_secs(30),
        },
        harmless: None,
        clears: &[
            Clear::On(Signal::IpamdServing),
            Clear::SilenceAfter(Signal::IpamdServing, TEN_MINUTES),
        ],
    },
    Rule {
        finding: &finding::CNI_IPAMD_RESTARTING,
        detect: &[Detect::said(&[IPAMD], &["Starting L-IPAMD"], |line| {
            Match::node_if(zap::words(line).starts_with("Starting L-IPAMD"))
        })],
        threshold: Threshold::times(6, Duration::from_hours(1)),
        harmless: None,
        clears: &[Clear::Silence(Duration::from_mins(30))],
    },
];

const SUBNET_FULL: &[&str] = &[
    "InsufficientFreeAddressesInSubnet: ",
    "There aren't sufficient free Ipv4 addresses or prefixes",
];
const FRAGMENTED: &[&str] = &["InsufficientCidrBlocks: "];
const DENIED: &[&str] = &[
    "UnauthorizedOperation: ",
    "is not authorized to perform: ec2:",
];
const NO_API: &[&str] = &[
    "Unable to reach API Server",
    "Failed to check API server connectivity",
];

fn is_refused(line: &Line<'_>, codes: &[&str]) -> bool {
    zap::complaint(line).is_some_and(|words| codes.iter().any(|code| words.contains(code)))
}
