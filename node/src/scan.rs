//! The findings that a log would raise: the rules over lines that somebody hands in, by the clock of the lines.
//!
//! Whole blocks are searched for the texts of all rules at once, and only lines that hold one are read.

#[cfg(test)]
mod fuzz;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::log_line::Reader;
use crate::rank;
use crate::rule::{Engine, RuleSet};
use crate::wire::OpenFinding;

/// A log that is read.
#[derive(Debug, Clone)]
pub struct Scan {
    rules: Arc<RuleSet>,
    engine: Engine,
    reader: Reader,
    cleared: BTreeMap<(String, String), OpenFinding>,
    unknown: u64,
}

/// What a log would raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raised {
    /// Findings that are open at its end, root causes first.
    pub open: Vec<OpenFinding>,
    /// Findings that were open and were taken back, as they were last.
    pub cleared: Vec<OpenFinding>,
    /// Lines that might have said something and of which nobody knows whose they are.
    pub unknown: u64,
}

impl Raised {
    /// The codes of all, each once, root causes first.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = Vec::new();
        for finding in self.open.iter().chain(&self.cleared) {
            if !codes.contains(&finding.code.as_str()) {
                codes.push(&finding.code);
            }
        }
        codes
    }
}

impl Scan {
    /// At the beginning of a log that was written until `now`, with the rules of the program.
    pub fn new(now: Timestamp) -> Self {
        Self::with(RuleSet::shipped(), now)
    }

    /// The same with other rules.
    pub fn with(rules: Arc<RuleSet>, now: Timestamp) -> Self {
        Self {
            engine: Engine::with(Arc::clone(&rules)),
            rules,
            reader: Reader::new(now),
            cleared: BTreeMap::new(),
            unknown: 0,
        }
    }

    /// Reads one line, of which somebody says that it is of this source.
    pub fn line(&mut self, line: &str, source: Option<&str>) {
        match self.reader.read(line, source) {
            Some(line) => {
                self.engine.record(&line.record());
                self.take_cleared();
            }
            None => self.unknown += 1,
        }
    }

    /// Reads a text of whole lines.
    pub fn block(&mut self, text: &[u8], source: Option<&str>) {
        for line in self.rules.lines(text) {
            let line = text.get(line).unwrap_or_default();
            self.line(&String::from_utf8_lossy(line), source);
        }
        // Silence is told by the time of the last line, whatever that says.
        let end = text.strip_suffix(b"\n").unwrap_or(text);
        let last = end.get(before(end, end.len()).map_or(0, |end| end + 1)..);
        let last = String::from_utf8_lossy(last.unwrap_or_default());
        drop(self.reader.read(&last, source));
    }

    /// The end of the log.
    pub fn finish(mut self) -> Raised {
        self.engine.tick(self.reader.last());
        self.take_cleared();
        let open = self.engine.open();
        let is_open = |finding: &OpenFinding| {
            open.iter()
                .any(|other| other.code == finding.code && other.object == finding.object)
        };
        let cleared = self
            .cleared
            .into_values()
            .filter(|finding| !is_open(finding));
        let cleared = rank::order(cleared.collect());
        Raised {
            open,
            cleared,
            unknown: self.unknown,
        }
    }

    fn take_cleared(&mut self) {
        for finding in self.engine.take_cleared() {
            let key = (finding.code.clone(), finding.object.clone());
            self.cleared.insert(key, finding);
        }
    }
}

/// The end of the line before a place.
fn before(text: &[u8], place: usize) -> Option<usize> {
    text.get(..place)?.iter().rposition(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "\
Jan  2 03:04:05 host kubelet[1]: I0102 03:04:05.000000       1 server.go:1] \"Kubelet version\" kubeletVersion=\"v1.34.4\"
Jan  2 03:04:06 host kubelet[1]: E0102 03:04:06.000000       1 kubelet_node_status.go:107] \"Unable to register node with API server\" err=\"Unauthorized\" node=\"a\"
Jan  2 03:04:07 host kubelet[1]: I0102 03:04:07.000000       1 a.go:1] \"Something ordinary\"
Jan  2 03:05:08 host kubelet[1]: I0102 03:05:08.000000       1 kubelet_node_status.go:78] \"Successfully registered node\" node=\"a\"
Jan  2 03:05:09 host kubelet[1]: E0102 03:05:09.000000       1 a.go:1] \"Eviction manager: failed\" err=\"x\"
";

    fn now() -> Timestamp {
        "2026-01-02T12:00:00Z".parse().unwrap()
    }

    fn codes(raised: &[OpenFinding]) -> Vec<&str> {
        raised.iter().map(|finding| finding.code.as_str()).collect()
    }

    #[test]
    fn what_recovered_was_raised_all_the_same() {
        let mut scan = Scan::new(now());
        scan.block(LOG.as_bytes(), None);
        let raised = scan.finish();
        assert_eq!(codes(&raised.open), [""; 0]);
        assert_eq!(codes(&raised.cleared), ["join.unauthorized"]);
        assert_eq!(raised.codes(), ["join.unauthorized"]);
    }

    #[test]
    fn a_block_and_its_lines_say_the_same() {
        let (log, _) = LOG.split_once("Jan  2 03:05:08").unwrap();
        let mut block = Scan::new(now());
        block.block(log.as_bytes(), Some("kubelet"));
        let mut lines = Scan::new(now());
        for line in log.lines() {
            lines.line(line, Some("kubelet"));
        }
        let (block, lines) = (block.finish(), lines.finish());
        assert_eq!(codes(&block.open), ["join.unauthorized"]);
        assert_eq!(block, lines);
    }

    #[test]
    fn lines_of_nobody_are_counted_if_they_might_matter() {
        let mut scan = Scan::new(now());
        scan.block(b"Successfully registered node\nsome text\n", None);
        assert_eq!(scan.finish().unknown, 1);
    }

    #[test]
    fn an_empty_log_raises_nothing() {
        let mut scan = Scan::new(now());
        for text in ["", "\n", "\n\n"] {
            scan.block(text.as_bytes(), None);
        }
        assert_eq!(scan.finish().codes(), [""; 0]);
    }
}
