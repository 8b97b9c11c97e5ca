//! A rule that the node's owner wrote: the same as one of the program's, but owned.
//!
//! It decides with texts and, where asked to, a regular expression over the line as it was written. All of it is bounded,
//! so that a rule may be useless but never harmful.

use std::collections::BTreeMap;

use jiff::Timestamp;
use regex_lite::{Regex, RegexBuilder};

use super::track::Track;
use super::unit::Unit;
use super::{Harmless, Match, Record, Speaker, Threshold, elapsed, recovery};
use crate::finding::{Condition, Severity};
use crate::redact;

/// What every code of a user's rule begins with, so that none is ever one of the catalogue.
pub const PREFIX: &str = "user.";
/// The most bytes of a line that a regular expression is tried on: it takes time for each, whatever it says.
const REGEX_INPUT: usize = 4 * 1024;
/// The most bytes that a compiled regular expression may take.
const REGEX_BYTES: usize = 16 * 1024;
/// The group of a regular expression that names the object.
const OBJECT: &str = "object";
/// The most bytes of an object's name; Kubernetes' longest name.
const OBJECT_BYTES: usize = 253;

/// One rule.
#[derive(Debug, Clone)]
pub struct UserRule {
    /// Name of the finding, [`PREFIX`] and more.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// The node condition that it turns False while it is open and fatal.
    pub condition: Option<Condition>,
    /// The finding as a claim.
    pub title: String,
    /// What to do; words in capitals are to be replaced.
    pub fix: String,
    /// The lines that show it.
    pub lines: Vec<UserLine>,
    /// The lines that take it back.
    pub over: Vec<UserLine>,
    /// How often it must be seen before it is a finding.
    pub threshold: Threshold,
    /// When it is not a finding at all.
    pub harmless: Option<Harmless>,
    /// What else takes it back; any of them does.
    pub clears: Vec<UserClear>,
}

/// What takes the finding of a user's rule back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserClear {
    /// No sighting for this time; see [`super::Clear::Silence`].
    Silence(std::time::Duration),
    /// This unit was started after the last sighting and has been active for this time.
    UnitActive(String, std::time::Duration),
}

/// Which lines a user's rule is about.
#[derive(Debug, Clone)]
pub struct UserLine {
    /// Units and other sources; at least one.
    pub units: Vec<String>,
    /// Who must say it.
    pub speaker: Speaker,
    /// Who wrote it; any if there is none.
    pub identifier: Option<String>,
    /// The line holds at least one of these.
    pub contains: Vec<String>,
    /// The line holds none of these.
    pub excludes: Vec<String>,
    /// The line matches this.
    pub pattern: Option<Pattern>,
}

/// A regular expression within its bounds.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

/// Why a text is no regular expression that a rule may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoPattern(String);

impl Pattern {
    /// Compiles it.
    ///
    /// # Errors
    /// When it is none, or would take too much memory.
    pub fn new(text: &str) -> Result<Self, NoPattern> {
        RegexBuilder::new(text)
            .size_limit(REGEX_BYTES)
            .build()
            .map(Self)
            .map_err(|error| NoPattern(error.to_string()))
    }

    /// The object that a line names, which may be none; `None` if the line does not match.
    fn object(&self, message: &str) -> Option<String> {
        let end = message.floor_char_boundary(REGEX_INPUT);
        let found = self.0.captures(message.get(..end).unwrap_or_default())?;
        let object = found.name(OBJECT).map_or("", |object| object.as_str());
        let object = redact::text(object);
        let end = object.floor_char_boundary(OBJECT_BYTES);
        Some(object.get(..end).unwrap_or_default().to_owned())
    }
}

impl UserLine {
    /// The object that a line which holds one of the texts names; `None` if it is not meant.
    fn object(&self, record: &Record<'_>) -> Option<String> {
        let is_by_it = self.speaker == record.speaker()
            && self
                .identifier
                .as_ref()
                .is_none_or(|name| name == record.identifier);
        let is_excluded = || {
            self.excludes
                .iter()
                .any(|text| record.message.contains(text))
        };
        if !is_by_it || is_excluded() {
            return None;
        }
        match &self.pattern {
            Some(pattern) => pattern.object(record.message),
            None => Some(String::new()),
        }
    }
}

impl UserRule {
    /// Its lines, those that show the fault and then those that take it back.
    pub(crate) fn all_lines(&self) -> impl Iterator<Item = &UserLine> {
        self.lines.iter().chain(&self.over)
    }

    /// What a record is to the line of this place in [`Self::all_lines`]; it is known to hold one of its texts.
    pub(crate) fn matching(&self, place: usize, record: &Record<'_>) -> Option<Match> {
        if let Some(line) = self.lines.get(place) {
            return line.object(record).map(|object| Match::Hit { object });
        }
        let line = self.over.get(place - self.lines.len())?;
        line.object(record).map(|object| Match::Over { object })
    }

    /// The units that it must be told of, besides those whose lines it reads.
    pub(super) fn started_units(&self) -> impl Iterator<Item = &str> {
        self.clears.iter().filter_map(|clear| match clear {
            UserClear::UnitActive(name, _) => Some(name.as_str()),
            UserClear::Silence(_) => None,
        })
    }

    /// Everything that it reads.
    pub(super) fn sources(&self) -> impl Iterator<Item = &str> {
        let lines = self.all_lines().flat_map(|line| &line.units);
        lines.map(String::as_str).chain(self.started_units())
    }

    pub(super) fn is_clear(
        &self,
        track: &Track,
        units: &BTreeMap<String, Unit>,
        now: Timestamp,
    ) -> bool {
        self.clears.iter().any(|clear| match clear {
            UserClear::Silence(time) => recovery::is_silent(track, units, *time, now),
            UserClear::UnitActive(name, time) => {
                let since = units.get(name).and_then(|unit| unit.active_since);
                since.is_some_and(|since| since >= track.last_seen && elapsed(since, now) >= *time)
            }
        })
    }
}
