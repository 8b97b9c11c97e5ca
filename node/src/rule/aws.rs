//! Rules of what EC2 announces and how its metadata service fares.
//!
//! EC2 tells what it will do with an instance in the metadata service alone: probes look there.

use std::time::Duration;

use super::{
    Clear, Detect, IPAMD, Match, NODEADM_CONFIG, NODEADM_RUN, Rule, Signal, Threshold, zap,
};
use crate::finding;

const TEN_MINUTES: Duration = Duration::from_mins(10);
/// Never while this boot lasts: what was announced is not taken back.
const UNTIL_REBOOT: &[Clear] = &[Clear::Silence(Duration::from_hours(24 * 365))];
const AT_ONCE: &[Clear] = &[Clear::ProbePassed(Duration::ZERO)];

pub(super) const RULES: &[Rule] = &[
    probed(&finding::AWS_SPOT_INTERRUPTION, UNTIL_REBOOT),
    probed(&finding::AWS_REBALANCE, UNTIL_REBOOT),
    probed(&finding::AWS_ASG_TERMINATING, UNTIL_REBOOT),
    probed(&finding::AWS_MAINTENANCE, AT_ONCE),
    probed(&finding::AWS_CLUSTER_TAG_MISSING, AT_ONCE),
    probed(&finding::AWS_IMDS_HOP_LIMIT, AT_ONCE),
    // One answer with an error is a server that is replaced.
    Rule {
        threshold: Threshold::times(2, TEN_MINUTES),
        ..probed(
            &finding::AWS_IMDS_THROTTLED,
            &[Clear::ProbePassed(TEN_MINUTES)],
        )
    },
    // The SDKs try again on their own, and mostly succeed: ipamd begins with a burst of calls.
    Rule {
        finding: &finding::AWS_API_THROTTLED,
        detect: &[Detect::said(
            &[NODEADM_CONFIG, NODEADM_RUN, IPAMD],
            THROTTLED,
            |line| {
                let words = zap::words(line);
                Match::node_if(THROTTLED.iter().any(|throttled| words.contains(throttled)))
            },
        )],
        threshold: Threshold::times(2, Duration::from_mins(5)),
        harmless: None,
        clears: &[Clear::On(Signal::Bootstrapped), Clear::Silence(TEN_MINUTES)],
    },
];

const THROTTLED: &[&str] = &[
    "RequestLimitExceeded: ",
    "failed to get rate limit token, retry quota exceeded",
];

const fn probed(finding: &'static finding::Finding, clears: &'static [Clear]) -> Rule {
    Rule {
        finding,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears,
    }
}
