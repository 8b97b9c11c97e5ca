//! How far a run is: lines that stay for what has happened and, on a terminal, one line for each step under way, drawn anew
//! every second. Pure: events in, lines out. [`live`] writes them.

pub mod ending;
pub mod live;

use std::time::Duration;

use super::Tone;
use super::table::printable;
use crate::apply::event::{Act, Event};
use crate::resource::Address;

/// Where there is no live line a step that goes on says so this often.
const REMINDER: Duration = Duration::from_secs(30);
/// Steps that were over sooner have no duration in their line.
const WORTH_SAYING: Duration = Duration::from_millis(950);

/// One line and what its colour says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The text, without colour.
    pub text: String,
    /// Its tone.
    pub tone: Tone,
}

impl Line {
    fn new(text: impl AsRef<str>, tone: Tone) -> Self {
        Self {
            text: printable(text.as_ref()),
            tone,
        }
    }
}

/// Columns and lines of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Lines.
    pub lines: usize,
}

/// Everything that is known of a run so far. Times are since its beginning.
#[derive(Debug, Clone)]
pub struct Progress {
    total: usize,
    over: usize,
    running: Vec<Running>,
}

#[derive(Debug, Clone)]
struct Running {
    address: Address,
    act: Act,
    since: Duration,
    /// What it waits for, and since when.
    waits: Option<(String, Duration)>,
    /// When it was last told of.
    told: Duration,
}

impl Running {
    fn new(address: &Address, act: Act, at: Duration) -> Self {
        Self {
            address: address.clone(),
            act,
            since: at,
            waits: None,
            told: at,
        }
    }

    /// `CREATING for 3 min 12 s`; nothing before it waits for anything.
    fn waits_for(&self, at: Duration) -> Option<String> {
        let (text, since) = self.waits.as_ref()?;
        let waited = at.saturating_sub(*since);
        Some(if waited < WORTH_SAYING {
            text.clone()
        } else {
            format!("{text} for {}", lasted(waited))
        })
    }
}

impl Progress {
    /// A run of so many steps.
    pub fn new(total: usize) -> Self {
        Self {
            total,
            over: 0,
            running: Vec::new(),
        }
    }

    /// Takes in an event. The line that stays of it comes back, if there is one; beginnings only stay when nothing is drawn
    /// `live`.
    pub fn see(
        &mut self,
        address: &Address,
        event: &Event,
        at: Duration,
        live: bool,
    ) -> Option<Line> {
        match event {
            Event::Begun { act } => {
                self.running.push(Running::new(address, *act, at));
                (!live).then(|| Line::new(format!("{act} {address}"), Tone::Dim))
            }
            Event::Waits { waits_for } => {
                let running = self.running.iter_mut();
                let mut running = running.filter(|running| running.address == *address);
                if let Some(running) = running.next() {
                    running.waits = Some((waits_for.clone(), at));
                }
                None
            }
            Event::Warns { text } => Some(Line::new(format!("{address}: {text}"), Tone::Warning)),
            Event::Done { act, took } => {
                self.end(address);
                let took = if *took < WORTH_SAYING {
                    String::new()
                } else {
                    format!(" in {}", lasted(*took))
                };
                let text = format!("{} {address}{took}", act.done());
                Some(Line::new(text, Tone::Good))
            }
            Event::Failed { act, took, error } => {
                self.end(address);
                let after = if *took < WORTH_SAYING {
                    String::new()
                } else {
                    format!(" after {}", lasted(*took))
                };
                let text = format!("failed {act} {address}{after}: {error}");
                Some(Line::new(text, Tone::Bad))
            }
            Event::Skipped { because } => {
                self.over += 1;
                let text = format!("skipped {address}: it needs {because}");
                Some(Line::new(text, Tone::Warning))
            }
            Event::Left { waits_for } => {
                self.end(address);
                let waits_for = if waits_for.is_empty() {
                    String::new()
                } else {
                    format!(": {waits_for}")
                };
                Some(Line::new(
                    format!("left {address}{waits_for}"),
                    Tone::Warning,
                ))
            }
        }
    }

    fn end(&mut self, address: &Address) {
        self.running.retain(|running| running.address != *address);
        self.over += 1;
    }

    /// The lines of a terminal for what is under way, the longest under way first, and one that counts.
    pub fn live(&self, at: Duration, size: Size) -> Vec<Line> {
        if self.running.is_empty() {
            return Vec::new();
        }
        // One line is for what counts, one for the cursor.
        let room = size.lines.saturating_sub(2).max(1);
        let shown = if self.running.len() > room {
            room.saturating_sub(1)
        } else {
            self.running.len()
        };
        let names = self.running.iter().take(shown);
        let width = names
            .map(|running| running.address.to_string().chars().count())
            .max()
            .unwrap_or_default();
        let mut lines: Vec<String> = self
            .running
            .iter()
            .take(shown)
            .map(|running| {
                let elapsed = lasted(at.saturating_sub(running.since));
                let address = running.address.to_string();
                let waits_for = running.waits_for(at).unwrap_or_default();
                format!(
                    "{} {address:width$}   {elapsed:>11}   {waits_for}",
                    running.act
                )
            })
            .collect();
        if shown < self.running.len() {
            lines.push(format!("and {} more", self.running.len() - shown));
        }
        lines.push(format!(
            "{} of {} done after {}",
            self.over,
            self.total,
            lasted(at)
        ));
        lines
            .into_iter()
            .map(|line| Line::new(cut(line.trim_end(), size.columns), Tone::Dim))
            .collect()
    }

    /// Lines for those steps that have said nothing for a while.
    pub fn reminders(&mut self, at: Duration) -> Vec<Line> {
        let mut lines = Vec::new();
        for running in &mut self.running {
            if at.saturating_sub(running.told) < REMINDER {
                continue;
            }
            running.told = at;
            let waits_for = running.waits_for(at);
            let waits_for = waits_for.map_or_else(String::new, |text| format!(": {text}"));
            let text = format!(
                "still {} {} after {}{waits_for}",
                running.act,
                running.address,
                lasted(at.saturating_sub(running.since))
            );
            lines.push(Line::new(text, Tone::Dim));
        }
        lines
    }
}

/// A text that fits into so many columns, its last one `…` if it was longer.
fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(columns.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// A duration as a person says it: `0.4 s`, `45 s`, `3 min 12 s`, `1 h 2 min`.
pub fn lasted(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests;
