//! The boot as the daemon sees it: the plan and the verdict that `init` leaves, and the end of the story when `init` had
//! to give up before the node became Ready.
//!
//! In: `/run/nodeagent/{plan,verdict,boot}.json`, systemd, our own Node. Out: the documents, completed. What the files say is
//! told at once; systemd and the API server, which may be slow while a machine boots, are asked after that. Ends only by
//! being dropped.

mod times;

use std::path::Path;
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
use crate::host::inotify::Changes;
use crate::host::own_node::{NodeFacts, OwnNode};
use crate::host::path;
use crate::host::root::Root;
use crate::join::verdict;
use crate::plan::Summary;
use crate::report::signal;

use times::Times;

/// The files that are followed, all of one directory.
const FILES: [&str; 3] = ["plan.json", "verdict.json", "boot.json"];
/// How often they are read while the boot goes on, whether they changed or not …
const PERIOD: Duration = Duration::from_secs(2);
/// … and after the node has joined.
const SETTLED_PERIOD: Duration = Duration::from_secs(10);
/// How often the Node is looked at while it is awaited.
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
    /// What the files say.
    pub fn read(root: &Root) -> Self {
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

/// Follows the boot to its end and beyond: `init` may be run again. `observe` asks systemd for the times of the boot.
pub async fn follow(
    root: Root,
    environment: Environment,
    observe: impl AsyncFn() -> Option<Machine>,
    out: watch::Sender<Boot>,
    identity: watch::Sender<Identity>,
) {
    let mut changes = changes(&root);
    let mut times = Times::default();
    let mut own = Own::default();
    loop {
        let mut boot = Boot::read(&root);
        boot.machine.clone_from(&times.known);
        publish(&identity, boot.identity());
        publish(&out, boot.clone());
        let asking = async {
            boot.machine = times.of(&boot.record, &observe).await;
            own.complete(&root, &environment, &mut boot).await;
            let period = if boot.outcome() == Outcome::Joined {
                // A client with its certificates is worth a megabyte, and may never be needed again.
                own.node = None;
                SETTLED_PERIOD
            } else {
                PERIOD
            };
            publish(&out, boot);
            sleep(period).await;
        };
        tokio::select! {
            () = changed(&mut changes) => {}
            () = asking => {}
        }
    }
}

/// What tells that the files are others; without it they are only read again and again.
fn changes(root: &Root) -> Option<Changes> {
    let directory = Path::new(path::PLAN).parent()?;
    Changes::of(&root.path(directory), &FILES)
        .inspect_err(|error| {
            tracing::info!(%error, "nobody tells when the plan or the verdict is another: they are read every few seconds");
        })
        .ok()
}

/// Until one of the files is another; for ever where nobody tells.
async fn changed(changes: &mut Option<Changes>) {
    let Some(told) = changes else {
        return std::future::pending().await;
    };
    if told.next().await.is_err() {
        *changes = None;
    }
}

/// Our own Node.
#[derive(Default)]
struct Own {
    node: Option<OwnNode>,
    looked: Option<Instant>,
}

impl Own {
    /// Looks at it when it is time to, and completes the verdict, also in its file.
    async fn complete(&mut self, root: &Root, environment: &Environment, boot: &mut Boot) {
        let name = boot.identity().node_name;
        let is_due = self.looked.is_none_or(|at| at.elapsed() >= LOOK_PERIOD);
        if !boot.verdict.as_ref().is_some_and(is_awaited) || name.is_empty() || !is_due {
            return;
        }
        if self.node.as_ref().is_none_or(|node| node.name() != name) {
            self.node = Some(OwnNode::new(root, environment, &name));
        }
        let completed = look(self.node.as_ref(), boot.verdict.as_ref()).await;
        self.looked = Some(Instant::now());
        // `init` may have said something newer while the API server was asked.
        if let Some(completed) = completed.filter(|_| verdict::read(root) == boot.verdict) {
            write(root, &completed);
            tell(root, environment, boot, &completed);
            boot.record = Record::read(root);
            boot.verdict = Some(completed);
        }
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

    #[tokio::test]
    async fn what_the_plan_says_is_known_at_once_also_while_systemd_does_not_answer() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/run/nodeagent/token", b"", 0o600).unwrap();
        let (out, _boot) = watch::channel(Boot::default());
        let (identity, mut known) = watch::channel(Identity::default());
        let asked = tokio::sync::Notify::new();
        let silent = async || {
            asked.notify_one();
            std::future::pending::<Option<Machine>>().await
        };
        let following = follow(root.clone(), Environment::default(), silent, out, identity);
        let plan = |role: &str| {
            let summary = Summary {
                role: role.into(),
                ..Summary::default()
            };
            let json = serde_json::to_vec(&summary).unwrap();
            root.write(path::PLAN, &json, 0o600).unwrap();
        };
        let changes = async {
            for role in ["first", "second"] {
                asked.notified().await;
                plan(role);
                known.changed().await.unwrap();
                assert_eq!(known.borrow_and_update().role, role);
            }
        };
        let changes = tokio::time::timeout(Duration::from_secs(30), changes);
        tokio::select! {
            () = following => panic!("it does not end"),
            result = changes => result.unwrap(),
        }
    }
}
