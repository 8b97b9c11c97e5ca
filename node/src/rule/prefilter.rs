//! Which rules a line can match at all, found in one pass over it, however many rules there are.
//!
//! Every pattern names texts of which each line that it matches holds at least one. They are compiled into one automaton
//! for each source and one for those of any source; a line without any of them, which nearly every line is, costs one search.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, Input, MatchKind};

use super::{Detect, Line, LinePattern, Match, Record, Rule, signal, unit};

/// Patterns of rules, each with the place of its rule and of itself in it.
type Patterns = Vec<(usize, usize)>;

/// Texts, each with the place of its pattern.
type Texts = Vec<(&'static str, (usize, usize))>;

/// The compiled texts of all rules.
#[derive(Debug)]
pub(super) struct Prefilter {
    by_source: BTreeMap<&'static str, Automaton>,
    of_any: Option<Automaton>,
}

#[derive(Debug)]
struct Automaton {
    search: AhoCorasick,
    /// By the number of the text.
    patterns: Patterns,
}

/// Where in a text of whole lines something stands that a rule, a signal or the state of a unit may come from, whatever the
/// source of the line; searched from `from` on. Nearly no line has such a place.
pub fn may_matter(text: &[u8], from: usize) -> Option<usize> {
    static ALL: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        let mut texts: Vec<&str> = super::all()
            .flat_map(lines)
            .flat_map(|(_, pattern)| pattern.literals)
            .copied()
            .chain(signal::texts())
            .chain(unit::TEXTS)
            .collect();
        texts.sort_unstable();
        texts.dedup();
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .build(texts)
            .ok()
    });
    let Some(all) = ALL.as_ref() else {
        return (from < text.len()).then_some(from);
    };
    all.find(Input::new(text).range(from.min(text.len())..))
        .map(|found| found.start())
}

static SHARED: LazyLock<Arc<Prefilter>> =
    LazyLock::new(|| Arc::new(Prefilter::new(&super::all().collect::<Vec<_>>())));

impl Prefilter {
    /// That of the rules of the program, compiled once.
    pub(super) fn shared() -> Arc<Self> {
        Arc::clone(&SHARED)
    }

    fn new(rules: &[&'static Rule]) -> Self {
        let mut texts: BTreeMap<Option<&'static str>, Texts> = BTreeMap::new();
        for (index, rule) in rules.iter().enumerate() {
            for (place, pattern) in lines(rule) {
                let mut add = |source| {
                    let texts = texts.entry(source).or_default();
                    texts.extend(pattern.literals.iter().map(|text| (*text, (index, place))));
                };
                if pattern.units.is_empty() {
                    add(None);
                }
                for unit in pattern.units {
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
                Some(source) => by_source.extend(automaton.map(|automaton| (source, automaton))),
            }
        }
        Self { by_source, of_any }
    }

    /// What the line is to each rule that it matches, in the order of the rules. It is taken apart once, and only if a
    /// rule needs it.
    pub(super) fn matches(
        &self,
        rules: &[&'static Rule],
        record: &Record<'_>,
    ) -> Vec<(usize, Match)> {
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
            let detect = rules.get(index).and_then(|rule| rule.detect.get(place));
            let Some(Detect::Line(pattern)) = detect else {
                continue;
            };
            if pattern.speaker == speaker {
                let line = line.get_or_insert_with(|| Line::parse(record.message));
                found.extend((pattern.matches)(line).map(|found| (index, found)));
            }
        }
        found
    }
}

impl Automaton {
    /// None where there is nothing to look for.
    fn new(texts: &Texts) -> Option<Self> {
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
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

fn lines(rule: &'static Rule) -> impl Iterator<Item = (usize, &'static LinePattern)> {
    let lines = rule.detect.iter().enumerate();
    lines.filter_map(|(place, detect)| match detect {
        Detect::Line(pattern) => Some((place, pattern)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_prefilter_finds_what_each_rule_alone_finds() {
        let rules: Vec<&Rule> = super::super::all().collect();
        let prefilter = Prefilter::shared();
        for rule in &rules {
            for (_, pattern) in lines(rule) {
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
                    assert_eq!(prefilter.matches(&rules, &record), alone, "`{text}`");
                }
            }
        }
    }
}
