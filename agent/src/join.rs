//! The join phase: the kubelet runs; wait until its Node is registered and Ready, or say why it is not.
//!
//! Evidence comes from two sides: what the units say in the journal (through [`node::rule`]) and what the API server
//! answers to the kubelet's own credential. [`progress`] decides over both; this module only gathers and waits.

pub mod look;
pub mod progress;
pub mod verdict;

use std::time::Duration;

use node::rule;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::host::environment::Environment;
use crate::host::journal::{self, Journal};
use crate::host::own_node::OwnNode;
use crate::host::root::Root;
use crate::plan::Summary;

use look::NodeSeen;
use progress::{Progress, Step};
use verdict::Desk;

pub use progress::End;

/// How often the Node is looked at.
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
    let start = Instant::now();
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            entry = journal.next() => engine.record(&entry.record()),
            _ = ticks.tick() => {
                engine.tick(jiff::Timestamp::now());
                let node = NodeSeen::from(own_node.read().await);
                match progress.step(start.elapsed(), node, &engine.open()) {
                    Step::Wait => {}
                    Step::Tell(draft) => desk.give(draft),
                    Step::End(draft, end) => {
                        desk.give(draft);
                        return end;
                    }
                }
            }
        }
    }
}
