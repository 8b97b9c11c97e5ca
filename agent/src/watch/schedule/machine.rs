//! Probes of the kernel: its files, its limits, its clock.

use std::convert::Infallible;

use jiff::Timestamp;
use tokio::time::Instant;

use super::table;
use super::{Closed, Schedule};
use crate::host::root::Root;
use crate::host::{process, volume};
use crate::probe::forwarding::{self, Forwarding};
use crate::probe::interface::{self, Interfaces};
use crate::probe::limits::{self, Zombies};
use crate::probe::synchronization::{self, Synchronization};
use crate::probe::{conntrack, crash, pressure, read_only, space, watches};

impl Schedule {
    pub(super) async fn of_the_machine(&self) -> Result<Infallible, Closed> {
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
            self.crash(),
        );
        ended.map(|(never, ..)| never)
    }

    async fn file_systems(&self) -> Result<Infallible, Closed> {
        let look = |root: &Root| {
            let mounts = volume::mounts(root).unwrap_or_default();
            (space::look(root, &mounts), mounts)
        };
        let mut turns = self.turns(&table::FILE_SYSTEMS);
        loop {
            let open = self.next(&mut turns).await;
            let mut readings = Vec::new();
            // Without the table nothing is known of any of them.
            if let Some((volumes, mounts)) = self.aside("file systems", look).await
                && !mounts.is_empty()
            {
                readings.extend(read_only::judge(&mounts, &open));
                readings.extend(space::judge(&volumes, &open));
            }
            self.end(&mut turns, readings).await?;
        }
    }

    async fn connections(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::CONNECTIONS);
        loop {
            let open = self.next(&mut turns).await;
            let seen = self.aside("connections", conntrack::look).await;
            let reading = conntrack::judge(seen.flatten(), &open);
            self.end(&mut turns, reading).await?;
        }
    }

    async fn interfaces(&self) -> Result<Infallible, Closed> {
        let mut interfaces = Interfaces::default();
        let mut turns = self.turns(&table::INTERFACES);
        loop {
            let open = self.next(&mut turns).await;
            let known = interfaces.known(&open);
            let look = move |root: &Root| interface::look(root, known.as_deref());
            let seen = self.aside("interfaces", look).await;
            let readings = seen.map(|seen| interfaces.judge(seen, &open));
            self.end(&mut turns, readings.unwrap_or_default()).await?;
        }
    }

    async fn forwarding(&self) -> Result<Infallible, Closed> {
        let mut forwarding = Forwarding::default();
        let mut turns = self.turns(&table::FORWARDING);
        loop {
            self.next(&mut turns).await;
            let mut reading = None;
            if self.has_registered() {
                let seen = self.aside("forwarding", forwarding::look).await.flatten();
                reading = seen.and_then(|seen| forwarding.judge(seen));
            }
            self.end(&mut turns, reading).await?;
        }
    }

    async fn pressure(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::PRESSURE);
        loop {
            let open = self.next(&mut turns).await;
            let averages = self.aside("pressure", pressure::look).await;
            let readings = pressure::judge(&averages.unwrap_or_default(), &open);
            self.end(&mut turns, readings).await?;
        }
    }

    async fn limits(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::LIMITS);
        loop {
            let open = self.next(&mut turns).await;
            let usage = self.aside("limits", limits::look).await;
            let readings = limits::judge(&usage.unwrap_or_default(), &open);
            self.end(&mut turns, readings).await?;
        }
    }

    async fn zombies(&self) -> Result<Infallible, Closed> {
        let mut zombies = Zombies::default();
        let mut turns = self.turns(&table::ZOMBIES);
        loop {
            self.next(&mut turns).await;
            let now = Instant::now();
            let processes = self.aside("processes", process::count).await;
            let reading = processes.and_then(|processes| zombies.judge(processes, now));
            self.end(&mut turns, reading).await?;
        }
    }

    async fn watches(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::WATCHES);
        loop {
            self.next(&mut turns).await;
            let exhausted = self.aside("inotify", watches::look).await.flatten();
            self.end(&mut turns, exhausted.map(watches::judge)).await?;
        }
    }

    async fn clock(&self) -> Result<Infallible, Closed> {
        let mut clock = Synchronization::default();
        let mut turns = self.turns(&table::CLOCK);
        loop {
            self.next(&mut turns).await;
            let now = Instant::now();
            let is_synchronized = synchronization::look(&self.root).await;
            let reading = is_synchronized.and_then(|is| clock.judge(is, now));
            self.end(&mut turns, reading).await?;
        }
    }

    async fn crash(&self) -> Result<Infallible, Closed> {
        let mut turns = self.turns(&table::CRASH);
        loop {
            self.next(&mut turns).await;
            let look = |root: &Root| crash::look(root, Timestamp::now());
            let words = self.aside("records of crashes", look).await.flatten();
            let reading = words.map(|words| crash::judge(&words));
            self.end(&mut turns, reading).await?;
        }
    }
}
