//! Rules of the pod network.

mod ipamd;
mod sandbox;

use std::time::Duration;

use super::{Clear, Detect, Harmless, KUBELET, Match, Rule, Signal, Threshold};
use crate::finding;

pub(super) use ipamd::RULES as IPAMD_RULES;

pub(super) const RULES: &[Rule] = &[
    // Every node says this while its CNI is installed, and a kubelet that runs says it again every five seconds: time is
    // what tells a fault from a start, and silence what tells recovery.
    Rule {
        finding: &finding::CNI_NOT_READY,
        detect: &[Detect::said(
            &[KUBELET],
            &[
                "NetworkPluginNotReady",
                "network is not ready: container runtime network not ready",
            ],
            |line| {
                let reported = line
                    .message()
                    .eq_ignore_ascii_case("Container runtime network not ready")
                    || line
                        .message()
                        .starts_with("Container runtime network not ready: ");
                // A pod that waits for the network carries the same words as its error; the kubelet wrote them.
                let waited_for = line
                    .error()
                    .starts_with("network is not ready: container runtime network not ready");
                Match::node_if(reported || waited_for)
            },
        )],
        threshold: Threshold::ONCE,
        harmless: Some(Harmless::Within(
            Signal::KubeletStarted,
            Duration::from_secs(90),
        )),
        clears: &[Clear::Silence(Duration::from_secs(30))],
    },
    sandbox::BAD_CONFIG,
    sandbox::PLUGIN_MISSING,
    sandbox::SETUP_FAILED,
    sandbox::POLICY_AGENT_DOWN,
];
