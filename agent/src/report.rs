//! The report: the annotation `nodectl.dev/agent` on our own Node, so that `nodectl status` of any number of nodes is one
//! LIST.
//!
//! In: findings, boot, SSM state. Out: one merge patch with the kubelet's credential when something changed, at most once
//! a minute; and the max pods that the Node shows. It never ends and never fails the daemon: an API server that is away is
//! asked again, ever more rarely.

mod pace;
pub mod signal;

use std::time::Duration;

use node::chain::Chain;
use node::rank;
use node::wire::{Annotation, MaxPods, OpenFinding, SsmState};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::host::environment::Environment;
use crate::host::own_node::{self, OwnNode};
use crate::host::random;
use crate::host::root::Root;
use crate::watch::Seen;
use crate::watch::boot::Boot;

use pace::Pace;

/// The Node is read again after this time even if nothing changed here: somebody may have changed it there.
const REFRESH: Duration = Duration::from_mins(30);

/// What a report is made of and where the other half of it goes.
#[derive(Debug)]
pub struct Ports {
    /// Findings.
    pub seen: watch::Receiver<Seen>,
    /// Plan and verdict.
    pub boot: watch::Receiver<Boot>,
    /// The SSM agent.
    pub ssm: watch::Receiver<SsmState>,
    /// Out: max pods as the Node shows them.
    pub effective_max_pods: watch::Sender<Option<u32>>,
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

/// Reports until it is dropped.
pub async fn run(root: Root, environment: Environment, mut ports: Ports) {
    let mut pace = Pace::new(random::fraction);
    let mut node: Option<OwnNode> = None;
    let mut written: Option<(String, Instant)> = None;
    loop {
        let name = ports.boot.borrow().identity().node_name;
        // Before the past is read and the node has a name, a report would say less than none.
        let is_known = ports.seen.borrow().is_caught_up && !name.is_empty();
        let is_new = written.as_ref().is_none_or(|(json, at)| {
            *json != ports.annotation().to_json() || at.elapsed() >= REFRESH
        });
        if !is_known || !is_new {
            let refresh = written.as_ref().map(|(_, at)| *at + REFRESH);
            wait(&mut ports, refresh).await;
            continue;
        }
        // What changes until then goes into the same report.
        sleep_until(pace.next()).await;
        if node.as_ref().is_none_or(|node| node.name() != name) {
            node = Some(OwnNode::new(&root, &environment, &name));
        }
        let Some(node) = &node else { continue };
        match report(node, &ports).await {
            Ok(Some(json)) => {
                pace.succeeded();
                written = Some((json, Instant::now()));
            }
            Ok(None) => {
                tracing::debug!(node = name, "there is no such Node yet");
                pace.failed();
            }
            Err(error) => {
                tracing::info!(error = %Chain(&error), "the annotation is not written yet");
                pace.failed();
            }
        }
    }
}

async fn wait(ports: &mut Ports, refresh: Option<Instant>) {
    let refresh = async {
        match refresh {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ports.changed() => {}
        () = refresh => {}
    }
}

/// Reads the Node and writes the annotation if it is another; `None` when there is no Node.
async fn report(node: &OwnNode, ports: &Ports) -> Result<Option<String>, own_node::Error> {
    let Some(facts) = node.read().await? else {
        return Ok(None);
    };
    ports
        .effective_max_pods
        .send_if_modified(|known| std::mem::replace(known, facts.max_pods) != facts.max_pods);
    let json = ports.annotation().to_json();
    if facts.annotation.as_deref() != Some(json.as_str()) {
        node.annotate(&json).await?;
    }
    Ok(Some(json))
}

#[cfg(test)]
mod tests;
