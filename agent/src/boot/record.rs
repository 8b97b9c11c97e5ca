//! What `init` and the daemon write down of a boot while it goes on: `/run/nodeagent/boot.json`.
//!
//! The boot is over when the node is Ready; what is run again later is no part of it.

use std::time::Duration;

use node::chain::Chain;
use serde::{Deserialize, Serialize};

use crate::host::root::Root;
use crate::host::{self, path};

/// The API server showed the Node for the first time.
pub const REGISTERED: &str = "registered";
/// The Node was seen to be Ready for the first time.
pub const READY: &str = "ready";

/// A boot that is tried so often has no readable timeline any more.
const MOST: usize = 40;

/// Phases in the order in which they were written down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The phases.
    pub spans: Vec<Span>,
}

/// One phase, on the clock of [`host::monotonic`]. A moment ends when it begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its name in the timeline.
    pub name: String,
    /// When it began.
    pub began: Duration,
    /// When it ended; none while it goes on.
    pub ended: Option<Duration>,
}

impl Span {
    /// A phase.
    pub fn new(name: &str, began: Duration, ended: Option<Duration>) -> Self {
        Self {
            name: name.to_owned(),
            began,
            ended,
        }
    }
}

impl Record {
    /// What was written down in this boot.
    pub fn read(root: &Root) -> Self {
        let content = root.read(path::BOOT).ok().flatten();
        content
            .and_then(|content| serde_json::from_slice(&content).ok())
            .unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        self.spans.iter().any(|span| span.name == READY)
    }

    fn begin(&mut self, name: &str, now: Duration) {
        // A process that was killed has left the phase open: it goes on.
        if !self.is_over() && self.open(name).is_none() && self.spans.len() < MOST {
            self.spans.push(Span::new(name, now, None));
        }
    }

    fn end(&mut self, name: &str, now: Duration) {
        if let Some(span) = self.open(name) {
            span.ended = Some(now);
        }
    }

    fn mark(&mut self, name: &str, now: Duration) {
        if !self.is_over() && self.spans.iter().all(|span| span.name != name) {
            self.spans.push(Span::new(name, now, Some(now)));
        }
    }

    fn open(&mut self, name: &str) -> Option<&mut Span> {
        self.spans
            .iter_mut()
            .find(|span| span.name == name && span.ended.is_none())
    }
}

/// A phase begins now.
pub fn begin(root: &Root, name: &str) {
    change(root, |record| record.begin(name, host::monotonic()));
}

/// A phase ends now.
pub fn end(root: &Root, name: &str) {
    change(root, |record| record.end(name, host::monotonic()));
}

/// Something is seen now, and was not before.
pub fn mark(root: &Root, name: &str) {
    change(root, |record| record.mark(name, host::monotonic()));
}

/// The record is a report: a disk that is full must not stop a node that could join.
fn change(root: &Root, change: impl FnOnce(&mut Record)) {
    let before = Record::read(root);
    let mut after = before.clone();
    change(&mut after);
    if after == before {
        return;
    }
    let content = serde_json::to_vec(&after).unwrap_or_default();
    if let Err(error) = root.write(path::BOOT, &content, 0o644) {
        tracing::debug!(error = %Chain(&error), "the time is not written down");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn phases_and_moments_are_written_down_until_the_node_is_ready() {
        let mut record = Record::default();
        record.begin("config", at(10));
        record.end("config", at(15));
        // Its configuration came late: the phase runs again.
        record.begin("config", at(20));
        record.begin("config", at(21));
        record.end("config", at(30));
        record.begin("join", at(31));
        record.mark(REGISTERED, at(40));
        record.mark(REGISTERED, at(41));
        record.mark(READY, at(50));
        record.end("join", at(50));
        let boot = vec![
            Span::new("config", at(10), Some(at(15))),
            Span::new("config", at(20), Some(at(30))),
            Span::new("join", at(31), Some(at(50))),
            Span::new(REGISTERED, at(40), Some(at(40))),
            Span::new(READY, at(50), Some(at(50))),
        ];
        assert_eq!(record.spans, boot);
        record.begin("config", at(9000));
        record.mark("late", at(9000));
        record.end("config", at(9001));
        assert_eq!(record.spans, boot);
    }

    #[test]
    fn it_is_kept_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(Record::read(&root), Record::default());
        begin(&root, "config");
        end(&root, "config");
        mark(&root, REGISTERED);
        let names: Vec<_> = Record::read(&root)
            .spans
            .into_iter()
            .map(|span| (span.name, span.ended.is_some()))
            .collect();
        assert_eq!(
            names,
            [("config".to_owned(), true), (REGISTERED.to_owned(), true)]
        );
    }
}
