//! What a unit wrote a moment ago, read once.

use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use tokio::time::timeout;

use super::{Entry, Error, Excerpt, Part};

/// journalctl reads a few lines at once, or its journal is not to be had.
const DEADLINE: Duration = Duration::from_secs(5);
/// The most entries that are read.
const ENTRIES: u32 = 200;

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
        let part = Part {
            units: vec![unit.to_owned()],
            since: Some(since),
            last: Some(ENTRIES),
            ..Part::default()
        };
        let mut entries = Vec::new();
        match timeout(DEADLINE, read(&part, &mut entries)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %Chain(&error), unit, "the journal cannot be read");
            }
            Err(_) => tracing::warn!(unit, "journalctl does not end"),
        }
        entries
    }
}

async fn read(part: &Part, entries: &mut Vec<Entry>) -> Result<(), Error> {
    let mut excerpt = Excerpt::open(part)?;
    while let Some(entry) = excerpt.next().await? {
        entries.push(entry);
    }
    Ok(())
}
