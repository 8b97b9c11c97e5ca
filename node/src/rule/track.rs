//! What one rule has seen of one object: a run of sightings that is not a finding yet, or one that is.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::evidence::Evidence;
use super::{Threshold, elapsed};

/// State of one (rule, object).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Track {
    /// First sighting of this run.
    pub first_seen: Timestamp,
    /// Last sighting.
    pub last_seen: Timestamp,
    /// Sightings in this run.
    pub count: u64,
    /// The threshold was reached: this is a finding.
    pub is_open: bool,
    /// The unit whose line, restart or state was the last sighting.
    pub unit: String,
    /// Times of the last sightings, as many as the threshold asks for.
    #[serde(default)]
    pub recent: VecDeque<Timestamp>,
    /// What proves it.
    #[serde(default)]
    pub evidence: Evidence,
}

impl Track {
    pub(super) fn new(at: Timestamp, unit: &str) -> Self {
        Self {
            first_seen: at,
            last_seen: at,
            count: 0,
            is_open: false,
            unit: unit.to_owned(),
            recent: VecDeque::new(),
            evidence: Evidence::default(),
        }
    }

    /// Counts a sighting. Before the finding is open, a gap longer than the threshold's window begins a new run.
    pub(super) fn hit(&mut self, threshold: Threshold, at: Timestamp, unit: &str) {
        if !self.is_open && self.count > 0 && elapsed(self.last_seen, at) > threshold.within {
            self.count = 0;
            self.recent.clear();
        }
        if self.count == 0 {
            self.first_seen = at;
        }
        self.count += 1;
        self.last_seen = at;
        if self.unit != unit {
            unit.clone_into(&mut self.unit);
        }
        if self.recent.len() >= threshold.hits {
            self.recent.pop_front();
        }
        self.recent.push_back(at);
        self.is_open |= self.reaches(threshold, at);
    }

    fn reaches(&self, threshold: Threshold, at: Timestamp) -> bool {
        self.recent.len() >= threshold.hits
            && self
                .recent
                .front()
                .is_some_and(|first| elapsed(*first, at) <= threshold.within)
            && elapsed(self.first_seen, at) >= threshold.lasting
    }

    /// Mean time between the last sightings.
    pub(super) fn rhythm(&self) -> Duration {
        let gaps = u32::try_from(self.recent.len().saturating_sub(1))
            .unwrap_or(u32::MAX)
            .max(1);
        self.recent.front().map_or(Duration::ZERO, |first| {
            elapsed(*first, self.last_seen) / gaps
        })
    }

    /// Whether nothing but time is needed to forget it: not open, and no sighting for longer than its window.
    pub(super) fn is_stale(&self, window: Duration, now: Timestamp) -> bool {
        !self.is_open && elapsed(self.last_seen, now) > window
    }

    /// Holds times to a clock that was set back, and what was read from a file to its limits.
    pub(super) fn bound(&mut self, threshold: Threshold, now: Timestamp) {
        self.first_seen = self.first_seen.min(now);
        self.last_seen = self.last_seen.min(now);
        for at in &mut self.recent {
            *at = (*at).min(now);
        }
        while self.recent.len() > threshold.hits {
            self.recent.pop_front();
        }
        self.evidence.bound();
    }
}
