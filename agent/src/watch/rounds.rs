//! When each probe of the schedule has last come to its end: one that hangs is not well, whatever it said before.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A probe that has missed so many of its looks hangs.
const MISSED: u32 = 3;
/// And none is held for hanging before this time.
const LEAST: Duration = Duration::from_mins(1);

/// What is known of one probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Its name.
    pub name: &'static str,
    /// How often it is to look.
    pub period: Duration,
    /// When it last ended, or began for the first time.
    pub ended: Instant,
}

impl Round {
    /// Why it is not to be believed any more; none while it comes round.
    pub fn stale(&self, now: Instant) -> Option<String> {
        let age = now.saturating_duration_since(self.ended);
        let is_stale = age > (self.period * MISSED).max(LEAST);
        is_stale.then(|| {
            format!(
                "has not ended for {} s, and should every {} s",
                age.as_secs(),
                self.period.as_secs()
            )
        })
    }
}

/// All probes that have begun. Clones share what they know.
#[derive(Debug, Clone, Default)]
pub struct Rounds(Arc<Mutex<BTreeMap<&'static str, Round>>>);

impl Rounds {
    /// The probe of this name, which is to look so often, begins or has ended.
    pub fn note(&self, name: &'static str, period: Duration) {
        let round = Round {
            name,
            period,
            ended: Instant::now(),
        };
        let mut rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.insert(name, round);
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<Round> {
        let rounds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rounds.values().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_misses_three_looks_is_stale_and_one_that_ends_is_not() {
        let rounds = Rounds::default();
        assert_eq!(rounds.all(), []);
        rounds.note("slow", Duration::from_mins(5));
        rounds.note("quick", Duration::from_secs(5));
        let stale = || -> Vec<Option<String>> {
            let now = Instant::now();
            rounds.all().iter().map(|round| round.stale(now)).collect()
        };
        tokio::time::advance(LEAST).await;
        assert_eq!(stale(), [None, None]);
        tokio::time::advance(Duration::from_secs(1)).await;
        let quick = "has not ended for 61 s, and should every 5 s";
        assert_eq!(stale(), [Some(quick.to_owned()), None]);
        rounds.note("quick", Duration::from_secs(5));
        tokio::time::advance(Duration::from_mins(14)).await;
        let slow = "has not ended for 901 s, and should every 300 s";
        assert_eq!(stale()[1], Some(slow.to_owned()));
    }
}
