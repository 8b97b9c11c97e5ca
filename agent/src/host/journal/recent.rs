//! What a unit wrote a moment ago, read once.

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use tokio::process::Command;
use tokio::time::timeout;

use super::Entry;

/// journalctl reads a few lines at once, or its journal is not to be had.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most entries that are read.
const ENTRIES: &str = "200";

/// What gives the last words of a unit. [`Journalctl`] is the real one.
pub trait Recent {
    /// What a unit wrote, and what the service manager wrote about it, since then; oldest first.
    fn since(&self, unit: &str, since: Timestamp) -> impl Future<Output = Vec<Entry>> + Send;
}

/// The journal of this machine. One that cannot be read is empty: it is asked why something failed, and that it failed is
/// known without it.
#[derive(Debug, Clone, Copy)]
pub struct Journalctl;

impl Recent for Journalctl {
    async fn since(&self, unit: &str, since: Timestamp) -> Vec<Entry> {
        let output = Command::new("journalctl")
            .args([
                "--system",
                "--quiet",
                "--output=json",
                "--output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER",
                "--all",
                "--boot",
                "--no-pager",
                "--lines",
                ENTRIES,
            ])
            .arg(format!("--since=@{}", since.as_second()))
            .arg(format!("--unit={unit}"))
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .output();
        let lines = match timeout(DEADLINE, output).await {
            Ok(Ok(output)) => output.stdout,
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), unit, "journalctl cannot be run");
                return Vec::new();
            }
            Err(_) => {
                tracing::warn!(unit, "journalctl gives nothing");
                return Vec::new();
            }
        };
        lines
            .split(|byte| *byte == b'\n')
            .filter_map(|line| node::journal::entry(line).ok())
            .filter(|entry| entry.at >= since)
            .collect()
    }
}
