//! Rules of what nodeadm says of its configuration, the metadata service and EC2, where it is the bootstrap.
//!
//! Its lines are those of a console logger, `fatal … Command failed {"error": "…"}`, or JSON before 2025: the words are looked
//! for in the whole of the line. Sources: <https://github.com/awslabs/amazon-eks-ami>, nodeadm/internal.

use std::time::Duration;

use super::super::{
    CLOUD_FINAL, Detect, Harmless, Line, Match, NODEADM, NODEADM_CONFIG, NODEADM_RUN, Rule, Signal,
    Threshold,
};
use super::CLEARS;
use crate::finding::{self, Finding};

pub(in crate::rule) const RULES: &[Rule] = &[
    // internal/configprovider: the chain of providers tells why each of them has nothing.
    said(
        &finding::BOOTSTRAP_NO_NODE_CONFIG,
        &[nodeadm(
            &[
                "could not find NodeConfig within UserData",
                "no config in chain",
                "config provider at index ",
            ],
            |line| Match::node_if(is_without_config(line.message())),
        )],
    ),
    said(
        &finding::BOOTSTRAP_BAD_USER_DATA,
        &[nodeadm(MALFORMED, |line| {
            let text = line.message();
            Match::node_if(has_any(text, MALFORMED) && !is_without_config(text))
        })],
    ),
    // internal/api/validation.go
    said(
        &finding::BOOTSTRAP_INCOMPLETE_CONFIG,
        &[nodeadm(INCOMPLETE, |line| {
            Match::node_if(has_any(line.message(), INCOMPLETE))
        })],
    ),
    // The script that AL2023 has in the place of AL2's, and bash where there is none.
    said(
        &finding::BOOTSTRAP_AL2_SCRIPT,
        &[Detect::said(
            &[NODEADM_CONFIG, NODEADM_RUN, CLOUD_FINAL],
            AL2,
            |line| Match::node_if(has_any(line.message(), AL2)),
        )],
    ),
    // internal/api/imds: sixty tries. The network comes up in the first half minute.
    Rule {
        harmless: Some(Harmless::Within(
            Signal::KernelStarted,
            Duration::from_secs(30),
        )),
        ..said(
            &finding::BOOTSTRAP_IMDS_UNREACHABLE,
            &[Detect::said(
                &[NODEADM_CONFIG, NODEADM_RUN, CLOUD_FINAL],
                IMDS,
                |line| Match::node_if(is_without_imds(line.message())),
            )],
        )
    },
    said(
        &finding::BOOTSTRAP_EC2_UNREACHABLE,
        &[nodeadm(EC2, |line| ec2_unreachable(line.message()))],
    ),
    // What EC2 answers to DescribeInstances; the SDK's own line names no code.
    said(
        &finding::BOOTSTRAP_EC2_FORBIDDEN,
        &[nodeadm(FORBIDDEN, |line| {
            Match::node_if(has_any(line.message(), FORBIDDEN))
        })],
    ),
    // internal/kubelet/image_credential_provider.go
    said(
        &finding::BOOTSTRAP_CREDENTIAL_PROVIDER_MISSING,
        &[nodeadm(
            &["image credential provider binary was not found"],
            |line| {
                let words = "image credential provider binary was not found";
                Match::node_if(line.message().contains(words))
            },
        )],
    ),
    // internal/containerd/config.go
    said(
        &finding::BOOTSTRAP_CONTAINERD_CONFIG_VERSION,
        &[nodeadm(&["Invalid containerd config passed"], |line| {
            Match::node_if(line.message().contains("Invalid containerd config passed"))
        })],
    ),
];

const MALFORMED: &[&str] = &[
    "failed to decode ",
    "is registered for version \"node.eks.aws/",
    "is registered for version \\\"node.eks.aws/",
    "multipart: NextPart: ",
    "MIME type is not multipart",
    "failed to decompress user data",
    "illegal base64 data at input byte",
    "config provider at index ",
];

const INCOMPLETE: &[&str] = &[
    "Name is missing in cluster configuration",
    "Apiserver endpoint is missing in cluster configuration",
    "Certificate authority is missing in cluster configuration",
    "CIDR is missing in cluster configuration",
];

const AL2: &[&str] = &[
    "bootstrap.sh has been removed from AL2023-based EKS AMIs",
    "/etc/eks/bootstrap.sh: No such file or directory",
];

const IMDS: &[&str] = &[
    "metadata property path ",
    "dial tcp 169.254.169.254:80: ",
    // Python's urllib3, below the AWS CLI of a script.
    "HTTPConnectionPool(host='169.254.169.254'",
];

const EC2: &[&str] = &[
    "retrying request EC2/DescribeInstances, attempt ",
    "exceeded max wait time for InstanceCondition waiter",
    "operation error EC2: DescribeInstances, exceeded maximum number of attempts",
    "Could not connect to the endpoint URL: \"https://ec2.",
    "Could not connect to the endpoint URL: \\\"https://ec2.",
];

const FORBIDDEN: &[&str] = &[
    "api error UnauthorizedOperation: ",
    "api error AuthFailure: ",
    "request failed with unretryable error https response error StatusCode: 403",
];

/// EC2 may not know an instance of the last seconds: so many tries are no fault.
const NORMAL_ATTEMPTS: u32 = 6;

fn is_without_config(text: &str) -> bool {
    text.contains("could not find NodeConfig within UserData")
        || text.contains("no config in chain")
        || (text.contains("config provider at index ")
            && text.contains("failed: stat ")
            && text.contains("no such file or directory"))
}

/// nodeadm asks for paths that every instance has: whatever goes wrong with one, the service does not do its work.
fn is_without_imds(text: &str) -> bool {
    let of_nodeadm =
        text.contains("metadata property path ") && text.contains("operation error ec2imds: ");
    let of_python = text.contains("HTTPConnectionPool(host='169.254.169.254'")
        && ["unreachable", "timed out", "refused"]
            .iter()
            .any(|words| text.contains(words));
    of_nodeadm || of_python || text.contains("dial tcp 169.254.169.254:80: ")
}

fn ec2_unreachable(text: &str) -> Option<Match> {
    // An answer that says to come later is an answer.
    if text.contains("RequestLimitExceeded") {
        return None;
    }
    let retry = "retrying request EC2/DescribeInstances, attempt ";
    if let Some((_, rest)) = text.split_once(retry) {
        let digits = rest.split(|character: char| !character.is_ascii_digit());
        let attempt = digits.into_iter().next()?.parse::<u32>().ok()?;
        return Match::node_if(attempt > NORMAL_ATTEMPTS);
    }
    Match::node_if(has_any(text, EC2))
}

fn has_any(text: &str, words: &[&str]) -> bool {
    words.iter().any(|words| text.contains(words))
}

const fn said(finding: &'static Finding, detect: &'static [Detect]) -> Rule {
    Rule {
        finding,
        detect,
        threshold: Threshold::ONCE,
        harmless: None,
        clears: CLEARS,
    }
}

const fn nodeadm(
    literals: &'static [&'static str],
    matches: fn(&Line<'_>) -> Option<Match>,
) -> Detect {
    Detect::said(NODEADM, literals, matches)
}
