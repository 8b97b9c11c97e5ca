//! The rules that are in use: those of the program without the disabled ones, and those of the node's owner.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::prefilter::Prefilter;
use super::track::Track;
use super::user::UserRule;
use super::{
    Clear, Detect, Harmless, Line, Match, Record, Rule, Signal, Speaker, Threshold, recovery,
};
use crate::finding::{Condition, Severity, fill};
use crate::wire::{Identity, OpenFinding};

/// Rules, compiled.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<AnyRule>,
    prefilter: Prefilter,
}

/// A rule of the program, or one of the node's owner.
#[derive(Debug, Clone)]
pub(super) enum AnyRule {
    Shipped(&'static Rule),
    User(Arc<UserRule>),
}

/// The texts of one line pattern of a rule.
#[derive(Debug)]
pub(super) struct Texts<'a> {
    /// Place of the pattern in its rule.
    pub place: usize,
    /// Sources; none: any.
    pub units: Vec<&'a str>,
    /// Every line that can match holds at least one of these.
    pub literals: Vec<&'a str>,
}

static SHIPPED: LazyLock<Arc<RuleSet>> =
    LazyLock::new(|| Arc::new(RuleSet::new(&[], &BTreeSet::new())));

impl RuleSet {
    /// All rules of the program and no others; compiled once.
    pub fn shipped() -> Arc<Self> {
        Arc::clone(&SHIPPED)
    }

    /// These rules of the node's owner, and those of the program; of both, none of the disabled codes.
    pub fn new(user: &[Arc<UserRule>], disabled: &BTreeSet<String>) -> Self {
        let shipped = super::all().map(AnyRule::Shipped);
        let user = user.iter().map(|rule| AnyRule::User(Arc::clone(rule)));
        let rules: Vec<AnyRule> = shipped
            .chain(user)
            .filter(|rule| !disabled.contains(rule.code()))
            .collect();
        let prefilter = Prefilter::new(&rules);
        Self { rules, prefilter }
    }

    /// How many rules there are.
    #[expect(
        clippy::len_without_is_empty,
        reason = "there is no set without a rule"
    )]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// The rules of the node's owner.
    pub fn user(&self) -> impl Iterator<Item = &UserRule> {
        self.rules.iter().filter_map(|rule| match rule {
            AnyRule::User(rule) => Some(rule.as_ref()),
            AnyRule::Shipped(_) => None,
        })
    }

    /// The condition of the Node that a finding counts against.
    pub fn condition(&self, code: &str) -> Option<Condition> {
        let user = self.user().find(|rule| rule.code == code);
        user.map_or_else(
            || crate::finding::by_code(code).and_then(|finding| finding.condition),
            |rule| rule.condition,
        )
    }

    /// The units and other sources that rules of the node's owner read.
    pub fn user_sources(&self) -> BTreeSet<String> {
        let sources = self.user().flat_map(UserRule::sources);
        sources.map(str::to_owned).collect()
    }

    /// The lines of a text from which a rule, a signal or the state of a unit may come, whatever their source. Nearly no line
    /// is among them.
    pub fn lines(&self, text: &[u8]) -> Vec<Range<usize>> {
        self.prefilter.lines(&self.rules, text)
    }

    /// What the line is to each rule that it matches, in the order of the rules.
    pub(super) fn matches(&self, record: &Record<'_>) -> Vec<(usize, Match)> {
        self.prefilter.matches(&self.rules, record)
    }

    pub(super) fn get(&self, index: usize) -> Option<&AnyRule> {
        self.rules.get(index)
    }

    /// Place of the rule of a code.
    pub(super) fn position(&self, code: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.code() == code)
    }

    /// Places of the rules that see their fault in such a way.
    pub(super) fn that(&self, wanted: impl Fn(&Detect) -> bool) -> Vec<usize> {
        let rules = self.rules.iter().enumerate();
        let those = rules.filter(|(_, rule)| rule.detect().iter().any(&wanted));
        those.map(|(index, _)| index).collect()
    }

    /// Whether a rule cares about this unit.
    pub(super) fn is_watched(&self, unit: &str) -> bool {
        self.rules.iter().any(|rule| rule.is_about(unit))
    }
}

impl AnyRule {
    pub(super) fn code(&self) -> &str {
        match self {
            Self::Shipped(rule) => rule.finding.code,
            Self::User(rule) => &rule.code,
        }
    }

    pub(super) fn is_user(&self) -> bool {
        matches!(self, Self::User(_))
    }

    pub(super) fn threshold(&self) -> Threshold {
        match self {
            Self::Shipped(rule) => rule.threshold,
            Self::User(rule) => rule.threshold,
        }
    }

    pub(super) fn harmless(&self) -> Option<Harmless> {
        match self {
            Self::Shipped(rule) => rule.harmless,
            Self::User(rule) => rule.harmless,
        }
    }

    /// Ways of seeing a fault that only rules of the program have, and lines.
    pub(super) fn detect(&self) -> &'static [Detect] {
        match self {
            Self::Shipped(rule) => rule.detect,
            Self::User(_) => &[],
        }
    }

    /// Whether a probe that passes takes the finding back, so long after the last sighting.
    pub(super) fn clears_by_probe(&self) -> impl Iterator<Item = std::time::Duration> {
        let clears: &'static [Clear] = match self {
            Self::Shipped(rule) => rule.clears,
            Self::User(_) => &[],
        };
        clears.iter().filter_map(|clear| match clear {
            Clear::ProbePassed(time) => Some(*time),
            _ => None,
        })
    }

    pub(super) fn is_clear(
        &self,
        object: &str,
        track: &Track,
        signals: &std::collections::BTreeMap<Signal, Timestamp>,
        units: &std::collections::BTreeMap<String, super::unit::Unit>,
        now: Timestamp,
    ) -> bool {
        match self {
            Self::Shipped(rule) => rule
                .clears
                .iter()
                .any(|clear| recovery::is_clear(*clear, object, track, signals, units, now)),
            Self::User(rule) => rule.is_clear(track, units, now),
        }
    }

    /// Texts of its line patterns.
    pub(super) fn texts(&self) -> Vec<Texts<'_>> {
        match self {
            Self::Shipped(rule) => {
                let lines = rule.detect.iter().enumerate();
                let lines = lines.filter_map(|(place, detect)| match detect {
                    Detect::Line(pattern) => Some(Texts {
                        place,
                        units: pattern.units.to_vec(),
                        literals: pattern.literals.to_vec(),
                    }),
                    _ => None,
                });
                lines.collect()
            }
            Self::User(rule) => {
                let lines = rule.all_lines().enumerate();
                let lines = lines.map(|(place, line)| Texts {
                    place,
                    units: line.units.iter().map(String::as_str).collect(),
                    literals: line.contains.iter().map(String::as_str).collect(),
                });
                lines.collect()
            }
        }
    }

    /// What a record is to the pattern of this place, of which it holds a text.
    pub(super) fn matching<'a>(
        &self,
        place: usize,
        record: &Record<'a>,
        speaker: Speaker,
        line: &mut Option<Line<'a>>,
    ) -> Option<Match> {
        match self {
            Self::Shipped(rule) => match rule.detect.get(place) {
                Some(Detect::Line(pattern)) if pattern.speaker == speaker => {
                    (pattern.matches)(line.get_or_insert_with(|| Line::parse(record.message)))
                }
                _ => None,
            },
            Self::User(rule) => rule.matching(place, record),
        }
    }

    /// Whether it cares about this unit.
    pub(super) fn is_about(&self, name: &str) -> bool {
        match self {
            Self::Shipped(rule) => rule.detect.iter().any(|detect| match detect {
                Detect::Line(pattern) => pattern.units.contains(&name),
                Detect::Restarted(unit) | Detect::NotActive(unit) => *unit == name,
                Detect::Missing(_) | Detect::Probe => false,
            }),
            Self::User(rule) => rule.sources().any(|source| source == name),
        }
    }

    /// What was tracked, as an open finding.
    pub(super) fn finding(&self, object: &str, track: &Track, identity: &Identity) -> OpenFinding {
        let (severity, title, fix): (Severity, &str, &str) = match self {
            Self::Shipped(rule) => {
                let finding = rule.finding;
                (finding.severity, finding.title, finding.fix)
            }
            Self::User(rule) => (rule.severity, &rule.title, &rule.fix),
        };
        OpenFinding {
            code: self.code().to_owned(),
            severity,
            title: title.to_owned(),
            object: object.to_owned(),
            first_seen: track.first_seen,
            last_seen: track.last_seen,
            count: track.count,
            evidence: track.evidence.lines().to_vec(),
            fix: fill(fix, identity),
            explained_by: None,
        }
    }
}
