//! Rules of the clock, and of what a wrong clock makes invalid.

use std::time::Duration;

use super::{
    Clear, Detect, Harmless, KUBELET, Match, NODEADM_CONFIG, NODEADM_RUN, Rule, Signal, Threshold,
    api_call,
};
use crate::finding;

const FIVE_MINUTES: Duration = Duration::from_mins(5);

pub(super) const RULES: &[Rule] = &[
    // AWS's words, in whichever SDK: `SignatureDoesNotMatch: Signature expired: T1 is now earlier than T2 (…)`.
    Rule {
        finding: &finding::TIME_SIGNATURE_EXPIRED,
        detect: &[Detect::said(
            &[KUBELET, NODEADM_CONFIG, NODEADM_RUN],
            SIGNATURE,
            |line| {
                let error = line.error();
                let said = [line.message(), &error]
                    .iter()
                    .any(|text| is_signature_expired(text));
                Match::node_if(said && !line.is_about_workload())
            },
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::On(Signal::Registered), Clear::Silence(FIVE_MINUTES)],
    },
    // Go's crypto/x509/verify.go, CertificateInvalidError, of the API server's certificate: that of a registry is not
    // ours to mend.
    Rule {
        finding: &finding::TIME_CERT_VALIDITY,
        detect: &[
            Detect::said(&[KUBELET], &[VALIDITY], |line| {
                Match::node_if(
                    api_call::failure(line).is_some_and(|reason| reason.contains(VALIDITY)),
                )
            }),
            // Of the API server's certificate, and of those that are files of this node.
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::ProbePassed(Duration::from_secs(30)),
            Clear::Silence(Duration::from_mins(2)),
        ],
    },
    // chrony's reference.c, at more than a second (`logchange`, `makestep`). A boot begins with the clock of the hypervisor.
    Rule {
        finding: &finding::TIME_UNSYNCHRONIZED,
        detect: &[
            // Amazon Linux and Red Hat; Debian and Ubuntu.
            Detect::said(
                &["chronyd.service", "chrony.service"],
                &["System clock wrong by "],
                |line| Match::node_if(line.message().starts_with("System clock wrong by ")),
            ),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: Some(Harmless::Within(
            Signal::KernelStarted,
            Duration::from_mins(2),
        )),
        clears: &[
            Clear::ProbePassed(FIVE_MINUTES),
            Clear::Silence(Duration::from_mins(30)),
        ],
    },
];

const VALIDITY: &str = "x509: certificate has expired or is not yet valid";

const SIGNATURE: &[&str] = &[
    "Signature expired: ",
    "Signature not yet current: ",
    "RequestExpired: ",
    "ExpiredToken",
];

fn is_signature_expired(text: &str) -> bool {
    text.contains("Signature expired: ") && text.contains(" is now earlier than ")
        || text.contains("Signature not yet current: ")
        || text.contains("RequestExpired: ")
        || text.contains("(ExpiredToken")
        || text.contains("ExpiredTokenException: ")
        || text.contains("ExpiredToken: ")
}
