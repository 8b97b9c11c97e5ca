//! The log of calls, `RUN/log/gateway-requests.jsonl`: one JSON line a request, for suites to assert on.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One call, without anything secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedRequest {
    /// When it was read.
    pub time: Timestamp,
    /// Where it came from.
    pub peer: SocketAddr,
    /// Such as `ec2`.
    pub service: String,
    /// Such as `DescribeInstances`.
    pub action: String,
    /// ARN of who signed it; `None` if he was refused.
    pub caller: Option<String>,
    /// Status of the answer.
    pub status: u16,
    /// Code of the error that the gateway itself answered with.
    pub error: Option<String>,
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
}

impl RequestLog {
    pub(super) fn new(run: &Path) -> Self {
        Self {
            path: path(run),
            one_at_a_time: Mutex::new(()),
        }
    }

    /// Adds a line; a log that cannot be written is no reason to refuse the call.
    pub(super) fn add(&self, request: &LoggedRequest) {
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
