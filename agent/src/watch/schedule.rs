//! Probes on a schedule: what no log tells of the node is looked at again and again, for as long as it lives.
//!
//! In: files of the kernel, the metadata service, how far the boot is, and the findings that are open. Out: observations
//! for the rules. Each probe has a period, begins at a moment of its own within it, so that neither the probes of one node
//! nor the nodes of one cluster fall together, and a deadline; one that hangs holds up none of the others. Nothing is
//! looked at before the past is read. Ends only by being dropped.

use std::convert::Infallible;
use std::time::Duration;

use node::rule::Observation;
use node::wire::Outcome;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};

use super::Seen;
use super::boot::Boot;
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::root::Root;
use crate::host::{process, random, volume};
use crate::probe::forwarding::{self, Forwarding};
use crate::probe::interface::{self, Interfaces};
use crate::probe::limits::{self, Zombies};
use crate::probe::reading::{Open, Reading};
use crate::probe::synchronization::{self, Synchronization};
use crate::probe::{
    DEADLINE, auto_scaling, conntrack, maintenance, pressure, read_only, space, spot, watches,
};

/// The notice of a spot instance is two minutes long, and AWS recommends to look so often.
const NOTICE: Duration = Duration::from_secs(5);
/// What can go wrong within a minute, and costs a file or two to look at.
const SOON: Duration = Duration::from_secs(30);
/// What takes its time.
const LATER: Duration = Duration::from_mins(1);
/// The rule of an interface forgets a failure when a minute later all is well: two failures are two in a row.
const APART: Duration = Duration::from_secs(61);
/// What costs more to look at, or is announced long before.
const RARELY: Duration = Duration::from_mins(5);
/// No probe begins later than this.
const LATEST_START: Duration = Duration::from_secs(30);

/// The probes, and what they are connected to.
#[derive(Debug)]
pub struct Schedule {
    /// The files of this machine.
    pub root: Root,
    /// Where the metadata service is.
    pub environment: Environment,
    /// How far the boot is.
    pub boot: watch::Receiver<Boot>,
    /// The findings that are open.
    pub seen: watch::Receiver<Seen>,
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
            self.file_systems(),
            self.connections(),
            self.interfaces(),
            self.forwarding(),
            self.pressure(),
            self.limits(),
            self.zombies(),
            self.watches(),
            self.clock(),
            self.notice(&imds),
            self.plans(&imds),
            self.maintenance(&imds),
        );
        if ended.is_err() {
            tracing::debug!("nobody listens to the probes any more");
        }
    }

    async fn file_systems(&self) -> Result<Infallible, Closed> {
        let look = |root: &Root| {
            let mounts = volume::mounts(root).unwrap_or_default();
            (space::look(root, &mounts), mounts)
        };
        let mut rhythm = rhythm(SOON);
        loop {
            let open = self.next(&mut rhythm).await;
            let Some((volumes, mounts)) = self.aside("file systems", look).await else {
                continue;
            };
            // Without the table nothing is known of any of them.
            if !mounts.is_empty() {
                self.tell(read_only::judge(&mounts, &open)).await?;
                self.tell(space::judge(&volumes, &open)).await?;
            }
        }
    }

    async fn connections(&self) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(SOON);
        loop {
            let open = self.next(&mut rhythm).await;
            let seen = self.aside("connections", conntrack::look).await;
            self.tell(conntrack::judge(seen.flatten(), &open)).await?;
        }
    }

    async fn interfaces(&self) -> Result<Infallible, Closed> {
        let mut interfaces = Interfaces::default();
        let mut rhythm = rhythm(APART);
        loop {
            let open = self.next(&mut rhythm).await;
            let known = interfaces.known(&open);
            let look = move |root: &Root| interface::look(root, known.as_deref());
            if let Some(seen) = self.aside("interfaces", look).await {
                self.tell(interfaces.judge(seen, &open)).await?;
            }
        }
    }

    async fn forwarding(&self) -> Result<Infallible, Closed> {
        let mut forwarding = Forwarding::default();
        let mut rhythm = rhythm(LATER);
        loop {
            self.next(&mut rhythm).await;
            let outcome = self.boot.borrow().outcome();
            if !matches!(outcome, Outcome::Registered | Outcome::Joined) {
                continue;
            }
            if let Some(seen) = self.aside("forwarding", forwarding::look).await.flatten() {
                self.tell(forwarding.judge(seen)).await?;
            }
        }
    }

    async fn pressure(&self) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(SOON);
        loop {
            let open = self.next(&mut rhythm).await;
            let averages = self.aside("pressure", pressure::look).await;
            self.tell(pressure::judge(&averages.unwrap_or_default(), &open))
                .await?;
        }
    }

    async fn limits(&self) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(LATER);
        loop {
            let open = self.next(&mut rhythm).await;
            let usage = self.aside("limits", limits::look).await;
            self.tell(limits::judge(&usage.unwrap_or_default(), &open))
                .await?;
        }
    }

    async fn zombies(&self) -> Result<Infallible, Closed> {
        let mut zombies = Zombies::default();
        let mut rhythm = rhythm(RARELY);
        loop {
            self.next(&mut rhythm).await;
            let now = Instant::now();
            if let Some(processes) = self.aside("processes", process::count).await {
                self.tell(zombies.judge(processes, now)).await?;
            }
        }
    }

    async fn watches(&self) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(LATER);
        loop {
            self.next(&mut rhythm).await;
            let exhausted = self.aside("inotify", watches::look).await.flatten();
            self.tell(exhausted.map(watches::judge)).await?;
        }
    }

    async fn clock(&self) -> Result<Infallible, Closed> {
        let mut clock = Synchronization::default();
        let mut rhythm = rhythm(RARELY);
        loop {
            self.next(&mut rhythm).await;
            let now = Instant::now();
            if let Some(is_synchronized) = synchronization::look(&self.root).await {
                self.tell(clock.judge(is_synchronized, now)).await?;
            }
        }
    }

    async fn notice(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(NOTICE);
        loop {
            self.next(&mut rhythm).await;
            let reading = spot::interruption(imds).await;
            if reading.is_none() {
                // Where nobody answers, nobody is asked so often.
                rhythm.reset_after(LATER);
            }
            self.tell(reading).await?;
        }
    }

    async fn plans(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(SOON);
        loop {
            self.next(&mut rhythm).await;
            self.tell(spot::rebalance(imds).await).await?;
            self.tell(auto_scaling::look(imds).await).await?;
        }
    }

    async fn maintenance(&self, imds: &Imds) -> Result<Infallible, Closed> {
        let mut rhythm = rhythm(RARELY);
        loop {
            let open = self.next(&mut rhythm).await;
            self.tell(maintenance::look(imds, &open).await).await?;
        }
    }

    /// Waits until it is time to look, and says what is known by then.
    async fn next(&self, rhythm: &mut Interval) -> Open {
        rhythm.tick().await;
        Open::of(&self.seen.borrow().findings)
    }

    async fn tell(
        &self,
        readings: impl IntoIterator<Item = Reading, IntoIter: Send>,
    ) -> Result<(), Closed> {
        for reading in readings {
            let sent = self.observations.send(reading.into()).await;
            sent.map_err(|_| Closed)?;
        }
        Ok(())
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

/// When a probe looks: at first at some moment, and then again in each period.
fn rhythm(period: Duration) -> Interval {
    let start = period.min(LATEST_START).mul_f64(random::fraction());
    let mut rhythm = interval_at(Instant::now() + start, period);
    rhythm.set_missed_tick_behavior(MissedTickBehavior::Delay);
    rhythm
}

#[cfg(test)]
mod tests;
