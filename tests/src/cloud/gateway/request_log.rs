//! The log of calls, `RUN/log/gateway-requests.jsonl`: one JSON line a request, for suites to assert on. A line is
//! written when a call ends, so the numbers, which are given when it begins, may be out of order.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::interruption::{Begun, Effect};

/// One call, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedRequest {
    /// Counts the calls in the order in which they came, from 1.
    pub number: u64,
    /// When it was read.
    pub time: Timestamp,
    /// Where it came from.
    pub peer: SocketAddr,
    /// Such as `ec2`.
    pub service: String,
    /// Such as `DescribeInstances`.
    pub action: String,
    /// Whether it makes, changes or takes away something, if it is done.
    pub mutates: bool,
    /// ARN of who signed it; `None` if he was refused.
    pub caller: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// Code of the error that the gateway itself answered with.
    pub error: Option<String>,
    /// What a suite had done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<Effect>,
}

impl LoggedRequest {
    /// All calls so far of the lab below `run`, oldest first; none when there is no log yet.
    pub fn read_all(run: &Path) -> io::Result<Vec<Self>> {
        let text = match std::fs::read_to_string(path(run)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let parse = |line| serde_json::from_str(line).map_err(io::Error::from);
        text.lines().map(parse).collect()
    }
}

/// The writing end.
#[derive(Debug)]
pub(super) struct RequestLog {
    path: PathBuf,
    one_at_a_time: Mutex<()>,
    begun: Mutex<Vec<Begun>>,
    /// How many calls are done and never answered.
    held: AtomicU64,
}

impl RequestLog {
    pub(super) fn new(run: &Path) -> Self {
        Self {
            path: path(run),
            one_at_a_time: Mutex::new(()),
            begun: Mutex::default(),
            held: AtomicU64::new(0),
        }
    }

    /// Numbers a call, and lets `look` at all that have begun, this one last.
    pub(super) fn begin<T>(
        &self,
        mutates: bool,
        caller: Option<&str>,
        look: impl FnOnce(&[Begun]) -> T,
    ) -> (u64, T) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let number = begun.last().map_or(1, |last| last.number + 1);
        begun.push(Begun {
            number,
            mutates,
            caller: caller.map(str::to_owned),
        });
        (number, look(&begun))
    }

    /// Number of the last call that has begun; 0 before the first.
    pub(super) fn last(&self) -> u64 {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.last().map_or(0, |last| last.number)
    }

    /// How many calls so far were done and are never answered.
    pub(super) fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// Forgets all calls; the next is the first.
    pub(super) fn reset(&self) -> io::Result<()> {
        let _guard = self
            .one_at_a_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.clear();
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Adds a line; a log that cannot be written is no reason to refuse the call.
    pub(super) fn add(&self, request: &LoggedRequest) {
        if request.effect == Some(Effect::DoneThenHeld) {
            self.held.fetch_add(1, Ordering::Relaxed);
        }
        let _guard = self
            .one_at_a_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let append = || -> io::Result<()> {
            let mut line = serde_json::to_vec(request)?;
            line.push(b'\n');
            let open = || {
                std::fs::File::options()
                    .create(true)
                    .append(true)
                    .open(&self.path)
            };
            let mut file = open().or_else(|error| match self.path.parent() {
                Some(directory) if error.kind() == io::ErrorKind::NotFound => {
                    std::fs::create_dir_all(directory)?;
                    open()
                }
                _ => Err(error),
            })?;
            file.write_all(&line)
        };
        if let Err(error) = append() {
            tracing::warn!(path = %self.path.display(), %error, "call not logged");
        }
    }
}

fn path(run: &Path) -> PathBuf {
    run.join("log/gateway-requests.jsonl")
}
