//! The ladder: the probes in the order in which a join depends on them, climbed until one fails for a reason.
//!
//! What lies on this machine is looked at all at once; the way to the API server and the identity come after, one upon
//! the other. A climb gives a [`Report`].

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use node::rule::{CONTAINERD, KUBELET};
use node::wire::Severity;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::host::environment::Environment;
use crate::host::kubernetes::Access;
use crate::host::root::Root;
use crate::host::systemd::{Systemd, UnitState, Units as _};
use crate::plan::Summary;
use crate::probe::{
    DEADLINE, Fault, Outcome, PATIENCE, clock, container_runtime, endpoint, identity, kubeconfig,
    kubelet, registration, storage, swap, synchronization,
};

use super::inquiry::Inquiry;

/// Waits between climbs; the last one for ever. A herd of nodes that cannot join must not become a load of its own.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(15),
    Duration::from_secs(30),
];

/// What one climb came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// When it began; none: nobody has climbed yet.
    pub began: Option<Timestamp>,
    /// What is wrong; all of one height.
    pub faults: Vec<Fault>,
    /// What could not be told, and why.
    pub unknown: Vec<String>,
    /// The endpoint was reached, with TLS.
    pub is_reached: bool,
}

impl Report {
    /// Takes what may explain the last fault: faults of their own, which have its evidence before theirs, and lines of
    /// evidence of that fault, before its plainest.
    pub(super) fn explain(&mut self, outcomes: &[Outcome]) {
        let Some(mut explained) = self.faults.pop() else {
            return;
        };
        let plainest = explained.evidence.clone();
        let mut evidence = Vec::new();
        for outcome in outcomes {
            match outcome {
                Outcome::Passed => {}
                Outcome::CannotTell(why) => evidence.push(why.clone()),
                Outcome::Fault(fault) => {
                    let evidence = plainest.iter().chain(&fault.evidence);
                    self.faults.push(Fault {
                        finding: fault.finding,
                        evidence: evidence.cloned().collect(),
                    });
                }
            }
        }
        explained.evidence.splice(0..0, evidence);
        self.faults.push(explained);
    }

    fn take(&mut self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Passed => return true,
            Outcome::Fault(fault) => self.faults.push(fault),
            Outcome::CannotTell(why) => self.unknown.push(why),
        }
        false
    }
}

/// Climbs again and again, at growing intervals, and at once when something has `changed`. Whether the kubelet says that it
/// may not register comes from outside. Ends only by being dropped.
pub async fn follow(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    changed: &Notify,
    is_registration_refused: &AtomicBool,
    reports: watch::Sender<Report>,
) -> Infallible {
    let mut last: Option<Vec<&str>> = None;
    let mut inquiry = Inquiry::default();
    for climb_number in 0_usize.. {
        let is_refused = is_registration_refused.load(Ordering::Relaxed);
        let report = climb(root, environment, summary, &mut inquiry, is_refused).await;
        let codes: Vec<_> = report
            .faults
            .iter()
            .map(|fault| fault.finding.code)
            .collect();
        if last.as_ref() != Some(&codes) {
            for fault in &report.faults {
                let evidence = fault.evidence.last().map_or("", String::as_str);
                tracing::warn!(
                    code = fault.finding.code,
                    "{}",
                    node::redact::text(evidence)
                );
            }
        }
        for why in &report.unknown {
            tracing::debug!("the ladder cannot tell: {}", node::redact::text(why));
        }
        last = Some(codes);
        reports.send_replace(report);
        tokio::select! {
            () = sleep(pause(climb_number)) => {}
            () = changed.notified() => {}
        }
    }
    std::future::pending().await
}

fn pause(climb_number: usize) -> Duration {
    let [.., longest] = PAUSES;
    PAUSES.get(climb_number).copied().unwrap_or(longest)
}

/// Climbs once. What AWS says of a refusal is kept in the `inquiry`.
pub async fn climb(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    inquiry: &mut Inquiry,
    is_registration_refused: bool,
) -> Report {
    let mut report = Report {
        began: Some(Timestamp::now()),
        ..Report::default()
    };
    let (units, runtime, access) = tokio::join!(
        units(),
        container_runtime::ask(root),
        Access::read(root, environment, PATIENCE),
    );
    let (containerd, kubelet) = match &units {
        Ok((containerd, kubelet)) => (Some(containerd), Some(kubelet)),
        Err(why) => {
            report.unknown.push(why.clone());
            (None, None)
        }
    };
    for fault in storage::judge(&storage::look(root)) {
        report.take(fault);
    }
    report.take(swap::look(root));
    report.take(container_runtime::judge(&runtime, containerd));
    if let Some(kubelet) = kubelet {
        report.take(kubelet::judge(kubelet));
    }
    let is_awaited = kubeconfig::is_awaited(root);
    report.take(kubeconfig::authority(root));
    report.take(kubeconfig::judge(&access, is_awaited));
    let Ok(access) = access else {
        return report;
    };
    let is_grave = |fault: &Fault| fault.finding.severity == Severity::Fatal;
    if report.faults.iter().any(is_grave) {
        return report;
    }
    report.is_reached = report.take(endpoint::reach(&access).await);
    if !report.is_reached {
        return report;
    }
    let endpoint = access.endpoint().to_string();
    match identity::ask(access).await {
        Ok((review, client)) => {
            let clock = clock::judge(
                review.date.as_deref(),
                review.at,
                identity::is_refused(&review),
            );
            report.take(synchronization::explain(clock).await);
            let is_known = report.take(identity::judge(&review, &summary.node_name));
            if is_known && is_registration_refused {
                let tried = registration::ask(client, &summary.node_name).await;
                report.take(registration::judge(tried.as_ref()));
            }
            if identity::is_refused(&review) {
                let answers = inquiry.answers(root, environment, summary, &endpoint);
                report.explain(answers.await);
            } else {
                inquiry.close();
            }
        }
        Err(outcome) => {
            report.take(outcome);
        }
    }
    report
}

/// State of containerd and of the kubelet; or why systemd does not tell.
async fn units() -> Result<(UnitState, UnitState), String> {
    let asking = async {
        let systemd = Systemd::connect().await?;
        Ok((
            systemd.unit(CONTAINERD).await?,
            systemd.unit(KUBELET).await?,
        ))
    };
    match timeout(DEADLINE, asking).await {
        Ok(asked) => asked.map_err(|error: crate::host::systemd::Error| Chain(&error).to_string()),
        Err(_) => Err(format!(
            "systemd does not answer within {} s",
            DEADLINE.as_secs()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn climbs_become_rarer_up_to_a_bound() {
        let seconds: Vec<u64> = (0..7).map(|number| pause(number).as_secs()).collect();
        assert_eq!(seconds, [2, 5, 10, 15, 30, 30, 30]);
    }

    #[tokio::test]
    async fn a_machine_without_anything_fails_on_its_own_rungs_and_asks_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let report = climb(
            &Root::new(directory.path()),
            &Environment::default(),
            &Summary::default(),
            &mut Inquiry::default(),
            false,
        )
        .await;
        let codes: Vec<_> = report
            .faults
            .iter()
            .map(|fault| fault.finding.code)
            .collect();
        assert!(
            [
                "runtime.socket_missing",
                "kubelet.client_ca_missing",
                "join.kubeconfig_invalid"
            ]
            .iter()
            .all(|code| codes.contains(code)),
            "{codes:?}"
        );
        assert!(!report.is_reached);
    }
}
