//! What was read of one source of log lines, and what was not.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// Units of which suppressed lines are counted apart.
const UNITS: usize = 32;
/// All others.
const OTHERS: &str = "others";

/// Why lines did not come to the rules as they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// Lines that are not in the form of their source.
    Malformed,
    /// Lines that were dropped because they are too long.
    TooLong,
    /// Lines of which only the beginning was read.
    Cut,
    /// Lines that the kernel overwrote before they were read.
    Overrun,
    /// Lines that journald did not take, because a unit wrote too many.
    Suppressed,
    /// Times that a file was emptied, and what had not been read of it was not found again.
    Truncated,
    /// Times that a file was put aside and was not found again.
    Rotated,
    /// Times that the journal no longer had the entry after which reading was to go on.
    Vacuumed,
}

impl Loss {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Malformed,
        Self::TooLong,
        Self::Cut,
        Self::Overrun,
        Self::Suppressed,
        Self::Truncated,
        Self::Rotated,
        Self::Vacuumed,
    ];

    /// The word used in JSON, metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too_long",
            Self::Cut => "cut",
            Self::Overrun => "overrun",
            Self::Suppressed => "suppressed",
            Self::Truncated => "truncated",
            Self::Rotated => "rotated",
            Self::Vacuumed => "vacuumed",
        }
    }
}

/// Counts of one source, since the start of this program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines handed out.
    pub read: u64,
    /// Lines lost, or for some reasons the times that an unknown number was.
    pub lost: BTreeMap<Loss, u64>,
    /// Units of which lines were suppressed, and how many.
    pub suppressed: BTreeMap<String, u64>,
    /// Times that the source was opened again after it had failed.
    pub restarts: u64,
    /// Time of the line that was handed out last.
    pub last: Option<Timestamp>,
}

impl Tally {
    /// Counts a line that is handed out.
    pub fn read(&mut self, at: Timestamp) {
        self.read += 1;
        self.last = Some(at);
    }

    /// Counts a loss.
    pub fn lose(&mut self, loss: Loss, count: u64) {
        if count > 0 {
            *self.lost.entry(loss).or_default() += count;
        }
    }

    /// Counts lines of a unit that were suppressed. Units beyond the first so many are one.
    pub fn suppress(&mut self, unit: &str, lines: u64) {
        self.lose(Loss::Suppressed, lines);
        let is_one_of_many = self.suppressed.len() >= UNITS && !self.suppressed.contains_key(unit);
        let unit = if is_one_of_many { OTHERS } else { unit };
        *self.suppressed.entry(unit.to_owned()).or_default() += lines;
    }

    /// How much was lost for this reason.
    pub fn lost(&self, loss: Loss) -> u64 {
        self.lost.get(&loss).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppressed_lines_are_counted_by_unit_within_bounds() {
        let mut tally = Tally::default();
        for number in 0..100 {
            tally.suppress(&format!("unit-{number}.service"), 2);
        }
        tally.suppress("unit-0.service", 3);
        assert_eq!(tally.suppressed.len(), UNITS + 1);
        assert_eq!(tally.suppressed["unit-0.service"], 5);
        assert_eq!(tally.suppressed[OTHERS], 2 * 68);
        assert_eq!(tally.lost(Loss::Suppressed), 203);
    }

    #[test]
    fn words_of_losses_are_different() {
        let words: std::collections::BTreeSet<&str> =
            Loss::ALL.iter().map(|loss| loss.as_str()).collect();
        assert_eq!(words.len(), Loss::ALL.len());
    }
}
