//! Rules of single pods, as far as they say something of the node.

use std::time::Duration;

use super::super::{Clear, Detect, KUBELET, Line, Match, Rule, Threshold};
use crate::finding;

const FIVE_MINUTES: Duration = Duration::from_mins(5);
const TEN_MINUTES: Duration = Duration::from_mins(10);

pub(in super::super) const RULES: &[Rule] = &[
    // pkg/kubelet/prober/prober.go. A pod that starts is not ready for a while, and one that ends neither.
    Rule {
        finding: &finding::KUBELET_PROBE_FAILURES,
        detect: &[Detect::said(
            &[KUBELET],
            &["Probe failed", "Probe errored", "ness probe for "],
            |line| failed_probe(line).map(|object| Match::Hit { object }),
        )],
        threshold: Threshold::times(5, FIVE_MINUTES),
        harmless: None,
        clears: &[Clear::Silence(FIVE_MINUTES)],
    },
    // pkg/kubelet/kuberuntime/kuberuntime_container.go, pod_workers.go, volumemanager/populator. A pod may take its time
    // to end; one that waits for longer than nearly all are allowed to is stuck.
    Rule {
        finding: &finding::KUBELET_POD_STUCK,
        detect: &[Detect::said(
            &[KUBELET],
            &[
                "one or more containers in the non-exited state",
                "Failed to kill pod",
                "Kill container failed",
                "failed to \\\"Kill",
            ],
            |line| {
                is_kept_alive(line).then(|| Match::Hit {
                    object: line.value("pod").unwrap_or_default().into_owned(),
                })
            },
        )],
        threshold: Threshold {
            hits: 3,
            within: TEN_MINUTES,
            lasting: FIVE_MINUTES,
        },
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    // pkg/kubelet/lifecycle/predicate.go.
    Rule {
        finding: &finding::KUBELET_PODS_FULL,
        detect: &[
            Detect::said(
                &[KUBELET],
                &["have enough resource: pods, requested"],
                |line| {
                    let error = line.error();
                    Match::node_if(error.contains("have enough resource: pods, requested"))
                },
            ),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES), Clear::ProbePassed(TEN_MINUTES)],
    },
];

/// The pod whose probe failed, `namespace/name`. A startup probe fails until its pod has started: that is its purpose.
fn failed_probe(line: &Line<'_>) -> Option<String> {
    let message = line.message();
    if matches!(message, "Probe failed" | "Probe errored") {
        let kind = line.value("probeType")?;
        return (kind == "Readiness" || kind == "Liveness")
            .then(|| line.value("pod").unwrap_or_default().into_owned());
    }
    // Before structured lines: `Liveness probe for "name_namespace(uid):container" failed (failure): …`
    let rest = ["Readiness", "Liveness"]
        .iter()
        .find_map(|kind| message.strip_prefix(kind))?;
    let (whose, outcome) = rest.strip_prefix(" probe for \"")?.split_once('"')?;
    if !outcome.starts_with(" failed") && !outcome.starts_with(" errored") {
        return None;
    }
    let (pod, _) = whose.split_once('(')?;
    let (name, namespace) = pod.rsplit_once('_')?;
    Some(format!("{namespace}/{name}"))
}

/// Whether the line says that a pod could not be ended. A network that cannot be taken down is the CNI's.
fn is_kept_alive(line: &Line<'_>) -> bool {
    let message = line.message();
    let error = line.error();
    message.starts_with("Pod still has one or more containers in the non-exited state")
        || message.starts_with("Failed to kill pod")
        || message == "Kill container failed"
        || message == "Error syncing pod, skipping"
            && error.contains("failed to \"Kill")
            && !error.contains("failed to destroy network")
}
