//! A part of the journal of one boot, read once, or followed until the reader has enough.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use jiff::Timestamp;
use node::chain::Chain;
use tokio::io::BufReader;
use tokio::process::{Child, ChildStdout, Command};

use super::arguments::{OUTPUT, matches};
use super::{Entry, KEPT_BYTES, Read, read_line};

/// Which part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Whose lines, and what the service manager says of them; [`node::rule::KERNEL`] among them is the kernel.
    pub units: Vec<String>,
    /// Nothing older.
    pub since: Option<Timestamp>,
    /// No more than the last so many.
    pub last: Option<u32>,
    /// Whatever comes after them, too.
    pub follow: bool,
    /// Of which boot, counted back from this one: 0 is this one, -1 the one before.
    pub boot: i32,
}

/// Why there is nothing more to read although there should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// journalctl cannot be started.
    #[error("starting `{}`", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Its output broke off.
    #[error("reading what journalctl prints")]
    Output {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It gave up: there is no journal, it is damaged, or we may not read it.
    #[error("journalctl ended with {status}")]
    Failed {
        /// How it ended.
        status: ExitStatus,
    },
}

/// A part that is being read: entry by entry, nothing is buffered beyond one.
#[derive(Debug)]
pub struct Excerpt {
    child: Child,
    lines: BufReader<ChildStdout>,
    since: Option<Timestamp>,
    line: Vec<u8>,
    is_overflowing: bool,
    skipped: u64,
}

impl Excerpt {
    /// Begins to read. The child ends when this is dropped.
    ///
    /// # Errors
    /// When journalctl cannot be started.
    pub fn open(part: &Part) -> Result<Self, Error> {
        Self::open_with(Path::new("journalctl"), part)
    }

    /// The same with another program than `journalctl`, for tests.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn open_with(program: &Path, part: &Part) -> Result<Self, Error> {
        let failed = |source| Error::Start {
            program: program.to_owned(),
            source,
        };
        let mut child = Command::new(program)
            .args(arguments(part))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let output = child
            .stdout
            .take()
            .ok_or_else(|| failed(io::ErrorKind::BrokenPipe.into()))?;
        Ok(Self {
            child,
            lines: BufReader::with_capacity(KEPT_BYTES, output),
            since: part.since,
            line: Vec::new(),
            is_overflowing: false,
            skipped: 0,
        })
    }

    /// The next entry; none at the end. Can be dropped at any point without losing anything.
    ///
    /// # Errors
    /// When the journal cannot be read, or no further.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            let read = read_line(&mut self.lines, &mut self.line, &mut self.is_overflowing)
                .await
                .map_err(|source| Error::Output { source })?;
            let Some(read) = read else {
                return self.end().await;
            };
            let entry = match read {
                Read::Line => node::journal::entry(&self.line)
                    .inspect_err(|error| {
                        tracing::debug!(error = %Chain(error), "a line of journalctl is not an entry");
                    })
                    .ok(),
                Read::TooLong => None,
            };
            self.line.clear();
            self.line.shrink_to(KEPT_BYTES);
            match entry {
                // journalctl is asked in whole seconds.
                Some(entry) if self.since.is_none_or(|since| entry.at >= since) => {
                    return Ok(Some(entry));
                }
                Some(_) => {}
                None => self.skipped += 1,
            }
        }
    }

    /// Lines that were too long, or no entries.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    async fn end(&mut self) -> Result<Option<Entry>, Error> {
        let status = self
            .child
            .wait()
            .await
            .map_err(|source| Error::Output { source })?;
        if status.success() {
            Ok(None)
        } else {
            Err(Error::Failed { status })
        }
    }
}

fn arguments(part: &Part) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = OUTPUT.map(OsString::from).into();
    arguments.push(match part.boot {
        0 => "--boot".into(),
        boot => format!("--boot={boot}").into(),
    });
    arguments.push("--no-pager".into());
    if let Some(since) = part.since {
        arguments.push(format!("--since=@{}", since.as_second()).into());
    }
    match part.last {
        Some(last) => arguments.push(format!("--lines={last}").into()),
        None if part.follow => arguments.push("--no-tail".into()),
        None => {}
    }
    if part.follow {
        arguments.push("--follow".into());
    }
    arguments.extend(matches(&part.units));
    arguments
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{line, script};
    use super::*;

    fn part(since: Option<&str>, last: Option<u32>, follow: bool) -> Part {
        Part {
            units: vec!["kubelet.service".into()],
            since: since.map(|since| since.parse().unwrap()),
            last,
            follow,
            boot: 0,
        }
    }

    fn asked(part: &Part) -> String {
        let arguments = arguments(part)
            .into_iter()
            .map(|argument| argument.into_string().unwrap());
        arguments.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_child_is_asked_for_the_part_and_no_more() {
        let since = Some("2026-01-02T03:04:05.9Z");
        let asked_since = asked(&part(since, None, false));
        assert!(
            asked_since.contains("--boot --no-pager --since=@1767323045 _SYSTEMD_UNIT=kubelet")
        );
        assert!(asked(&part(None, Some(7), true)).contains("--lines=7 --follow"));
        assert!(asked(&part(since, None, true)).contains("--no-tail --follow"));
        let before = Part {
            boot: -1,
            ..part(None, None, false)
        };
        assert!(asked(&before).contains("--all --boot=-1 --no-pager"));
    }

    #[tokio::test]
    async fn entries_are_read_to_the_end_and_what_is_none_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let body = format!(
            "echo 'no json'\necho '{}'\necho '{}'",
            line("a", "one"),
            line("b", "two")
        );
        let program = script(directory.path(), &body);
        let mut excerpt = Excerpt::open_with(&program, &part(None, None, false)).unwrap();
        assert_eq!(excerpt.next().await.unwrap().unwrap().message, "one");
        assert_eq!(excerpt.next().await.unwrap().unwrap().message, "two");
        assert_eq!(excerpt.next().await.unwrap(), None);
        assert_eq!(excerpt.skipped(), 1);
        // The lines of the script are of this second, and before its second half.
        let later = part(Some("2026-01-02T03:04:05.5Z"), None, false);
        let mut excerpt = Excerpt::open_with(&program, &later).unwrap();
        assert_eq!(excerpt.next().await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_journal_that_cannot_be_read_is_an_error_and_not_empty() {
        let directory = tempfile::tempdir().unwrap();
        let program = script(directory.path(), "exit 1");
        let mut excerpt = Excerpt::open_with(&program, &Part::default()).unwrap();
        let error = tokio::time::timeout(Duration::from_secs(20), excerpt.next())
            .await
            .unwrap()
            .unwrap_err();
        assert_eq!(error.to_string(), "journalctl ended with exit status: 1");
        let error = Excerpt::open_with(Path::new("/none/journalctl"), &Part::default());
        assert_eq!(
            error.unwrap_err().to_string(),
            "starting `/none/journalctl`"
        );
    }
}
