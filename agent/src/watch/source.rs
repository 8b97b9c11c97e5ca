//! The sources of log lines as one: the journal, the kernel's log, log files.
//!
//! In: the ports, and the places where the last run of this boot ended. Out: one entry after another. While the past is
//! read, entries come in the order of their times, because rules ask what was before what; after that, whoever has one is
//! next, by lot, so that a flood of one source keeps no other waiting. Nothing is held beyond one entry of each: who writes
//! faster than the rules read waits (a pipe, a file) or overwrites (the kernel), which is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use node::journal::Entry;
use node::rule::{IPAMD, KERNEL, KUBE_PROXY, NETWORK_POLICY_AGENT};
use node::wire::{LogSource, SourceState};
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::host::journal::{self, Journal};
use crate::host::kmsg::{self, Kmsg};
use crate::host::log_file::{Location, LogFile};
use crate::host::root::Root;
use crate::host::tally::{Loss, Tally};

/// The journal among the sources.
const JOURNAL: &str = "journal";
/// A journal that gives nothing for so long has no more of the past.
const QUIET: Duration = Duration::from_secs(2);
/// The log files that rules read.
const FILES: [(&str, Location); 3] = [
    (IPAMD, Location::Path("aws-routed-eni/ipamd.log")),
    (
        NETWORK_POLICY_AGENT,
        Location::Path("aws-routed-eni/network-policy-agent.log"),
    ),
    (
        KUBE_PROXY,
        Location::Container {
            pod: "kube-system_kube-proxy-",
            container: "kube-proxy",
        },
    ),
];

/// Whether a source can lose lines for this reason.
pub fn may_befall(source: &str, loss: Loss) -> bool {
    let losses: &[Loss] = match source {
        JOURNAL => &[
            Loss::Malformed,
            Loss::TooLong,
            Loss::Suppressed,
            Loss::Vacuumed,
        ],
        KERNEL => &[Loss::Malformed, Loss::TooLong, Loss::Overrun],
        _ => &[Loss::Cut, Loss::Truncated, Loss::Rotated],
    };
    losses.contains(&loss)
}

/// Of each source, the place of its last entry that the rules have seen.
pub type Places = BTreeMap<String, String>;

/// An entry and where it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Name of the source.
    pub source: &'static str,
    /// The entry; its cursor is its place.
    pub entry: Entry,
}

/// Where entries come from: [`Sources`], or a test.
pub trait Lines {
    /// The next entry; safe to drop while it waits.
    fn next(&mut self) -> impl Future<Output = Read> + Send;
    /// What was read so far, and what was not.
    fn reports(&self) -> Vec<LogSource>;
    /// Whether everything that should be read can be, now.
    fn is_running(&self) -> bool;
    /// From the next entry on, those of these units, and of the log files and the kernel as before.
    fn read_from(&mut self, units: &BTreeSet<String>);
}

/// All sources of a machine.
#[derive(Debug)]
pub struct Sources {
    journal: Journal,
    kernel: Option<Kmsg>,
    files: Vec<LogFile>,
    /// Entries of the past that wait for older ones, by source.
    heads: BTreeMap<&'static str, Entry>,
    /// The past is over when nothing of the journal has come until then; none: it is over.
    past_until: Option<Instant>,
    /// What is younger is not the past.
    started: Timestamp,
    clock: kmsg::Clock,
    /// By how much the last line of each source was late.
    lags: BTreeMap<&'static str, Duration>,
    /// The file that is asked first.
    turn: usize,
}

impl Sources {
    /// The sources of this machine, each from its place on.
    pub fn open(root: &Root, places: &Places, units: &BTreeSet<String>) -> Self {
        Self::with_program("journalctl".into(), root, places, units, kmsg::clock)
    }

    fn with_program(
        program: PathBuf,
        root: &Root,
        places: &Places,
        units: &BTreeSet<String>,
        clock: kmsg::Clock,
    ) -> Self {
        let place = |name: &str| places.get(name);
        let number = place(KERNEL).and_then(|place| place.parse().ok());
        let kernel = Kmsg::open(&root.path(kmsg::PATH), number, clock)
            .inspect_err(|error| {
                tracing::info!(%error, path = kmsg::PATH, "the kernel's lines are read in the journal");
            })
            .ok();
        let units = units.iter().map(String::as_str);
        let units: Vec<&str> = units
            .filter(|unit| kernel.is_none() || *unit != KERNEL)
            .collect();
        let start = place(JOURNAL)
            .cloned()
            .map_or(journal::Start::Boot, journal::Start::After);
        let journal = Journal::with_program(program, start, &units).narrowing(root);
        let files = FILES.map(|(name, location)| {
            let place = place(name).map(String::as_str);
            LogFile::new(root, name, location, place, clock)
        });
        Self {
            journal: if kernel.is_some() {
                journal.beside_kmsg()
            } else {
                journal
            },
            kernel,
            files: files.into(),
            heads: BTreeMap::new(),
            past_until: Some(Instant::now() + QUIET),
            started: clock().0,
            clock,
            lags: BTreeMap::new(),
            turn: 0,
        }
    }

    /// The next entry of the past; none when it is over.
    async fn next_of_the_past(&mut self) -> Option<Read> {
        let Some(until) = self.past_until else {
            // What waited when it ended.
            return self.oldest();
        };
        if let Some(kernel) = &mut self.kernel
            && !self.heads.contains_key(KERNEL)
            && let Some(entry) = kernel.try_next()
        {
            self.heads.insert(KERNEL, entry);
        }
        for file in &mut self.files {
            if !self.heads.contains_key(file.name())
                && let Some(entry) = file.try_next()
            {
                self.heads.insert(file.name(), entry);
            }
        }
        if !self.heads.contains_key(JOURNAL) {
            let entry = timeout_at(until, self.journal.next()).await.ok();
            let is_past = entry.as_ref().is_some_and(|entry| entry.at < self.started);
            self.past_until = is_past.then(|| Instant::now() + QUIET);
            if let Some(entry) = entry {
                self.heads.insert(JOURNAL, entry);
            }
        }
        self.oldest()
    }

    /// The oldest entry that waits.
    fn oldest(&mut self) -> Option<Read> {
        let oldest = self.heads.iter().min_by_key(|(_, entry)| entry.at);
        let source = *oldest?.0;
        let entry = self.heads.remove(source)?;
        Some(Read { source, entry })
    }

    async fn next_of_now(&mut self) -> Read {
        self.turn = self.turn.wrapping_add(1);
        let (source, entry) = tokio::select! {
            entry = self.journal.next() => (JOURNAL, entry),
            entry = next_of_kernel(self.kernel.as_mut()) => (KERNEL, entry),
            found = next_of_files(&mut self.files, self.turn) => found,
        };
        Read { source, entry }
    }

    fn report(&self, name: &'static str, state: SourceState, tally: &Tally) -> LogSource {
        let lag = self.lags.get(name).copied().unwrap_or_default();
        let mut source = LogSource::new(name, state);
        source.read = tally.read;
        for (loss, count) in &tally.lost {
            source.lost.insert(loss.as_str().to_owned(), *count);
        }
        source.suppressed.clone_from(&tally.suppressed);
        source.restarts = tally.restarts;
        source.last_line = tally.last;
        source.lag_milliseconds = u64::try_from(lag.as_millis()).unwrap_or(u64::MAX);
        source
    }
}

impl Lines for Sources {
    async fn next(&mut self) -> Read {
        // What is always ready would keep everybody else on this thread from running.
        consume_budget().await;
        let read = match self.next_of_the_past().await {
            Some(read) => read,
            None => self.next_of_now().await,
        };
        let lag = (self.clock)().0.duration_since(read.entry.at);
        let lag = Duration::try_from(lag).unwrap_or_default();
        self.lags.insert(read.source, lag);
        read
    }

    fn reports(&self) -> Vec<LogSource> {
        let running = |is_running| {
            if is_running {
                SourceState::Running
            } else {
                SourceState::Failed
            }
        };
        let journal = running(self.journal.is_running());
        let mut reports = vec![self.report(JOURNAL, journal, self.journal.tally())];
        if let Some(kernel) = &self.kernel {
            reports.push(self.report(KERNEL, running(kernel.is_running()), kernel.tally()));
        }
        reports.extend(self.files.iter().map(|file| {
            let state = if file.is_present() {
                SourceState::Running
            } else {
                SourceState::Absent
            };
            self.report(file.name(), state, file.tally())
        }));
        reports
    }

    fn is_running(&self) -> bool {
        self.journal.is_running() && self.kernel.as_ref().is_none_or(Kmsg::is_running)
    }

    fn read_from(&mut self, units: &BTreeSet<String>) {
        let mut units = units.clone();
        if self.kernel.is_some() {
            units.remove(KERNEL);
        }
        self.journal.read_from(&units);
    }
}

async fn next_of_kernel(kernel: Option<&mut Kmsg>) -> Entry {
    match kernel {
        Some(kernel) => kernel.next().await,
        None => std::future::pending().await,
    }
}

/// The next line of any file, beginning with the one whose turn it is.
async fn next_of_files(files: &mut [LogFile], turn: usize) -> (&'static str, Entry) {
    loop {
        for index in 0..files.len() {
            let index = (turn.wrapping_add(index)) % files.len();
            if let Some(file) = files.get_mut(index)
                && let Some(entry) = file.try_next()
            {
                return (file.name(), entry);
            }
        }
        // All at once: whoever sleeps wakes seldom.
        match files.iter().map(LogFile::next_look).max() {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests;
