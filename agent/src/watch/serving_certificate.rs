//! Looks whether a node that has registered gets its serving certificate.
//!
//! In: how far the boot is. Out: observations for the rules. Ends only by being dropped.

use std::time::Duration;

use node::rule::{Observation, Signal};
use node::wire::Outcome;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::boot::Boot;
use crate::host::root::Root;
use crate::probe::{self, serving_certificate};

/// While it is awaited.
const PERIOD: Duration = Duration::from_secs(30);
/// While it is there.
const CALM: Duration = Duration::from_mins(10);

/// Looks while the node is registered.
pub async fn follow(
    root: Root,
    boot: watch::Receiver<Boot>,
    observations: mpsc::Sender<Observation>,
) {
    loop {
        let outcome = boot.borrow().outcome();
        let is_registered = matches!(outcome, Outcome::Registered | Outcome::Joined);
        let observation = if is_registered {
            observation(&serving_certificate::look(&root))
        } else {
            None
        };
        let is_there = matches!(&observation, Some(Observation::Check { failure: None, .. }));
        if let Some(observation) = observation
            && observations.send(observation).await.is_err()
        {
            return;
        }
        sleep(if is_there { CALM } else { PERIOD }).await;
    }
}

/// What the rules are told; nothing where nothing is known.
fn observation(outcome: &probe::Outcome) -> Option<Observation> {
    let failure = match outcome {
        probe::Outcome::Passed => None,
        probe::Outcome::Fault(fault) => Some(fault.evidence.join("; ")),
        probe::Outcome::CannotTell(_) => return None,
    };
    Some(Observation::Check {
        signal: Signal::ServingCertificate,
        failure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::path;
    use crate::join::verdict;

    async fn told(outcome: &str) -> Option<Observation> {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write(
            path::KUBELET_CONFIG,
            b"{\"serverTLSBootstrap\": true}",
            0o644,
        )
        .unwrap();
        let verdict = serde_json::json!({
            "apiVersion": "nodectl.dev/v1alpha1", "kind": "Verdict", "agentVersion": "0.1.0",
            "at": "2026-01-02T03:04:05Z", "provisional": false, "outcome": outcome, "phase": "join", "identity": {},
        });
        root.write(path::VERDICT, verdict.to_string().as_bytes(), 0o644)
            .unwrap();
        let boot = Boot {
            verdict: verdict::read(&root),
            ..Boot::default()
        };
        let (_boot, boots) = watch::channel(boot);
        let (observations, mut received) = mpsc::channel(1);
        let following = follow(root, boots, observations);
        tokio::select! {
            () = following => None,
            observation = received.recv() => observation,
            () = sleep(Duration::from_mins(2)) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_registered_node_without_a_certificate_is_told_and_another_one_is_not() {
        let Some(Observation::Check { signal, failure }) = told("joined").await else {
            panic!("nothing was told");
        };
        assert_eq!(signal, Signal::ServingCertificate);
        assert!(failure.is_some());
        assert_eq!(told("failed").await, None);
    }
}
