//! The journal, as a child `journalctl` gives it: one JSON object per line, from a place on and for ever.
//!
//! A child, because a static program cannot link libsystemd, and because a journal that is damaged then kills the child
//! and not us. It is started again with back-off, after the last entry that was handed out; whatever could not be handed
//! out is counted. Lines are read one at a time: nothing is buffered beyond one line of bounded length.

mod excerpt;
mod recent;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use node::chain::Chain;
use node::rule::KERNEL;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, sleep_until};

use super::tally::{Loss, Tally};

pub use excerpt::{Error, Excerpt, Part};
pub use node::journal::Entry;
pub use recent::{Journalctl, Recent};

/// The most bytes of one JSON line; what is longer is dropped and counted. journald itself cuts lines at 48 KiB.
const LINE_BYTES: usize = 128 * 1024;
/// Capacity that the line's buffer may keep between lines.
const KEPT_BYTES: usize = 8 * 1024;
/// What journald says when a unit wrote more than it takes, `SD_MESSAGE_JOURNAL_DROPPED` of sd-messages.h.
const SUPPRESSED: &str = "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e";
/// What systemd says of a unit of any name in which the kernel killed a process for memory, `SD_MESSAGE_UNIT_OUT_OF_MEMORY`
/// of sd-messages.h.
const OUT_OF_MEMORY: &str = "MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef";
/// A child that so many times in a row ends without an entry cannot find its place.
const FRUITLESS: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

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
        self.is_overflowing = false;
        self.clear_line();
        // The child is killed; another begins behind the last entry.
        self.source = Source::Waiting(Instant::now());
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

    /// Whether the child runs now.
    pub fn is_running(&self) -> bool {
        matches!(self.source, Source::Running { .. })
    }

    /// The next entry. Waits as long as it takes, and can be dropped at any point without losing anything.
    pub async fn next(&mut self) -> Entry {
        loop {
            match &mut self.source {
                Source::Waiting(until) => {
                    sleep_until(*until).await;
                    self.spawn();
                }
                Source::Running { lines, .. } => {
                    match read_line(lines, &mut self.line, &mut self.is_overflowing).await {
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
        if let Some(cursor) = self.resumed.take() {
            let has_left_units = std::mem::take(&mut self.has_left_units);
            if cursor == entry.cursor {
                return None;
            }
            if !has_left_units {
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
        let child = Command::new(&self.program)
            .args(arguments(&self.start, &self.units, self.is_beside_kmsg))
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

/// What every child is asked for: entries with what rules read of them.
const OUTPUT: [&str; 5] = [
    "--system",
    "--quiet",
    "--output=json",
    "--output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,_TRANSPORT",
    "--all",
];

fn arguments(start: &Start, units: &[String], is_beside_kmsg: bool) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = OUTPUT.map(OsString::from).into();
    arguments.extend(["--boot", "--follow", "--no-tail"].map(OsString::from));
    if let Start::After(cursor) = start {
        // With the entry itself: where it is gone, journalctl says nothing and begins with another.
        arguments.push(format!("--cursor={cursor}").into());
    }
    arguments.extend(matches(units));
    if is_beside_kmsg {
        arguments.extend(["+", OUT_OF_MEMORY].map(OsString::from));
    }
    if !units.is_empty() {
        arguments.extend(["+", SUPPRESSED].map(OsString::from));
    }
    arguments
}

/// What selects the entries of these units. Not `--unit`, which cannot be joined with the kernel's lines: what they write,
/// or what the manager says of them.
fn matches(units: &[String]) -> Vec<OsString> {
    let is_unit = |name: &&String| *name != KERNEL;
    let names: Vec<&String> = units.iter().filter(is_unit).collect();
    let mut matches: Vec<OsString> = names
        .iter()
        .map(|unit| format!("_SYSTEMD_UNIT={unit}").into())
        .collect();
    if !names.is_empty() {
        matches.extend(["+", "_PID=1"].map(OsString::from));
        matches.extend(names.iter().map(|unit| format!("UNIT={unit}").into()));
    }
    if names.len() < units.len() {
        matches.extend((!names.is_empty()).then(|| "+".into()));
        let kernel = format!("_TRANSPORT={KERNEL}");
        matches.extend([kernel.as_str(), "+", OUT_OF_MEMORY].map(OsString::from));
    }
    matches
}

#[cfg(test)]
pub(crate) mod tests;
