//! How much of the journal is read: all of it, or the files into which journald writes now.
//!
//! A child that reads a whole journal keeps of each file what it looked through for its place, for ever: measured beside a
//! journal of 0.9 GB with systemd 252, 20 MB, and 5 MB where it reads only the file that is written. journald puts that
//! file aside when it is large or old, and begins another.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use super::super::inotify::Changes;
use super::super::root::Root;

/// journald's name for it, and how the names of those begin that were put aside.
const ACTIVE: &str = "system.journal";
const ASIDE: &str = "system@";
/// What was put aside so lately may hold lines that were not read yet.
const RECENT: Duration = Duration::from_secs(30);

/// How much of the journal the child reads.
#[derive(Debug)]
pub(super) enum Reach {
    /// All files.
    All {
        /// When the child began: who hands out what is younger has read the past.
        since: Timestamp,
        /// When it is exchanged.
        until: Instant,
    },
    /// What is written now.
    Live(Live),
}

impl Reach {
    /// All, for so long.
    pub(super) fn all(time: Duration) -> Self {
        Self::All {
            since: Timestamp::now(),
            until: Instant::now() + time,
        }
    }

    /// Waits until other files are to be read.
    pub(super) async fn over(&self) {
        match self {
            Self::All { until, .. } => sleep_until(*until).await,
            Self::Live(live) => live.over().await,
        }
    }
}

/// The directory in which journald writes.
#[derive(Debug)]
pub(super) struct Live {
    directory: PathBuf,
    changes: Changes,
}

impl Live {
    /// Of this machine; none where that is not known, or nobody would tell when another file is begun.
    pub(super) fn find(root: &Root) -> Option<Self> {
        let machine = root.read("/etc/machine-id").ok()??;
        let machine = String::from_utf8(machine).ok()?;
        // What is below `/run` is gone as soon as journald writes to the disk.
        let parents = ["/run/log/journal", "/var/log/journal"].into_iter();
        let mut directories = parents.map(|parent| root.path(parent).join(machine.trim()));
        let directory = directories.find(|directory| directory.join(ACTIVE).exists())?;
        let changes = Changes::of(&directory, &[ACTIVE])
            .inspect_err(|error| tracing::debug!(%error, "the whole journal is read on"))
            .ok()?;
        Some(Self { directory, changes })
    }

    /// The file that is written, and what was put aside in the last moments.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let mut files = self.put_aside().unwrap_or_default();
        files.push(self.directory.join(ACTIVE));
        files
    }

    fn put_aside(&self) -> io::Result<Vec<PathBuf>> {
        let now = Timestamp::now();
        let recent = SignedDuration::try_from(RECENT).unwrap_or(SignedDuration::MAX);
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            if !name.to_string_lossy().starts_with(ASIDE) {
                continue;
            }
            // Its name was changed then.
            let changed = entry.metadata()?.ctime();
            let is_recent = Timestamp::from_second(changed)
                .is_ok_and(|changed| now.duration_since(changed) <= recent);
            if is_recent {
                files.push(entry.path());
            }
        }
        Ok(files)
    }

    /// Waits until journald writes to another file.
    async fn over(&self) {
        // Where nobody tells any more, the directory is gone, and its files with it.
        drop(self.changes.next().await);
    }
}
