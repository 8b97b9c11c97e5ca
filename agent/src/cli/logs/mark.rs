//! Marks between lines: here a finding opens, here it is taken back. Pure.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use node::journal::Entry;
use node::rule::{Engine, RuleSet};
use node::wire::OpenFinding;

use crate::cli::finding::{claim, named};

/// The rules over the lines that are shown, and the findings that are marked as open.
#[derive(Debug)]
pub(super) struct Marker {
    rules: Arc<RuleSet>,
    engine: Engine,
    open: BTreeSet<(String, String)>,
}

impl Marker {
    /// Before the first line.
    pub(super) fn new(rules: Arc<RuleSet>) -> Self {
        Self {
            engine: Engine::with(Arc::clone(&rules)),
            rules,
            open: BTreeSet::new(),
        }
    }

    /// The marks that follow a line.
    pub(super) fn entry(&mut self, entry: &Entry) -> Vec<String> {
        self.engine.record(&entry.record());
        let mut marks = self.cleared();
        // No other line opens anything.
        if !self.rules.lines(entry.message.as_bytes()).is_empty() {
            for finding in self.engine.open() {
                if self.open.insert(key(&finding)) {
                    marks.push(format!("    ^ {}", claim(&finding)));
                }
            }
        }
        marks
    }

    /// The marks that follow silence.
    pub(super) fn tick(&mut self, now: Timestamp) -> Vec<String> {
        self.engine.tick(now);
        self.cleared()
    }

    fn cleared(&mut self) -> Vec<String> {
        let mut marks = Vec::new();
        for finding in self.engine.take_cleared() {
            self.open.remove(&key(&finding));
            marks.push(format!(
                "    ^ cleared {}: {}",
                named(&finding),
                finding.title
            ));
        }
        marks
    }
}

fn key(finding: &OpenFinding) -> (String, String) {
    (finding.code.clone(), finding.object.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(marker: &mut Marker, second: i64, message: &str) -> Vec<String> {
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let entry = Entry {
            unit: "kubelet.service".into(),
            identifier: "kubelet".into(),
            message: message.to_owned(),
            at: start + jiff::SignedDuration::from_secs(second),
            cursor: String::new(),
        };
        let mut lines = vec![entry.line("host")];
        lines.extend(marker.entry(&entry));
        lines
    }

    const UNAUTHORIZED: &str = r#"E0102 03:04:06.1 1 kubelet_node_status.go:107] "Unable to register node with API server" err="Unauthorized" node="a""#;
    const REGISTERED: &str =
        r#"I0102 03:05:08.1 1 kubelet_node_status.go:78] "Successfully registered node" node="a""#;

    #[test]
    fn a_finding_is_marked_where_it_opens_and_where_it_clears() {
        let mut marker = Marker::new(RuleSet::shipped());
        let mut lines = Vec::new();
        for (second, message) in [
            (0, r#"I0102 1 a.go:1] "Something ordinary""#),
            (1, UNAUTHORIZED),
            (2, UNAUTHORIZED),
            (63, REGISTERED),
            (70, UNAUTHORIZED),
        ] {
            lines.extend(shown(&mut marker, second, message));
        }
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn silence_clears_too() {
        let mut marker = Marker::new(RuleSet::shipped());
        shown(&mut marker, 0, UNAUTHORIZED);
        assert_eq!(
            marker.tick("2026-01-02T03:04:06Z".parse().unwrap()),
            [""; 0]
        );
        let marks = marker.tick("2026-01-03T03:04:06Z".parse().unwrap());
        assert_eq!(
            marks,
            ["    ^ cleared join.unauthorized: The cluster does not accept the node role"]
        );
    }
}
