//! When the API server may be asked again: some time after success, longer and longer after failure, never in step with
//! other nodes.

use std::time::Duration;

use tokio::time::Instant;

const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The pace of one reporter.
#[derive(Debug)]
pub(super) struct Pace {
    /// A number from 0 to 1.
    jitter: fn() -> f64,
    /// At least this time lies between two attempts that work.
    calm: Duration,
    next: Instant,
    pause: Duration,
}

impl Pace {
    /// The first attempt may be made at once, another this time after one that worked.
    pub(super) fn new(jitter: fn() -> f64, calm: Duration) -> Self {
        Self {
            jitter,
            calm,
            next: Instant::now(),
            pause: FIRST_PAUSE,
        }
    }

    /// When the next attempt may be made.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// An attempt worked.
    pub(super) fn succeeded(&mut self) {
        self.pause = FIRST_PAUSE;
        self.wait(self.calm);
    }

    /// An attempt did not work.
    pub(super) fn failed(&mut self) {
        self.wait(self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    /// At least this time, and up to a quarter more.
    fn wait(&mut self, time: Duration) {
        self.next = Instant::now() + time + time.mul_f64((self.jitter)() / 4.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn the_first_attempt_is_at_once_and_later_ones_a_minute_apart() {
        let mut pace = Pace::new(|| 1.0, MINUTE);
        assert_eq!(pace.next(), Instant::now());
        pace.succeeded();
        assert_eq!(pace.next() - Instant::now(), Duration::from_secs(75));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_further_and_further_apart_up_to_a_bound() {
        let mut pace = Pace::new(|| 0.0, MINUTE);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            pace.failed();
            pauses.push((pace.next() - Instant::now()).as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        pace.succeeded();
        pace.failed();
        assert_eq!(pace.next() - Instant::now(), FIRST_PAUSE);
    }
}
