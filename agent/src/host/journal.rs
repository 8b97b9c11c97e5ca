//! The journal, as a child `journalctl` gives it: one JSON object per line, from a place on and for ever.
//!
//! A child, because a static program cannot link libsystemd, and because a journal that is damaged then kills the child
//! and not us. It is started again with back-off, after the last entry that was handed out; whatever could not be handed
//! out is counted. Lines are read one at a time: nothing is buffered beyond one line of bounded length. Once the past is
//! read, a child takes over that reads only the files into which journald writes.

mod arguments;
mod excerpt;
mod live;
mod recent;

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use super::root::Root;
use super::tally::{Loss, Tally};
use arguments::arguments;
use live::{Live, Reach};

pub use excerpt::{Error, Excerpt, Part};
pub use node::journal::Entry;
pub use recent::{Journalctl, Recent};

/// The most bytes of one JSON line; what is longer is dropped and counted. journald itself cuts lines at 48 KiB.
const LINE_BYTES: usize = 128 * 1024;
/// Capacity that the line's buffer may keep between lines.
const KEPT_BYTES: usize = 8 * 1024;
/// A child that so many times in a row ends without an entry cannot find its place.
const FRUITLESS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A child that has given no entry of the past for so long has none left.
const PAST: Duration = Duration::from_secs(30);
/// Where the files that are written now are not known, they are looked for so often.
const LATER: Duration = Duration::from_mins(10);
/// Before a file is read that journald begins: without its header it is none.
const BEGINNING: Duration = Duration::from_millis(250);

/// Where to begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// With the first entry of this boot.
    Boot,
    /// With the entry of this boot that follows the one with this cursor.
    After(String),
}

/// The journal of this boot for some units, followed for ever.
#[derive(Debug)]
pub struct Journal {
    program: PathBuf,
    units: Vec<String>,
    /// The kernel's log is read elsewhere; what the service manager says of it is read here.
    is_beside_kmsg: bool,
    start: Start,
    /// The entry with which the child should begin, since it is the one that was read last.
    resumed: Option<String>,
    /// Units are no longer read, of which that entry may have been.
    has_left_units: bool,
    /// Children that ended without an entry.
    fruitless: u32,
    /// Below which the files of the journal are; none: they are all read for ever.
    root: Option<Root>,
    reach: Reach,
    source: Source,
    /// The line that is being read; survives a call of [`Self::next`] that was dropped half-way.
    line: Vec<u8>,
    /// The rest of the line that is being read does not fit and is thrown away.
    is_overflowing: bool,
    pause: Duration,
    tally: Tally,
}

#[derive(Debug)]
enum Source {
    Running {
        /// Held because dropping it kills the child.
        _child: Box<Child>,
        lines: BufReader<ChildStdout>,
    },
    /// Not running before this time.
    Waiting(Instant),
    /// The same, where nothing is wrong.
    Renewed(Instant),
}

impl Journal {
    /// Follows what these units write, and what the service manager writes about them; [`KERNEL`] among them is the kernel.
    pub fn follow(start: Start, units: &[&str]) -> Self {
        Self::with_program("journalctl", start, units)
    }

    /// The same with another program than `journalctl`, for tests.
    pub fn with_program(program: impl Into<PathBuf>, start: Start, units: &[&str]) -> Self {
        Self {
            program: program.into(),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
            is_beside_kmsg: false,
            start,
            resumed: None,
            has_left_units: false,
            fruitless: 0,
            root: None,
            reach: Reach::all(PAST),
            source: Source::Waiting(Instant::now()),
            line: Vec::new(),
            is_overflowing: false,
            pause: FIRST_PAUSE,
            tally: Tally::default(),
        }
    }

    /// From the next entry on, those of these units: what was handed out is not read again, and nothing is left out.
    pub fn read_from(&mut self, units: &BTreeSet<String>) {
        let units: Vec<String> = units.iter().cloned().collect();
        if units == self.units {
            return;
        }
        self.has_left_units |= self.units.iter().any(|unit| !units.contains(unit));
        self.units = units;
        self.reach = Reach::all(PAST);
        self.renew(Instant::now());
    }

    /// The child is killed; another begins behind the last entry.
    fn renew(&mut self, at: Instant) {
        self.is_overflowing = false;
        self.clear_line();
        self.source = Source::Renewed(at);
    }

    /// Once the past is read, only what is written now, of the journal of this machine.
    #[must_use]
    pub fn narrowing(mut self, root: &Root) -> Self {
        self.root = Some(root.clone());
        self
    }

    /// Reads what is written now, if that is known; else all, as before or again.
    fn narrow(&mut self) {
        let root = self.root.as_ref();
        // Without a place in it the new child would begin with what was handed out.
        let root = root.filter(|_| self.start != Start::Boot);
        match root.and_then(Live::find) {
            Some(live) => {
                self.reach = Reach::Live(live);
                self.renew(Instant::now() + BEGINNING);
            }
            None if matches!(self.reach, Reach::Live(_)) => {
                self.reach = Reach::all(PAST);
                self.renew(Instant::now());
            }
            None => self.reach = Reach::all(LATER),
        }
    }

    /// The same where the kernel's own lines are read from its log: what the service manager says of processes that the
    /// kernel killed still comes from here.
    #[must_use]
    pub fn beside_kmsg(mut self) -> Self {
        self.is_beside_kmsg = true;
        self
    }

    /// What was read so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether the child runs now, or another is about to take over.
    pub fn is_running(&self) -> bool {
        !matches!(self.source, Source::Waiting(_))
    }

    /// The next entry. Waits as long as it takes, and can be dropped at any point without losing anything.
    pub async fn next(&mut self) -> Entry {
        loop {
            match &mut self.source {
                Source::Waiting(until) | Source::Renewed(until) => {
                    sleep_until(*until).await;
                    self.spawn();
                }
                Source::Running { lines, .. } => {
                    let read = tokio::select! {
                        // What the child has found is read before it is exchanged.
                        biased;
                        read = read_line(lines, &mut self.line, &mut self.is_overflowing) => read,
                        () = self.reach.over() => {
                            self.narrow();
                            continue;
                        }
                    };
                    match read {
                        Ok(Some(Read::Line)) => {
                            if let Some(entry) = self.entry() {
                                return entry;
                            }
                        }
                        Ok(Some(Read::TooLong)) => {
                            self.tally.lose(Loss::TooLong, 1);
                            self.clear_line();
                        }
                        Ok(None) => self.lost("its output ended"),
                        Err(error) => self.lost(&error.to_string()),
                    }
                }
            }
        }
    }

    fn entry(&mut self) -> Option<Entry> {
        let entry = node::journal::entry(&self.line);
        self.clear_line();
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                self.tally.lose(Loss::Malformed, 1);
                tracing::debug!(error = %Chain(&error), "a line of journalctl is not an entry");
                return None;
            }
        };
        self.pause = FIRST_PAUSE;
        self.fruitless = 0;
        self.start = Start::After(entry.cursor.clone());
        if let Reach::All { since, until } = &mut self.reach
            && entry.at < *since
        {
            *until = Instant::now() + PAST;
        }
        if let Some(cursor) = self.resumed.take() {
            let has_left_units = std::mem::take(&mut self.has_left_units);
            if cursor == entry.cursor {
                return None;
            }
            // It may be in a file that the child does not read.
            let is_live = matches!(self.reach, Reach::Live(_));
            if !has_left_units && !is_live {
                self.vacuumed();
            }
        }
        if let Some((unit, lines)) = node::journal::suppressed(&entry) {
            self.tally.suppress(unit, lines);
            return None;
        }
        self.tally.read(entry.at);
        Some(entry)
    }

    fn vacuumed(&mut self) {
        self.tally.lose(Loss::Vacuumed, 1);
        tracing::warn!(
            "the journal no longer has the entry that was read last: what followed it may be lost"
        );
    }

    fn clear_line(&mut self) {
        self.line.clear();
        self.line.shrink_to(KEPT_BYTES);
    }

    fn spawn(&mut self) {
        if self.fruitless >= FRUITLESS && self.start != Start::Boot {
            self.fruitless = 0;
            self.vacuumed();
            self.start = Start::Boot;
        }
        self.resumed = match &self.start {
            Start::Boot => None,
            Start::After(cursor) => Some(cursor.clone()),
        };
        let files = match &mut self.reach {
            Reach::Live(live) => live.files(),
            Reach::All { since, .. } => {
                *since = Timestamp::now();
                Vec::new()
            }
        };
        let child = Command::new(&self.program)
            .args(arguments(
                &self.start,
                &files,
                &self.units,
                self.is_beside_kmsg,
            ))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        match child {
            Ok(mut child) => match child.stdout.take() {
                Some(output) => {
                    let lines = BufReader::with_capacity(KEPT_BYTES, output);
                    self.source = Source::Running {
                        _child: Box::new(child),
                        lines,
                    };
                }
                None => self.lost("it has no output"),
            },
            Err(error) => self.lost(&format!("starting `{}`: {error}", self.program.display())),
        }
    }

    /// The child is gone. A half line that it left is read again by the next child, so nothing is lost by it.
    fn lost(&mut self, reason: &str) {
        tracing::warn!(
            reason,
            seconds = self.pause.as_secs(),
            "journalctl is gone; it is started again"
        );
        self.tally.restarts += 1;
        self.fruitless += u32::from(self.is_running());
        // The next child has its time, however long it is waited for.
        self.reach = Reach::all(self.pause + PAST);
        self.is_overflowing = false;
        self.clear_line();
        self.source = Source::Waiting(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

enum Read {
    Line,
    TooLong,
}

/// Reads up to a line feed; `None` at the end. Safe to drop: what was consumed is in `line`.
async fn read_line(
    lines: &mut BufReader<ChildStdout>,
    line: &mut Vec<u8>,
    is_overflowing: &mut bool,
) -> io::Result<Option<Read>> {
    loop {
        let available = lines.fill_buf().await?;
        if available.is_empty() {
            return Ok(None);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available
            .get(..end.unwrap_or(available.len()))
            .unwrap_or_default();
        if *is_overflowing || line.len() + part.len() > LINE_BYTES {
            *is_overflowing = true;
        } else {
            line.extend_from_slice(part);
        }
        let consumed = part.len() + usize::from(end.is_some());
        lines.consume(consumed);
        if end.is_some() {
            return Ok(Some(if std::mem::take(is_overflowing) {
                Read::TooLong
            } else {
                Read::Line
            }));
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
