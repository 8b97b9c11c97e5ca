//! The join phase: the kubelet runs; wait until its Node is registered and Ready, or say why it is not.
//!
//! Evidence comes from three sides: what the units say in the journal (through [`node::rule`]), what the API server
//! answers about the Node to the kubelet's own credential ([`look`]), and what the probes find ([`ladder`]). [`progress`]
//! decides over all three; this module only gathers and waits.

pub mod inquiry;
pub mod ladder;
pub mod look;
pub mod merge;
pub mod preflight;
pub mod progress;
pub mod verdict;
pub mod warm_pool;

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use node::finding;
use node::rule;
use node::wire::OpenFinding;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::boot::record;
use crate::facts::cloud_init;
use crate::host::environment::Environment;
use crate::host::journal::{self, Journal};
use crate::host::own_node::OwnNode;
use crate::host::root::Root;
use crate::plan::Summary;

use ladder::Report;
use look::NodeSeen;
use progress::{Progress, Step};
use verdict::Desk;

pub use progress::End;

/// How often what is known is looked at anew.
const PERIOD: Duration = Duration::from_secs(1);
/// Units whose lines explain a join.
const UNITS: [&str; 3] = [
    "kubelet.service",
    "containerd.service",
    "nodeadm-run.service",
];

/// Waits for the node to join, at most until the deadlines of the plan. Verdicts go to the desk as they change.
pub async fn wait(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    desk: &mut Desk,
) -> End {
    let mut engine = rule::Engine::new();
    let mut journal = Journal::follow(journal::Start::Boot, &UNITS);
    let own_node = OwnNode::new(root, environment, &summary.node_name);
    let mut progress = Progress::new(summary);
    let failed_scripts = cloud_init::failed_scripts(root);
    let start = Instant::now();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);

    // An API server that does not answer must hold up neither the journal nor the deadlines.
    let (looked, mut looks) = mpsc::channel(1);
    let mut looking = pin!(look::follow(&own_node, &summary.instance_id, looked));
    let registered = Notify::new();
    let is_registration_refused = AtomicBool::new(false);
    let (climbed, climbs) = watch::channel(Report::default());
    let mut climbing = pin!(ladder::follow(
        root,
        environment,
        summary,
        &registered,
        &is_registration_refused,
        climbed,
    ));
    let mut node = NodeSeen::Unknown("the API server was not asked yet".to_owned());
    let mut open: Vec<OpenFinding> = Vec::new();
    let mut accepted: Option<Timestamp> = None;
    loop {
        tokio::select! {
            entry = journal.next() => {
                engine.record(&entry.record());
                continue;
            }
            never = &mut looking => match never {},
            never = &mut climbing => match never {},
            Some(look) = looks.recv() => {
                node = look.node;
                let mut standing = look.standing;
                standing.extend(failed_scripts.clone());
                progress.note_standing(standing);
                if node.is_registered() {
                    if accepted.is_none() {
                        desk.mark(record::REGISTERED);
                    }
                    if accepted.is_none() && !climbs.borrow().faults.is_empty() {
                        // What was wrong before is over; what is wrong now may be something else.
                        registered.notify_one();
                    }
                    accepted = Some(Timestamp::now());
                }
            }
            _ = ticks.tick() => engine.tick(Timestamp::now()),
        }
        {
            let report = climbs.borrow();
            progress.note_unknown(&report.unknown);
            open = merge::merge(engine.open(), &report, &open, accepted);
            let code = finding::JOIN_REGISTRATION_FORBIDDEN.code;
            let is_refused = open.iter().any(|finding| finding.code == code);
            if is_refused && !is_registration_refused.swap(is_refused, Ordering::Relaxed) {
                // The kubelet's lines leave out why.
                registered.notify_one();
            }
        }
        match progress.step(start.elapsed(), &node, &open) {
            Step::Wait => {
                desk.waiting().note(progress.hindrance());
                desk.waiting().still(&progress.awaited());
            }
            Step::Tell(draft) => desk.give(draft),
            Step::End(draft, end) => {
                desk.give(draft);
                return end;
            }
        }
    }
}
