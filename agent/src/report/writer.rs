//! Writes to the Node what has changed, in its own time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::NodeCondition;
use node::chain::Chain;
use node::config::Report;
use tokio::time::{Instant, sleep_until, timeout};

use crate::host;
use crate::host::environment::Environment;
use crate::host::own_node::{NodeFacts, OwnNode};
use crate::host::random;
use crate::host::root::Root;

use super::Ports;
use super::condition::{self, Known, Wanted};
use super::event::Events;
use super::pace::Pace;

/// No two annotations are written within this time.
const ANNOTATION: Duration = Duration::from_mins(1);
/// Conditions and events are what others act on: they are written sooner, and still not with every line of a log.
const STATUS: Duration = Duration::from_secs(10);
/// The Node is read again after this time even if nothing changed here: somebody may have changed it there.
const REFRESH: Duration = Duration::from_mins(30);
/// Time to say that the agent has stopped, and no more: the machine may be going down, and its network first.
const FAREWELL: Duration = Duration::from_secs(2);
/// Devices of which a machine with an accelerator has one.
const ACCELERATORS: [&str; 2] = ["/dev/nvidia0", "/dev/neuron0"];

/// Reports until `stop`, and then says that nobody looks any more.
pub async fn run(
    root: Root,
    environment: Environment,
    ports: Ports,
    stop: impl Future<Output = ()>,
) {
    let mut writer = Writer::new(root, environment, ports);
    tokio::select! {
        () = writer.follow() => {}
        () = stop => {}
    }
    if timeout(FAREWELL, writer.say_farewell()).await.is_err() {
        tracing::info!("the API server did not take in time that the agent stops");
    }
}

struct Writer {
    root: Root,
    environment: Environment,
    ports: Ports,
    node: Option<Arc<OwnNode>>,
    annotation_pace: Pace,
    status_pace: Pace,
    /// The annotation as it was written, and when it was last written or found to be right.
    annotation: Option<(String, Instant)>,
    /// The conditions as they were wanted when they were last written or found to be right, and when.
    conditions: Option<(Vec<Wanted>, Instant)>,
    /// The conditions of the Node, as they were read and as we wrote them since.
    existing: Vec<NodeCondition>,
    /// Types that another writer has, of which that was said.
    others: BTreeSet<&'static str>,
    events: Events,
}

/// What a round is for.
#[derive(Debug, Clone, Copy)]
struct Due {
    annotation: bool,
    status: bool,
}

impl Writer {
    fn new(root: Root, environment: Environment, ports: Ports) -> Self {
        Self {
            events: Events::new(host::boot_id(&root)),
            root,
            environment,
            ports,
            node: None,
            annotation_pace: Pace::new(random::fraction, ANNOTATION),
            status_pace: Pace::new(random::fraction, STATUS),
            annotation: None,
            conditions: None,
            existing: Vec::new(),
            others: BTreeSet::new(),
        }
    }

    async fn follow(&mut self) {
        loop {
            let (annotation, status) = self.next();
            let now = Instant::now();
            let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            let due = Due {
                annotation: is_due(annotation),
                status: is_due(status),
            };
            if due.annotation || due.status {
                self.round(due).await;
            } else {
                // What changes until then goes into the same report.
                wait(&mut self.ports, annotation.into_iter().chain(status).min()).await;
            }
        }
    }

    /// When the annotation and when the status are to be written.
    fn next(&mut self) -> (Option<Instant>, Option<Instant>) {
        // Before the past is read and the node has a name, a report would say less than none.
        if !self.ports.seen.borrow().is_caught_up || self.name().is_empty() {
            return (None, None);
        }
        let now = Instant::now();
        let annotation = match &self.annotation {
            Some((json, at)) if *json == self.ports.annotation().to_json() => *at + REFRESH,
            _ => now,
        };
        let mut status = match &self.conditions {
            Some((wanted, at)) if *wanted == self.wanted() => *at + REFRESH,
            _ => now,
        };
        if self.settings().events {
            let next = self.events.next(&self.ports.seen.borrow().findings);
            status = next.map_or(status, |at| at.min(status));
            self.publish_counters();
        }
        (
            Some(annotation.max(self.annotation_pace.next())),
            Some(status.max(self.status_pace.next())),
        )
    }

    /// Reads the Node and writes what is due and differs.
    async fn round(&mut self, due: Due) {
        let name = self.name();
        let node = match self.node.take().filter(|node| node.name() == name) {
            Some(node) => node,
            None => Arc::new(OwnNode::new(&self.root, &self.environment, &name)),
        };
        self.node = Some(Arc::clone(&node));
        let facts = match node.read().await {
            Ok(Some(facts)) => facts,
            Ok(None) => {
                tracing::debug!(node = name, "there is no such Node yet");
                return self.pace(due, false, false);
            }
            Err(error) => {
                tracing::info!(error = %Chain(&error), "nothing is written to the Node yet");
                return self.pace(due, false, false);
            }
        };
        self.ports
            .effective_max_pods
            .send_if_modified(|known| std::mem::replace(known, facts.max_pods) != facts.max_pods);
        self.existing.clone_from(&facts.conditions);
        let is_annotated = due.annotation && self.annotate(&node, &facts).await;
        let is_reported = due.status && self.set_conditions(&node).await;
        if due.status && self.settings().events {
            self.write_events(&node).await;
        }
        self.pace(due, is_annotated, is_reported);
    }

    fn pace(&mut self, due: Due, is_annotated: bool, is_reported: bool) {
        for (is_due, worked, pace) in [
            (due.annotation, is_annotated, &mut self.annotation_pace),
            (due.status, is_reported, &mut self.status_pace),
        ] {
            match (is_due, worked) {
                (true, true) => pace.succeeded(),
                (true, false) => pace.failed(),
                (false, _) => {}
            }
        }
    }

    /// Writes the annotation if it is another; whether it is right now.
    async fn annotate(&mut self, node: &OwnNode, facts: &NodeFacts) -> bool {
        let json = self.ports.annotation().to_json();
        if facts.annotation.as_deref() != Some(json.as_str())
            && let Err(error) = node.annotate(&json).await
        {
            tracing::info!(error = %Chain(&error), "the annotation is not written yet");
            return false;
        }
        self.annotation = Some((json, Instant::now()));
        true
    }

    /// Writes the conditions that are others; whether all are right now.
    async fn set_conditions(&mut self, node: &OwnNode) -> bool {
        let (setting, wanted) = (self.settings().conditions, self.wanted());
        let changes = condition::changes(setting, &wanted, &self.existing, Timestamp::now());
        for name in changes.others {
            if self.others.insert(name) {
                tracing::info!(
                    condition = name,
                    "another program writes this condition of the Node; it is left to that"
                );
            }
        }
        for condition in changes.write {
            if let Err(error) = node.set_condition(&condition).await {
                tracing::info!(error = %Chain(&error), condition = condition.type_, "a condition is not written yet");
                return false;
            }
            tracing::debug!(
                condition = condition.type_,
                status = condition.status,
                "written"
            );
            self.existing.retain(|old| old.type_ != condition.type_);
            self.existing.push(condition);
        }
        for name in changes.remove {
            if let Err(error) = node.remove_condition(&name).await {
                tracing::info!(error = %Chain(&error), condition = name, "a condition of another setting is not removed yet");
                return false;
            }
            self.existing.retain(|old| old.type_ != name);
        }
        self.conditions = Some((wanted, Instant::now()));
        true
    }

    /// Writes the events that are due. One that is refused waits its time like one that was written.
    async fn write_events(&mut self, node: &OwnNode) {
        let due = {
            let seen = self.ports.seen.borrow();
            self.events
                .due(node.name(), &seen.findings, Timestamp::now())
        };
        for due in due {
            let written = node.write_event(&due.event, due.is_known).await;
            self.events.tried(due, written.is_ok());
            if let Err(error) = written {
                tracing::info!(error = %Chain(&error), "an event is not written");
                if error.status().is_none() {
                    break;
                }
            }
        }
        self.publish_counters();
    }

    /// Says that nobody looks any more, where we said something else.
    async fn say_farewell(&self) {
        let Some(node) = &self.node else { return };
        for condition in condition::stopped(&self.existing, Timestamp::now()) {
            if let Err(error) = node.set_condition(&condition).await {
                tracing::info!(error = %Chain(&error), condition = condition.type_, "the Node does not say that the agent stops");
                return;
            }
        }
    }

    fn publish_counters(&self) {
        let counters = self.events.counters();
        self.ports
            .events
            .send_if_modified(|known| std::mem::replace(known, counters) != counters);
    }

    fn name(&self) -> String {
        self.ports.boot.borrow().identity().node_name
    }

    fn settings(&self) -> Report {
        self.ports
            .boot
            .borrow()
            .report_settings(self.ports.by_default)
    }

    fn wanted(&self) -> Vec<Wanted> {
        let seen = self.ports.seen.borrow();
        let known = Known {
            findings: &seen.findings,
            rules: &seen.rules.set,
            is_caught_up: seen.is_caught_up,
            has_checked: seen.has_checked,
            is_source_running: seen.is_source_running,
            has_accelerator: ACCELERATORS.iter().any(|device| self.root.exists(device)),
        };
        condition::wanted(self.settings().conditions, known)
    }
}

/// Until something changed, or this time has come.
async fn wait(ports: &mut Ports, time: Option<Instant>) {
    let time = async {
        match time {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ports.changed() => {}
        () = time => {}
    }
}
