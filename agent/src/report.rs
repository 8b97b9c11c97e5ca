//! The report on our own Node: the annotation `nodectl.dev/agent`, so that `nodectl status` of any number of nodes is one
//! LIST, conditions of its status, and events.
//!
//! [`run`] is one long-lived task. In: findings, boot, SSM state. Out, with the kubelet's credential and only when
//! something changed: the annotation, at most once a minute; conditions and events, at most every ten seconds; and the max
//! pods that the Node shows. It never fails the daemon: an API server that is away is asked again, ever more rarely. It
//! ends when it is told to, and says on the Node that nobody looks any more.

mod condition;
pub mod event;
mod pace;
pub mod signal;
mod writer;

use node::config::Report;
use node::rank;
use node::wire::{Annotation, MaxPods, OpenFinding, SsmState};
use tokio::sync::watch;

use crate::watch::Seen;
use crate::watch::boot::Boot;

pub use writer::run;

/// What a report is made of and where the other half of it goes.
#[derive(Debug)]
pub struct Ports {
    /// Findings.
    pub seen: watch::Receiver<Seen>,
    /// Plan and verdict.
    pub boot: watch::Receiver<Boot>,
    /// The SSM agent.
    pub ssm: watch::Receiver<SsmState>,
    /// What is written, where the boot does not say.
    pub by_default: Report,
    /// Out: max pods as the Node shows them.
    pub effective_max_pods: watch::Sender<Option<u32>>,
    /// Out: how many events were written and how many not.
    pub events: watch::Sender<event::Counters>,
}

impl Ports {
    fn annotation(&self) -> Annotation {
        let (seen, boot) = (self.seen.borrow(), self.boot.borrow());
        annotation(
            &seen.findings,
            &boot,
            ssm(*self.ssm.borrow(), &seen),
            *self.effective_max_pods.borrow(),
        )
    }

    /// Until something changed that could be worth a report; for ever when nobody can change anything any more.
    async fn changed(&mut self) {
        let closed = tokio::select! {
            result = self.seen.changed() => result.is_err(),
            result = self.boot.changed() => result.is_err(),
            result = self.ssm.changed() => result.is_err(),
        };
        if closed {
            std::future::pending::<()>().await;
        }
    }
}

/// Content of the annotation.
pub fn annotation(
    findings: &[OpenFinding],
    boot: &Boot,
    ssm: SsmState,
    effective: Option<u32>,
) -> Annotation {
    let mut codes: Vec<String> = Vec::new();
    for finding in findings {
        if !codes.contains(&finding.code) {
            codes.push(finding.code.clone());
        }
    }
    Annotation {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        outcome: boot.outcome(),
        root_cause: root_cause(findings, boot),
        findings: codes,
        max_pods: max_pods(boot, effective),
        ssm,
    }
}

/// What is wrong now; before that is known, what was wrong with the boot.
fn root_cause(findings: &[OpenFinding], boot: &Boot) -> Option<String> {
    rank::root(findings)
        .map(|finding| finding.code.clone())
        .or_else(|| {
            let verdict = boot.verdict.as_ref()?;
            verdict.root_cause.as_ref().map(|cause| cause.code.clone())
        })
}

/// The SSM agent: what its unit does, and whether it has reported and nothing has come between since.
pub fn ssm(unit: SsmState, seen: &Seen) -> SsmState {
    let is_in_trouble = || {
        let mut codes = seen.findings.iter().map(|finding| &finding.code);
        codes.any(|code| code.starts_with("ssm."))
    };
    if unit == SsmState::Running && seen.has_ssm_connected && !is_in_trouble() {
        SsmState::Registered
    } else {
        unit
    }
}

/// Max pods planned and effective.
pub fn max_pods(boot: &Boot, effective: Option<u32>) -> MaxPods {
    MaxPods {
        planned: boot.summary.as_ref().map(|summary| summary.max_pods),
        effective,
    }
}

#[cfg(test)]
mod tests;
