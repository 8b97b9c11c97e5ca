//! Probes on a schedule: what no log tells of the node is looked at again and again, for as long as it lives.
//!
//! In: files of the kernel, daemons of the node, the way to the API server, the metadata service, how far the boot is, and
//! the findings that are open. Out: observations for the rules, and when each probe last ended. Each probe has a period,
//! begins at a moment of its own within it, so that neither the probes of one node nor the nodes of one cluster fall
//! together, and a deadline; one that hangs holds up none of the others. While something is wrong it looks more often.
//! Nothing is looked at before the past is read. What is not there on this node is not looked at, and nothing is said of it.
//! [`table`] lists them. Ends only by being dropped.

mod cloud;
mod machine;
mod network;
mod service;
pub mod table;

use std::time::Duration;

use node::rule::Observation;
use node::wire::Outcome;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::Seen;
use super::boot::Boot;
use super::rounds::Rounds;
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::random;
use crate::host::root::Root;
use crate::probe::DEADLINE;
use crate::probe::reading::{Open, Reading};

use table::Probe;

/// No probe begins later than this.
const LATEST_START: Duration = Duration::from_secs(30);

/// The probes, and what they are connected to.
#[derive(Debug)]
pub struct Schedule {
    /// The files of this machine.
    pub root: Root,
    /// Where the metadata service and the proxies are.
    pub environment: Environment,
    /// How far the boot is.
    pub boot: watch::Receiver<Boot>,
    /// The findings that are open.
    pub seen: watch::Receiver<Seen>,
    /// Where it is noted that a probe has ended.
    pub rounds: Rounds,
    /// Out: what the probes say.
    pub observations: mpsc::Sender<Observation>,
}

/// Nobody listens any more.
struct Closed;

impl Schedule {
    /// Looks for ever.
    pub async fn run(self) {
        let mut seen = self.seen.clone();
        if seen.wait_for(|seen| seen.is_caught_up).await.is_err() {
            return;
        }
        // One client, so that all share a session of the metadata service.
        let imds = Imds::new(self.environment.imds_endpoint.as_deref(), DEADLINE);
        let ended = tokio::try_join!(
            Box::pin(self.of_the_machine()),
            Box::pin(self.of_services()),
            Box::pin(self.of_the_network()),
            Box::pin(self.of_the_cloud(&imds)),
        );
        if ended.is_err() {
            tracing::debug!("nobody listens to the probes any more");
        }
    }

    /// The turns of this probe, from now on.
    fn turns(&self, probe: &'static Probe) -> Turns {
        self.rounds.note(probe.name, probe.period);
        Turns {
            probe,
            rhythm: rhythm(probe.period, probe.again),
            looked: None,
            has_failed: false,
        }
    }

    /// Waits until it is time to look, and says what is known by then.
    async fn next(&self, turns: &mut Turns) -> Open {
        loop {
            turns.rhythm.tick().await;
            let open = Open::of(&self.seen.borrow().findings);
            if turns.is_due(&open) {
                turns.looked = Some(Instant::now());
                return open;
            }
        }
    }

    /// Tells what was seen, and that the look has ended.
    async fn end(
        &self,
        turns: &mut Turns,
        readings: impl IntoIterator<Item = Reading>,
    ) -> Result<(), Closed> {
        turns.has_failed = false;
        let readings: Vec<Reading> = readings.into_iter().collect();
        for reading in readings {
            turns.has_failed |= reading.failure.is_some();
            let sent = self.observations.send(reading.into()).await;
            sent.map_err(|_| Closed)?;
        }
        self.rounds.note(turns.probe.name, turns.probe.period);
        Ok(())
    }

    /// Whether this node has a Node object.
    fn has_registered(&self) -> bool {
        let outcome = self.boot.borrow().outcome();
        matches!(outcome, Outcome::Registered | Outcome::Joined)
    }

    /// Whether `init` has said its last word: before it the ladder of the join looks at the same things.
    fn is_decided(&self) -> bool {
        let boot = self.boot.borrow();
        boot.verdict
            .as_ref()
            .is_some_and(|verdict| !verdict.provisional && verdict.waiting_for.is_none())
    }

    /// What a look at files sees; nothing when it does not end in time. Files of the kernel answer at once, and yet a
    /// file system that hangs must not stop the daemon. A look that hangs is waited for, so that there are never two.
    async fn aside<T: Send + 'static>(
        &self,
        what: &str,
        look: impl FnOnce(&Root) -> T + Send + 'static,
    ) -> Option<T> {
        let root = self.root.clone();
        let mut looking = tokio::task::spawn_blocking(move || look(&root));
        if let Ok(ended) = timeout(DEADLINE, &mut looking).await {
            return ended.ok();
        }
        let seconds = DEADLINE.as_secs();
        tracing::warn!(
            "{what}: a look has not ended within {seconds} s, and is not repeated before it has"
        );
        drop(looking.await);
        None
    }
}

/// When one probe looks.
#[derive(Debug)]
struct Turns {
    probe: &'static Probe,
    rhythm: Interval,
    /// When it last began.
    looked: Option<Instant>,
    /// What it saw last was a fault.
    has_failed: bool,
}

impl Turns {
    /// Whether its period is over, or something is wrong that it may confirm or take back.
    fn is_due(&self, open: &Open) -> bool {
        let Probe { period, again, .. } = *self.probe;
        let mut suspects = self.probe.findings.iter().chain(self.probe.hints);
        // A tick that is a little early is not one too few.
        self.has_failed
            || self
                .looked
                .is_none_or(|at| at.elapsed() + again / 2 >= period)
            || suspects.any(|finding| open.has_any(finding))
    }
}

/// When a probe of this period looks: at first at some moment, and then so often.
fn rhythm(period: Duration, step: Duration) -> Interval {
    let start = period.min(LATEST_START).mul_f64(random::fraction());
    let mut rhythm = interval_at(Instant::now() + start, step);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rhythm
}

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod tests;
