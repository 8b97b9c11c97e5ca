//! The cheap rungs of the ladder, looked at while the daemons are being started: what keeps a node from joining is then
//! told within the first second, and not after the kubelet has tried.
//!
//! Two sides, both at once: what lies on this machine, and one anonymous request to the API server, which takes its name,
//! its address, TLS with our authority and its clock. Nothing waits for either: what is not known when the daemons run is
//! the ladder's to find.

use node::chain::Chain;
use node::rule::{CONTAINERD, KUBELET};
use node::wire::OpenFinding;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::host::environment::Environment;
use crate::host::kubernetes::Access;
use crate::host::root::Root;
use crate::host::systemd::{Systemd, Units as _};
use crate::probe::{
    DEADLINE, Fault, Outcome, PATIENCE, clock, endpoint, kubeconfig, program, storage, swap,
};

use super::merge;
use super::verdict::Desk;

/// Does the work and looks meanwhile; what is found goes to the desk. Ends with the work, whatever is still being looked
/// at.
pub async fn beside<T>(
    root: &Root,
    environment: &Environment,
    desk: &Desk,
    work: impl Future<Output = T>,
) -> T {
    let (found, mut finds) = mpsc::channel(2);
    let mut looking = Box::pin(look(root, environment, found));
    let mut work = Box::pin(work);
    let mut open: Vec<OpenFinding> = Vec::new();
    let mut is_looking = true;
    loop {
        tokio::select! {
            // What is found explains how the work ends.
            biased;
            Some(faults) = finds.recv() => {
                if !faults.is_empty() {
                    open = merge::with(open, faults);
                    desk.suspect(open.clone());
                }
            }
            done = &mut work => return done,
            () = &mut looking, if is_looking => is_looking = false,
        }
    }
}

async fn look(root: &Root, environment: &Environment, found: mpsc::Sender<Vec<Fault>>) {
    let began = Instant::now();
    let tell = async |side: &str, outcomes: Vec<Outcome>| {
        let faults = faults(outcomes);
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::debug!(side, milliseconds, faults = faults.len(), "preflight");
        // Whoever is gone needs no answer.
        drop(found.send(faults).await);
    };
    tokio::join!(
        async { tell("machine", machine(root, environment).await).await },
        async { tell("API server", way(root, environment).await).await },
    );
}

fn faults(outcomes: Vec<Outcome>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for outcome in outcomes {
        match outcome {
            Outcome::Passed => {}
            Outcome::Fault(fault) => faults.push(fault),
            Outcome::CannotTell(why) => {
                tracing::debug!("preflight cannot tell: {}", node::redact::text(&why));
            }
        }
    }
    faults
}

/// What lies on this machine.
async fn machine(root: &Root, environment: &Environment) -> Vec<Outcome> {
    let mut outcomes = storage::judge(&storage::look(root));
    outcomes.push(swap::look(root));
    outcomes.push(kubeconfig::authority(root));
    let access = Access::read(root, environment, PATIENCE).await;
    outcomes.push(kubeconfig::judge(&access, kubeconfig::is_awaited(root)));
    outcomes.extend(units(root).await);
    outcomes
}

/// Whether the daemons can be started at all.
async fn units(root: &Root) -> Vec<Outcome> {
    let asking = async {
        let systemd = Systemd::connect().await?;
        let mut seen = Vec::new();
        for unit in [CONTAINERD, KUBELET] {
            seen.push((
                unit,
                systemd.unit(unit).await?,
                systemd.program(unit).await?,
            ));
        }
        Ok(seen)
    };
    let asked: Result<Vec<_>, crate::host::systemd::Error> = match timeout(DEADLINE, asking).await {
        Ok(asked) => asked,
        Err(_) => return vec![Outcome::CannotTell("systemd does not answer".to_owned())],
    };
    match asked {
        Ok(seen) => seen
            .iter()
            .map(|(unit, state, path)| program::judge(root, unit, state, path.as_deref()))
            .collect(),
        Err(error) => vec![Outcome::CannotTell(Chain(&error).to_string())],
    }
}

/// The way to the API server, and its clock.
async fn way(root: &Root, environment: &Environment) -> Vec<Outcome> {
    // That there is none to be read is a finding of the other side.
    let Ok(access) = Access::read(root, environment, PATIENCE).await else {
        return Vec::new();
    };
    let at = access.endpoint().to_string();
    match timeout(DEADLINE, access.date()).await {
        Ok(Ok((date, at))) => vec![clock::judge(date.as_deref(), at, false)],
        Ok(Err(error)) => vec![endpoint::judge(&at, error.as_ref())],
        Err(_) => vec![Outcome::CannotTell(format!("{at} does not answer"))],
    }
}

#[cfg(test)]
mod tests {
    use node::{finding, rank};

    use super::*;

    fn fault(finding: &'static finding::Finding) -> Fault {
        Fault {
            finding,
            evidence: vec!["seen".into()],
        }
    }

    #[test]
    fn what_both_sides_find_is_put_in_order() {
        let open = merge::with(Vec::new(), vec![fault(&finding::TIME_UNSYNCHRONIZED)]);
        let open = merge::with(open, vec![fault(&finding::KUBELET_SWAP_ON)]);
        assert_eq!(
            rank::root(&open).map(|root| root.code.as_str()),
            Some("kubelet.swap_on")
        );
    }

    #[tokio::test]
    async fn work_that_is_done_waits_for_no_look_and_has_what_was_found() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let desk = Desk::new(&root);
        let environment = Environment::default();
        let done = beside(&root, &environment, &desk, async { 7 }).await;
        assert_eq!(done, 7);
        // A machine without anything: the desk tells, and the work goes on.
        let (told, mut tells) = mpsc::channel(1);
        let watching = async {
            while super::super::verdict::read(&root).is_none() {
                tokio::task::yield_now().await;
            }
            told.send(()).await.unwrap();
        };
        beside(&root, &environment, &desk, watching).await;
        assert!(tells.recv().await.is_some());
        let verdict = super::super::verdict::read(&root).unwrap();
        assert!(verdict.provisional);
        assert!(verdict.root_cause.is_some());
    }
}
