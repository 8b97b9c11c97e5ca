//! Rules of containerd and the CRI service.

use std::time::Duration;

use super::{
    CONTAINERD, Clear, Detect, KUBELET, LinePattern, Match, Rule, Signal, Speaker, Threshold,
};
use crate::finding;

pub(super) const RULES: &[Rule] = &[
    // A registered kubelet has made CRI calls. Later, it calls every five seconds.
    Rule {
        finding: &finding::RUNTIME_CRI_UNAVAILABLE,
        detect: &[
            Detect::Line(LinePattern {
                unit: KUBELET,
                speaker: Speaker::Service,
                literals: &["unknown service runtime.v1."],
                // `method RuntimeConfig not implemented` is an older containerd, and harmless.
                matches: |line| {
                    let error = line.error();
                    Match::node_if(
                        error.contains("code = Unimplemented desc = unknown service runtime.v1."),
                    )
                },
            }),
            // containerd names the plugin in the message (1.7) or in `id` (2.x), and the reason in `error`.
            Detect::Line(LinePattern {
                unit: CONTAINERD,
                speaker: Speaker::Service,
                literals: &["failed to load plugin", "failed to create CRI service"],
                matches: |line| {
                    let is_cri = |text: &str| text.contains("io.containerd.grpc.v1.cri");
                    let not_loaded = line.message().starts_with("failed to load plugin")
                        && (is_cri(line.message())
                            || line.value("id").is_some_and(|id| is_cri(&id)));
                    Match::node_if(
                        not_loaded || line.error().contains("failed to create CRI service"),
                    )
                },
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::On(Signal::Registered),
            Clear::SilenceAfter(Signal::Registered, Duration::from_mins(2)),
        ],
    },
];
