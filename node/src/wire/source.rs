//! A source of log lines: what was read of it and what was not.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Whether a source of log lines works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SourceState {
    /// It is read.
    Running,
    /// It should be read and cannot be; that is tried again.
    Failed,
    /// Nothing on this node writes it.
    Absent,
}

/// One source of log lines, counted since the start of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogSource {
    /// `journal`, `kernel`, `ipamd`, …
    pub name: String,
    /// Whether it works.
    pub state: SourceState,
    /// Lines read.
    pub read: u64,
    /// What was not read, by reason. Lines; for `truncated`, `rotated` and `vacuumed` the times that an unknown number of
    /// them was lost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lost: BTreeMap<String, u64>,
    /// Of the lines that journald suppressed: how many of which unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub suppressed: BTreeMap<String, u64>,
    /// Times that it was opened again after it had failed.
    #[serde(default)]
    pub restarts: u64,
    /// Time of the last line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_line: Option<Timestamp>,
    /// By how much the last line was older than the moment at which it was read, in milliseconds.
    #[serde(default)]
    pub lag_milliseconds: u64,
}

impl LogSource {
    /// A source of which nothing was read yet.
    pub fn new(name: &str, state: SourceState) -> Self {
        Self {
            name: name.to_owned(),
            state,
            read: 0,
            lost: BTreeMap::new(),
            suppressed: BTreeMap::new(),
            restarts: 0,
            last_line: None,
            lag_milliseconds: 0,
        }
    }

    /// What was not read of it, in words; empty where all was.
    pub fn gaps(&self) -> String {
        let mut gaps = Vec::new();
        if self.state == SourceState::Failed {
            gaps.push("cannot be read now".to_owned());
        }
        for (reason, count) in &self.lost {
            gaps.push(match reason.as_str() {
                "truncated" => format!("emptied {count}x before it was read"),
                "rotated" => format!("put aside {count}x before it was read"),
                "vacuumed" => format!("its place was gone {count}x"),
                "suppressed" => format!("{count} lines suppressed{}", self.suppressed_units()),
                _ => format!("{count} lines {}", reason.replace('_', " ")),
            });
        }
        if self.restarts > 0 {
            gaps.push(format!("opened again {}x", self.restarts));
        }
        gaps.join(", ")
    }

    fn suppressed_units(&self) -> String {
        let units = self.suppressed.iter();
        let units: Vec<String> = units
            .map(|(unit, count)| format!("{unit} {count}"))
            .collect();
        if units.is_empty() {
            String::new()
        } else {
            format!(" ({})", units.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_told_in_words_and_whole_sources_have_none() {
        let mut source = LogSource::new("journal", SourceState::Absent);
        assert_eq!(source.gaps(), "");
        source.state = SourceState::Failed;
        source.lost = [("too_long", 1), ("suppressed", 12), ("vacuumed", 2)]
            .map(|(reason, count)| (reason.to_owned(), count))
            .into();
        source.suppressed = BTreeMap::from([("kubelet.service".to_owned(), 12)]);
        source.restarts = 3;
        assert_eq!(
            source.gaps(),
            "cannot be read now, 12 lines suppressed (kubelet.service 12), 1 lines too long, \
             its place was gone 2x, opened again 3x"
        );
    }
}
