//! Which rules a line can match at all, found in one pass over it, however many rules there are.
//!
//! Every pattern names texts of which each line that it matches holds at least one. They are compiled into one automaton
//! for each source and one for those of any source; a line without any of them, which nearly every line is, costs one search.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::screen::Screen;
use super::set::AnyRule;
use super::{Match, Record, signal, unit};

/// Patterns of rules, each with the place of its rule and of itself in it.
type Patterns = Vec<(usize, usize)>;

/// Texts, each with the place of its pattern.
type Placed<'a> = Vec<(&'a str, (usize, usize))>;

/// The compiled texts of all rules.
#[derive(Debug)]
pub(super) struct Prefilter {
    by_source: BTreeMap<String, Automaton>,
    of_any: Option<Automaton>,
    /// All texts at once, whatever the source; compiled when somebody asks, which the daemon does not.
    all: OnceLock<Option<Screen>>,
}

#[derive(Debug)]
struct Automaton {
    search: AhoCorasick,
    /// By the number of the text.
    patterns: Patterns,
}

impl Prefilter {
    pub(super) fn new(rules: &[AnyRule]) -> Self {
        let mut texts: BTreeMap<Option<&str>, Placed<'_>> = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for pattern in rule.texts() {
                let mut add = |source| {
                    let literals = pattern.literals.iter();
                    let placed = literals.map(|text| (*text, (index, pattern.place)));
                    texts.entry(source).or_default().extend(placed);
                };
                if pattern.units.is_empty() {
                    add(None);
                }
                for unit in &pattern.units {
                    add(Some(*unit));
                }
            }
        }
        let mut of_any = None;
        let mut by_source = BTreeMap::new();
        for (source, texts) in texts {
            let automaton = Automaton::new(&texts);
            match source {
                None => of_any = automaton,
                Some(source) => {
                    by_source.extend(automaton.map(|automaton| (source.to_owned(), automaton)));
                }
            }
        }
        Self {
            by_source,
            of_any,
            all: OnceLock::new(),
        }
    }

    /// The lines of a text that hold a text of these rules, or of a signal or the state of a unit.
    pub(super) fn lines(&self, rules: &[AnyRule], text: &[u8]) -> Vec<Range<usize>> {
        let all = self.all.get_or_init(|| {
            let patterns = rules.iter().flat_map(AnyRule::texts);
            let mut texts: Vec<&str> = patterns.flat_map(|pattern| pattern.literals).collect();
            for text in signal::texts().chain(unit::TEXTS) {
                texts.push(text);
            }
            texts.sort_unstable();
            texts.dedup();
            Screen::new(&texts)
        });
        let every = || std::iter::once(0..text.len()).collect();
        all.as_ref().map_or_else(every, |all| all.lines(text))
    }

    /// What the line is to each rule that it matches, in the order of the rules. It is taken apart once, and only if a
    /// rule needs it.
    pub(super) fn matches(&self, rules: &[AnyRule], record: &Record<'_>) -> Vec<(usize, Match)> {
        let mut candidates = Patterns::new();
        let own = self.by_source.get(record.unit);
        for automaton in own.into_iter().chain(&self.of_any) {
            automaton.find(record.message, &mut candidates);
        }
        if candidates.is_empty() {
            return Vec::new();
        }
        candidates.sort_unstable();
        candidates.dedup();
        let speaker = record.speaker();
        let mut line = None;
        let mut found: Vec<(usize, Match)> = Vec::new();
        for (index, place) in candidates {
            if found.last().is_some_and(|(last, _)| *last == index) {
                continue;
            }
            if let Some(rule) = rules.get(index) {
                let matching = rule.matching(place, record, speaker, &mut line);
                found.extend(matching.map(|found| (index, found)));
            }
        }
        found
    }
}

impl Automaton {
    /// None where there is nothing to look for.
    fn new(texts: &Placed<'_>) -> Option<Self> {
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            // The daemon holds these for its life and reads few lines: a DFA would take six times the memory.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(texts.iter().map(|(text, _)| text))
            .ok()?;
        Some(Self {
            search,
            patterns: texts.iter().map(|(_, pattern)| *pattern).collect(),
        })
    }

    fn find(&self, message: &str, candidates: &mut Patterns) {
        let found = self.search.find_overlapping_iter(message);
        candidates.extend(found.filter_map(|found| self.patterns.get(found.pattern().as_usize())));
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{Detect, Rule, RuleSet};
    use super::*;

    #[test]
    fn the_prefilter_finds_what_each_rule_alone_finds() {
        let rules: Vec<&Rule> = super::super::all().collect();
        let set = RuleSet::shipped();
        for rule in &rules {
            for detect in rule.detect {
                let Detect::Line(pattern) = detect else {
                    continue;
                };
                // A line of nothing but a text of the pattern reaches the pattern.
                for text in pattern.literals {
                    assert!(!text.is_empty(), "{}", rule.finding.code);
                    let record = Record {
                        unit: pattern.units.first().unwrap_or(&"any.service"),
                        identifier: "service",
                        message: text,
                        at: Timestamp::UNIX_EPOCH,
                    };
                    let mut alone = Vec::new();
                    for (index, rule) in rules.iter().enumerate() {
                        alone.extend(
                            rule.matching(&record, &mut None)
                                .map(|found| (index, found)),
                        );
                    }
                    assert_eq!(set.matches(&record), alone, "`{text}`");
                }
            }
        }
    }
}
