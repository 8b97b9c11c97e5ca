//! The kernel's log, `/dev/kmsg`, read record by record for ever.
//!
//! Every record has a number, so whatever the kernel overwrote before it was read is counted. The kernel keeps the records
//! and we hold one read of them: there is no buffer that could grow. It is always read from its first record on; what an
//! earlier run has handed out is skipped by its number.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use node::journal::Entry;
use node::kmsg::Record;
use node::rule::KERNEL;
use rustix::fs::OFlags;
use tokio::net::unix::pipe;
use tokio::time::{Instant, sleep, sleep_until};

use super::monotonic;
use super::tally::{Loss, Tally};

/// Where it is.
pub const PATH: &str = "/dev/kmsg";
/// A read must have room for a whole record, or the kernel refuses it: `CONSOLE_EXT_LOG_MAX` of printk.c is 8 KiB.
const READ_BYTES: usize = 16 * 1024;
/// What does not end within this is no record.
const RECORD_BYTES: usize = 64 * 1024;
/// What cannot be waited for is looked at this often. In a container anything may stand at the path.
const POLL: Duration = Duration::from_millis(500);
/// Before it is opened again.
const PAUSE: Duration = Duration::from_secs(5);
/// The most reads at a time.
const READS: usize = 64;

/// The two clocks at one moment: that of the wall, and the time since the start of the kernel.
pub type Clock = fn() -> (Timestamp, Duration);

/// The machine's own.
pub fn clock() -> (Timestamp, Duration) {
    (Timestamp::now(), monotonic())
}

/// The kernel's log.
#[derive(Debug)]
pub struct Kmsg {
    path: PathBuf,
    clock: Clock,
    source: Source,
    /// What was read and not handed out yet, from `start` on.
    buffer: Vec<u8>,
    start: usize,
    /// Number of the next record that was not handed out yet.
    expected: u64,
    /// The past has been read: what comes now is of now.
    is_live: bool,
    tally: Tally,
}

#[derive(Debug)]
enum Source {
    /// The kernel tells when there is more: of the same open file, by the one type of tokio's that waits for a descriptor
    /// of any kind and is safe.
    Waited { file: File, more: pipe::Receiver },
    /// It must be looked at.
    Polled(File),
    /// It is opened again at this time.
    Closed(Instant),
}

/// What one read came to.
enum Outcome {
    Data,
    /// There is nothing now. `true`: nobody tells when there is.
    Nothing(bool),
}

impl Kmsg {
    /// Opens the kernel's log after the record with this number; from its first record on without one. Takes a runtime.
    ///
    /// # Errors
    /// When there is none, or we may not read it.
    pub fn open(path: &Path, after: Option<u64>, clock: Clock) -> io::Result<Self> {
        Ok(Self {
            source: open(path)?,
            path: path.to_owned(),
            clock,
            buffer: Vec::new(),
            start: 0,
            expected: after.map_or(0, |number| number.saturating_add(1)),
            is_live: false,
            tally: Tally::default(),
        })
    }

    /// What was read so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Whether it can be read now.
    pub fn is_running(&self) -> bool {
        !matches!(self.source, Source::Closed(_))
    }

    /// The next record, waiting for it as long as it takes. Can be dropped at any point without losing anything.
    pub async fn next(&mut self) -> Entry {
        loop {
            if let Some(entry) = self.try_next() {
                return entry;
            }
            self.wait().await;
        }
    }

    /// The next record that is there already. It looks for one only so long: a flood of what processes write there, which
    /// is not handed out, must not keep everybody else from running.
    pub fn try_next(&mut self) -> Option<Entry> {
        for _ in 0..READS {
            if let Some(entry) = self.buffered() {
                return Some(entry);
            }
            let file = match &self.source {
                Source::Waited { file, .. } | Source::Polled(file) => file,
                Source::Closed(_) => return None,
            };
            let mut file = file;
            let read = read(&mut self.buffer, &mut self.start, |room| file.read(room));
            match self.outcome(read) {
                Some(Outcome::Data) => {}
                Some(Outcome::Nothing(_)) | None => return None,
            }
        }
        self.buffered()
    }

    /// Waits until there may be more.
    async fn wait(&mut self) {
        let read = match &self.source {
            Source::Closed(until) => {
                sleep_until(*until).await;
                match open(&self.path) {
                    Ok(source) => self.source = source,
                    Err(error) => self.fail(&error),
                }
                return;
            }
            Source::Polled(_) => return sleep(POLL).await,
            Source::Waited { more, .. } => match more.readable().await {
                Ok(()) => read(&mut self.buffer, &mut self.start, |room| {
                    more.try_read(room)
                }),
                Err(error) => Err(error),
            },
        };
        if matches!(self.outcome(read), Some(Outcome::Nothing(true))) {
            sleep(POLL).await;
        }
    }

    /// What a read means; none when it failed for good.
    fn outcome(&mut self, read: io::Result<usize>) -> Option<Outcome> {
        match read {
            // Nobody has it open for writing: only where it is not the kernel's.
            Ok(0) => {
                self.is_live = true;
                Some(Outcome::Nothing(true))
            }
            Ok(_) => Some(Outcome::Data),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock => {
                    self.is_live = true;
                    Some(Outcome::Nothing(false))
                }
                // Records were overwritten before they were read: the next number tells how many.
                ErrorKind::Interrupted | ErrorKind::BrokenPipe => Some(Outcome::Data),
                // One has no room, which no kernel of today writes; it goes on with the next.
                ErrorKind::InvalidInput => Some(Outcome::Nothing(true)),
                _ => {
                    self.fail(&error);
                    None
                }
            },
        }
    }

    /// Whoever comes back after a failure reads from the first record on, and skips what it knows.
    fn fail(&mut self, error: &io::Error) {
        tracing::warn!(%error, path = %self.path.display(), "the kernel's log cannot be read; it is opened again");
        self.tally.restarts += 1;
        self.buffer.clear();
        self.start = 0;
        self.source = Source::Closed(Instant::now() + PAUSE);
    }

    /// The next record of the buffer. A read of the kernel's gives one whole record; elsewhere it may give parts of several.
    fn buffered(&mut self) -> Option<Entry> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
                if rest.len() > RECORD_BYTES {
                    self.tally.lose(Loss::TooLong, 1);
                    self.buffer.clear();
                    self.start = 0;
                }
                return None;
            };
            let line = String::from_utf8_lossy(rest.get(..length).unwrap_or_default());
            let entry = entry(
                &line,
                &mut self.expected,
                &mut self.tally,
                self.clock,
                self.is_live,
            );
            self.start += length + 1;
            if entry.is_some() {
                return entry;
            }
        }
    }
}

/// The entry that a line is; none for one that is known, is a process's or says more of the record before.
fn entry(
    line: &str,
    expected: &mut u64,
    tally: &mut Tally,
    clock: Clock,
    is_live: bool,
) -> Option<Entry> {
    if line.starts_with(' ') || line.is_empty() {
        return None;
    }
    let Some(record) = Record::parse(line) else {
        tally.lose(Loss::Malformed, 1);
        return None;
    };
    if record.sequence < *expected {
        return None;
    }
    tally.lose(Loss::Overrun, record.sequence - *expected);
    *expected = record.sequence.saturating_add(1);
    let at = written_at(&record, clock(), is_live);
    tally.read(at);
    record.is_kernels().then(|| Entry {
        unit: KERNEL.to_owned(),
        identifier: KERNEL.to_owned(),
        message: record.message().into_owned(),
        at,
        cursor: record.sequence.to_string(),
    })
}

/// When a record was written. The kernel's clock runs apart from the wall's by minutes in a month and stands still while a
/// machine sleeps: what came while it was waited for is of now, as journald has it.
fn written_at(
    record: &Record<'_>,
    (now, since_start): (Timestamp, Duration),
    is_live: bool,
) -> Timestamp {
    if is_live {
        return now;
    }
    let age = since_start.saturating_sub(record.since_start);
    let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::ZERO);
    now.checked_sub(age).unwrap_or(now)
}

fn open(path: &Path) -> io::Result<Source> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    // What cannot be waited for, a file or a null device, is no kernel's, and is read all the same.
    Ok(
        match pipe::Receiver::from_file_unchecked(file.try_clone()?) {
            Ok(more) => Source::Waited { file, more },
            Err(_) => Source::Polled(file),
        },
    )
}

/// Reads once, behind what the buffer still holds.
fn read(
    buffer: &mut Vec<u8>,
    start: &mut usize,
    read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
) -> io::Result<usize> {
    buffer.drain(..(*start).min(buffer.len()));
    *start = 0;
    let held = buffer.len();
    buffer.resize(held + READ_BYTES, 0);
    let read = read(buffer.get_mut(held..).unwrap_or_default());
    buffer.truncate(held + read.as_ref().copied().unwrap_or_default());
    if buffer.is_empty() {
        buffer.shrink_to(READ_BYTES);
    }
    read
}

#[cfg(test)]
mod tests;
