//! The boot as the daemon sees it: the plan and the verdict that `init` leaves, and the end of the story when `init` had
//! to give up before the node became Ready.
//!
//! In: `/run/nodeagent/{plan,verdict}.json`, our own Node. Out: both documents, completed. Ends only by being dropped.

use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use node::config::{Report, Serve};
use node::wire::{BootReport, Identity, Outcome, Verdict};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::boot::record::{self, Record};
use crate::boot::{self, Machine};
use crate::host::environment::Environment;
use crate::host::own_node::{NodeFacts, OwnNode};
use crate::host::root::Root;
use crate::join::verdict;
use crate::plan::Summary;
use crate::report::signal;

/// How often the two files are read while the boot goes on …
const PERIOD: Duration = Duration::from_secs(2);
/// … and after the node has joined.
const SETTLED_PERIOD: Duration = Duration::from_secs(10);
/// How often the Node is looked at while it is awaited, and systemd asked for times until it has told all of them.
const LOOK_PERIOD: Duration = Duration::from_secs(10);

/// What is known of this boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Boot {
    /// What the config phase decided; absent before it has ended.
    pub summary: Option<Summary>,
    /// The verdict as it stands.
    pub verdict: Option<Verdict>,
    /// What was written down of its phases.
    pub record: Record,
    /// What systemd knows of it.
    pub machine: Option<Machine>,
}

impl Boot {
    fn read(root: &Root) -> Self {
        Self {
            summary: summary(root),
            verdict: verdict::read(root),
            record: Record::read(root),
            machine: None,
        }
    }

    /// The timeline.
    pub fn report(&self) -> BootReport {
        boot::report(self.machine.as_ref(), &self.record, self.verdict.as_ref())
    }

    /// Who this node is.
    pub fn identity(&self) -> Identity {
        match (&self.summary, &self.verdict) {
            (Some(summary), _) => summary.identity(),
            (None, Some(verdict)) => verdict.identity.clone(),
            (None, None) => Identity::default(),
        }
    }

    /// Whether the SSM agent is looked after; before the configuration is known, `by_default`.
    pub fn wants_ssm(&self, by_default: bool) -> bool {
        self.summary
            .as_ref()
            .map_or(by_default, |summary| !summary.ssm_left_alone)
    }

    /// What is written to the Node; before the configuration is known, `by_default`.
    pub fn report_settings(&self, by_default: Report) -> Report {
        self.summary
            .as_ref()
            .map_or(by_default, |summary| summary.report)
    }

    /// Where the daemon answers beside its socket; before the configuration is known, `by_default`.
    pub fn serve_settings(&self, by_default: Serve) -> Serve {
        self.summary
            .as_ref()
            .map_or(by_default, |summary| summary.serve)
    }

    /// How far the node has come.
    pub fn outcome(&self) -> Outcome {
        self.verdict
            .as_ref()
            .map_or(Outcome::Running, |verdict| verdict.outcome)
    }
}

fn summary(root: &Root) -> Option<Summary> {
    Summary::read(root)
        .inspect_err(|error| tracing::debug!(error = %Chain(error), "no plan"))
        .ok()
        .flatten()
}

/// Follows the boot to its end and beyond: `init` may be run again.
pub async fn follow(
    root: Root,
    environment: Environment,
    out: watch::Sender<Boot>,
    identity: watch::Sender<Identity>,
) {
    let mut node: Option<OwnNode> = None;
    let mut looked: Option<Instant> = None;
    let mut times = Times::default();
    loop {
        let mut boot = Boot::read(&root);
        boot.machine = times.of(&boot.record).await;
        let name = boot.identity().node_name;
        let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK_PERIOD);
        if boot.verdict.as_ref().is_some_and(is_awaited) && !name.is_empty() && is_due {
            looked = Some(Instant::now());
            if node.as_ref().is_none_or(|node| node.name() != name) {
                node = Some(OwnNode::new(&root, &environment, &name));
            }
            let completed = look(node.as_ref(), boot.verdict.as_ref()).await;
            // `init` may have said something newer while the API server was asked.
            if let Some(completed) = completed.filter(|_| verdict::read(&root) == boot.verdict) {
                write(&root, &completed);
                tell(&root, &environment, &boot, &completed);
                boot.record = Record::read(&root);
                boot.verdict = Some(completed);
            }
        }
        if boot.outcome() == Outcome::Joined {
            // A client with its certificates is worth a megabyte, and may never be needed again.
            node = None;
        }
        let period = if boot.outcome() == Outcome::Joined {
            SETTLED_PERIOD
        } else {
            PERIOD
        };
        publish(&identity, boot.identity());
        publish(&out, boot);
        sleep(period).await;
    }
}

/// What systemd has told of the boot. It is asked again when a phase has begun or ended, and until it has told all.
#[derive(Default)]
struct Times {
    known: Option<Machine>,
    asked: Option<(Instant, Record)>,
}

impl Times {
    async fn of(&mut self, record: &Record) -> Option<Machine> {
        let is_complete = self.known.as_ref().is_some_and(Machine::is_complete);
        let is_due = self.asked.as_ref().is_none_or(|(at, known)| {
            known != record || (!is_complete && at.elapsed() >= LOOK_PERIOD)
        });
        if is_due {
            self.known = boot::observe().await.or_else(|| self.known.take());
            self.asked = Some((Instant::now(), record.clone()));
        }
        self.known.clone()
    }
}

async fn look(node: Option<&OwnNode>, verdict: Option<&Verdict>) -> Option<Verdict> {
    let (node, verdict) = (node?, verdict?);
    match node.read().await {
        Ok(facts) => complete(verdict, facts.as_ref(), Timestamp::now()),
        Err(error) => {
            tracing::debug!(error = %Chain(&error), "the Node is not seen yet");
            None
        }
    }
}

/// Whether there is anything left to say after this verdict.
fn is_awaited(verdict: &Verdict) -> bool {
    verdict.outcome != Outcome::Joined && verdict.waiting_for.is_none()
}

/// What the verdict becomes now that the Node looks like this; `None` when it stands. A verdict that is provisional is
/// `init`'s to change, except that a node that is Ready has joined whoever says so.
fn complete(verdict: &Verdict, node: Option<&NodeFacts>, now: Timestamp) -> Option<Verdict> {
    let node = node?;
    if verdict.outcome == Outcome::Joined {
        return None;
    }
    if node.is_ready {
        return Some(Verdict {
            at: now,
            provisional: false,
            outcome: Outcome::Joined,
            root_cause: None,
            consequences: Vec::new(),
            ..verdict.clone()
        });
    }
    let is_news = !verdict.provisional && verdict.outcome != Outcome::Registered;
    is_news.then(|| Verdict {
        at: now,
        outcome: Outcome::Registered,
        ..verdict.clone()
    })
}

/// Signals what is new beside everything else: the services may be slow, and nothing depends on them.
fn tell(root: &Root, environment: &Environment, boot: &Boot, completed: &Verdict) {
    let (Some(summary), Some(before)) = (boot.summary.clone(), boot.verdict.clone()) else {
        return;
    };
    let (root, environment, completed) = (root.clone(), environment.clone(), completed.clone());
    tokio::spawn(async move {
        let signals = &summary.after_boot.signals;
        signal::send(&root, &environment, signals, Some(&before), &completed).await;
    });
}

fn write(root: &Root, verdict: &Verdict) {
    record::mark(root, record::REGISTERED);
    if verdict.outcome == Outcome::Joined {
        record::mark(root, record::READY);
    }
    tracing::info!(
        outcome = verdict.outcome.as_str(),
        "the verdict of this boot is completed"
    );
    if let Err(error) = verdict::write(root, verdict) {
        tracing::warn!(error = %Chain(&error), "the completed verdict is not kept");
    }
}

fn publish<T: PartialEq>(channel: &watch::Sender<T>, value: T) {
    channel.send_if_modified(|known| {
        let is_new = *known != value;
        *known = value;
        is_new
    });
}

#[cfg(test)]
mod tests {
    use node::wire::{API_VERSION, Phase, RootCause};

    use super::*;

    fn verdict(outcome: Outcome, provisional: bool) -> Verdict {
        Verdict {
            api_version: API_VERSION.into(),
            kind: "Verdict".into(),
            agent_version: "0.1.0".into(),
            at: Timestamp::UNIX_EPOCH,
            provisional,
            outcome,
            phase: Phase::Join,
            identity: Identity::default(),
            root_cause: Some(RootCause {
                code: "cni.not_ready".into(),
                cause: String::new(),
                evidence: Vec::new(),
                fix: String::new(),
            }),
            consequences: vec!["join.not_registered".into()],
            warnings: vec!["kept".into()],
            waiting_for: None,
            timings: Vec::new(),
        }
    }

    fn node(is_ready: bool) -> NodeFacts {
        NodeFacts {
            is_ready,
            ..NodeFacts::default()
        }
    }

    fn now() -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    #[test]
    fn a_node_that_becomes_ready_after_all_has_joined_without_a_cause() {
        for before in [
            verdict(Outcome::Failed, false),
            verdict(Outcome::Registered, false),
            verdict(Outcome::Running, true),
        ] {
            let after = complete(&before, Some(&node(true)), now()).unwrap();
            assert_eq!(
                (after.outcome, after.provisional, after.at),
                (Outcome::Joined, false, now())
            );
            assert_eq!(
                (
                    after.root_cause,
                    after.consequences.len(),
                    after.warnings.len()
                ),
                (None, 0, 1)
            );
        }
    }

    #[test]
    fn a_node_that_registers_late_is_registered_and_keeps_its_cause() {
        let after = complete(&verdict(Outcome::Failed, false), Some(&node(false)), now()).unwrap();
        assert_eq!(
            (after.outcome, after.provisional),
            (Outcome::Registered, false)
        );
        assert!(after.root_cause.is_some());
        assert_eq!(complete(&after, Some(&node(false)), now()), None);
    }

    #[test]
    fn what_is_decided_or_still_inits_stands() {
        assert_eq!(
            complete(&verdict(Outcome::Joined, false), Some(&node(true)), now()),
            None
        );
        assert_eq!(
            complete(&verdict(Outcome::Running, true), Some(&node(false)), now()),
            None
        );
        assert_eq!(
            complete(&verdict(Outcome::Failed, false), None, now()),
            None
        );
    }
}
