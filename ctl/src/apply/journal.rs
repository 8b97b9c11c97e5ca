//! The journal of a cluster: one JSON object a line, written through to the disk before what it announces is done.
//!
//! It is not the truth about the cloud, which is found there by owner tags and names. It holds what cannot be found there:
//! the id of the run, from which client tokens are derived, so that a creation that was stopped is the same creation when
//! it is repeated, and what was known of each thing. A run keeps its id until it has ended well; its journal is then kept
//! beside as `….last.jsonl`, to look at, until the next one ends well. A lock beside it lets one process at a time work on
//! a cluster from this machine.

mod history;

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use history::Entry;
use history::{History, Line};

use super::report::End;
use crate::resource::{Address, Outputs};

const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// Why there is no journal, or no further line in it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process works on the cluster.
    #[error("{} is at work on this cluster", .pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// Its id, if it has left it.
        pid: Option<u32>,
        /// The lock.
        lock: PathBuf,
    },
    /// A line in its midst cannot be read.
    #[error("line {line} of `{path}` is no entry of a journal")]
    Line {
        /// The journal.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// The file system refused.
    #[error("{act} `{path}`")]
    Io {
        /// What was being done.
        act: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }

    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Locked { pid: Some(pid), .. } => {
                vec![format!("wait until it ends, or look at it: `ps -fp {pid}`")]
            }
            Self::Locked { pid: None, lock } => vec![format!(
                "wait until it ends; `fuser {}` names it",
                lock.display()
            )],
            Self::Line { path, .. } => vec![format!(
                "move it away (`mv {0} {0}.broken`) and run again: what exists is found in AWS by its tags",
                path.display()
            )],
            Self::Io { .. } => {
                vec!["journals lie in XDG_STATE_HOME, else in `~/.local/state`".to_owned()]
            }
        }
    }
}

/// The directory of all journals, from `XDG_STATE_HOME` and `HOME`; none when neither is set. A relative `XDG_STATE_HOME`
/// counts as not set, as the specification says.
pub fn directory(state_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let state = state_home
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let home = home.map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state.or_else(|| home.map(|home| home.join(".local/state")))?;
    Some(state.join("nodectl"))
}

/// The journal of one cluster, and the lock on it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    history: History,
    /// Held, not read: closing it lets go of the lock.
    _lock: File,
}

impl Journal {
    /// Opens the journal of a cluster and takes its lock. A last line that was being written when its process or machine
    /// stopped is cut off.
    pub fn open(
        directory: &Path,
        account: &str,
        region: &str,
        cluster: &str,
    ) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(Error::io("creating", directory))?;
        let name = format!("{account}-{region}-{cluster}");
        let lock = lock(&directory.join(format!("{name}.lock")))?;
        let path = directory.join(format!("{name}.jsonl"));
        let mut file = options().open(&path).map_err(Error::io("opening", &path))?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)
            .map_err(Error::io("reading", &path))?;
        let (history, whole) = read(&content, &path)?;
        if whole < content.len() {
            let length = u64::try_from(whole).unwrap_or_default();
            file.set_len(length)
                .and_then(|()| file.seek(io::SeekFrom::Start(length)))
                .map_err(Error::io("mending", &path))?;
        }
        Ok(Self {
            path,
            file,
            history,
            _lock: lock,
        })
    }

    /// Id of the run that is not over yet; none before it begins.
    pub fn run(&self) -> Option<&str> {
        self.history.run.as_deref()
    }

    /// What this run has learned of a thing.
    pub fn outputs(&self, address: &Address) -> Option<&Outputs> {
        self.history.outputs.get(address)
    }

    /// The client token of the next creation of a thing.
    pub fn token(&self, address: &Address) -> String {
        self.history.token(address)
    }

    /// Begins to work on a plan: takes up the run that is not over, or begins a new one.
    pub fn begin(&mut self, fingerprint: &str) -> Result<(), Error> {
        let run = if let Some(run) = &self.history.run {
            run.clone()
        } else {
            let bits = random().map_err(Error::io("reading", Path::new(RANDOM)))?;
            format!("{bits:032x}")
        };
        self.append(&[Entry::Begun {
            run,
            plan: fingerprint.to_owned(),
            pid: std::process::id(),
        }])
    }

    /// Writes lines, through to the disk.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), Error> {
        if entries.is_empty() {
            return Ok(());
        }
        let at = Timestamp::now();
        let mut text = Vec::new();
        for entry in entries {
            let line = Line {
                at,
                entry: entry.clone(),
            };
            serde_json::to_writer(&mut text, &line)
                .map_err(|error| Error::io("writing", &self.path)(error.into()))?;
            text.push(b'\n');
        }
        let whole = self.file.metadata().map(|metadata| metadata.len());
        let written = self
            .file
            .write_all(&text)
            .and_then(|()| self.file.sync_data());
        if let Err(source) = written {
            // Half a line, as of a full disk, would spoil those that come after it.
            if let Ok(whole) = whole {
                let _stays_torn = self.file.set_len(whole);
            }
            return Err(Error::io("writing", &self.path)(source));
        }
        for entry in entries {
            self.history.take(entry);
        }
        Ok(())
    }

    /// Writes how the run ended. After one that ended well the journal is put aside, and the next begins another.
    pub fn end(&mut self, end: End) -> Result<(), Error> {
        self.append(&[Entry::Ended { end }])?;
        if end == End::Done {
            let last = self.path.with_extension("last.jsonl");
            fs::rename(&self.path, &last).map_err(Error::io("putting aside", &self.path))?;
            self.file = options()
                .open(&self.path)
                .map_err(Error::io("opening", &self.path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
impl Journal {
    /// Writes elsewhere from now on, such as where nothing can be written.
    pub(super) fn replace_file(&mut self, file: File) {
        self.file = file;
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true).mode(FILE_MODE);
    options
}

fn lock(path: &Path) -> Result<File, Error> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(FILE_MODE)
        .open(path)
        .map_err(Error::io("opening", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let _unreadable = file.read_to_string(&mut text);
            return Err(Error::Locked {
                pid: text.trim().parse().ok(),
                lock: path.to_owned(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(Error::io("locking", path)(source)),
    }
    file.set_len(0)
        .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()))
        .map_err(Error::io("writing", path))?;
    Ok(file)
}

/// What the lines amount to, and how many bytes of them are whole.
fn read(content: &[u8], path: &Path) -> Result<(History, usize), Error> {
    let mut history = History::default();
    let mut whole = 0;
    for (index, line) in content.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let is_last = whole + line.len() == content.len();
        if !line.ends_with(b"\n") {
            break;
        }
        match serde_json::from_slice::<Line>(line) {
            Ok(read) => history.take(&read.entry),
            // A machine that lost its power may have kept the length of the last write and not its bytes.
            Err(_) if is_last => break,
            Err(source) => {
                return Err(Error::Line {
                    path: path.to_owned(),
                    line: index + 1,
                    source,
                });
            }
        }
        whole += line.len();
    }
    Ok((history, whole))
}

/// Where the operating system keeps its randomness.
pub const RANDOM: &str = "/dev/urandom";

/// Bits that nobody has had before.
pub fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    File::open(RANDOM)?.read_exact(&mut bytes)?;
    Ok(u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests;
