//! Rules of what containerd meets when it sets up the network of a pod, and the kubelet repeats.
//!
//! The error is one chain: `failed to setup network for sandbox "ID": plugin type="aws-cni" name="aws-cni" failed (add):
//! CAUSE`. It stands in lines that name a pod, and is the node's all the same: the pod only happened to be next.

use std::time::Duration;

use super::super::{
    CONTAINERD, Clear, Detect, KUBELET, Line, Match, NETWORK_POLICY_AGENT, Rule, Signal, Threshold,
    zap,
};
use crate::finding;

const FIVE_MINUTES: Duration = Duration::from_mins(5);

/// The kubelet tries again every ten to fifteen seconds: what lasts so long has failed more than once, in however many lines
/// each failure is told.
pub(super) const TRIED_AGAIN: Threshold = Threshold {
    hits: 3,
    within: Duration::from_mins(2),
    lasting: Duration::from_secs(30),
};

/// containerd's internal/cri/server/service.go and `cni_conf_syncer.go`, around go-cni's opts.go. A file that is being written
/// is an empty or broken one for a moment: of these lines the probe is the judge, except at containerd's start, when nobody
/// writes. containerd says nothing of a load that succeeds; a node that becomes Ready shows it.
pub(super) const BAD_CONFIG: Rule = Rule {
    finding: &finding::CNI_BAD_CONFIG,
    detect: &[
        Detect::said(&[CONTAINERD], &["cni config load failed: "], bad_config),
        Detect::Probe,
    ],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[
        Clear::On(Signal::NodeReady),
        Clear::ProbePassed(Duration::ZERO),
    ],
};

/// containernetworking/cni's pkg/invoke/find.go. Network of a sandbox that is taken down is left out: after a boot that
/// emptied the folder, old sandboxes go before the plug-in comes back.
pub(super) const PLUGIN_MISSING: Rule = Rule {
    finding: &finding::CNI_PLUGIN_MISSING,
    detect: &[Detect::said(
        &[KUBELET, CONTAINERD],
        &["failed to find plugin "],
        |line| {
            let error = line.error();
            Match::node_if(
                error.contains("failed to find plugin ")
                    && error.contains(" in path [")
                    && !error.contains(TAKEN_DOWN),
            )
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[Clear::Silence(FIVE_MINUTES)],
};

/// What no sharper finding of this area names. One failure, told in five lines, is weather.
pub(super) const SETUP_FAILED: Rule = Rule {
    finding: &finding::CNI_SANDBOX_SETUP_FAILED,
    detect: &[Detect::said(
        &[KUBELET, CONTAINERD],
        &[SET_UP, TAKEN_DOWN],
        |line| {
            let error = line.error();
            let failed = error.contains(SET_UP) || error.contains(TAKEN_DOWN);
            Match::node_if(failed && !NAMED.iter().any(|words| error.contains(words)))
        },
    )],
    threshold: TRIED_AGAIN,
    harmless: None,
    clears: &[Clear::Silence(FIVE_MINUTES)],
};

/// cmd/routed-eni-cni-plugin/cni.go of the VPC CNI; `pkg/ebpf/bpf_client.go` of the network policy agent, which says it once
/// in its life. Of the plug-in's word one is the race of a start.
pub(super) const POLICY_AGENT_DOWN: Rule = Rule {
    finding: &finding::CNI_POLICY_AGENT_DOWN,
    detect: &[
        Detect::said(
            &[KUBELET, CONTAINERD],
            &[POLICY_FAILED, POLICY_AGENT],
            |line| {
                let error = line.error();
                Match::node_if(error.contains(POLICY_FAILED) || error.contains(POLICY_AGENT))
            },
        ),
        Detect::said(&[NETWORK_POLICY_AGENT], STATE_LOST, |line| {
            let words = zap::words(line);
            Match::proof_if(STATE_LOST.iter().any(|lost| words.contains(lost)))
        }),
    ],
    threshold: TRIED_AGAIN,
    harmless: None,
    clears: &[Clear::Silence(FIVE_MINUTES)],
};

const SET_UP: &str = "failed to setup network for sandbox";
const TAKEN_DOWN: &str = "failed to destroy network for sandbox";
const POLICY_FAILED: &str = "add cmd: failed to setup network policy";
const POLICY_AGENT: &str = "Failed to connect to network policy agent";
const STATE_LOST: &[&str] = &[
    "Failed to recover the BPF state",
    "failed to recover global maps",
    "BPF State Recovery failed",
];

/// Causes that are findings of their own.
const NAMED: &[&str] = &[
    "failed to find plugin ",
    "failed to assign an IP address to container",
    "127.0.0.1:50051",
    "failed to setup network policy",
    // There is no network yet at all.
    "cni plugin not initialized",
    "cni config uninitialized",
];

fn bad_config(line: &Line<'_>) -> Option<Match> {
    let error = line.error();
    let why = error.strip_prefix("cni config load failed: ")?;
    if why.starts_with("no network config found in ") {
        return None;
    }
    let is_start = line.message().starts_with("failed to load cni during init");
    let may_be_half = why.contains("unexpected end of JSON input");
    if may_be_half && !is_start {
        return Some(Match::Evidence {
            object: String::new(),
        });
    }
    Match::node_if(true)
}
