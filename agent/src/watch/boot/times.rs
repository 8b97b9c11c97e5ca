//! When systemd is asked for the times of the boot.

use std::time::Duration;

use tokio::time::Instant;

use crate::boot::Machine;
use crate::boot::record::Record;

/// How often systemd is asked for what it has not told yet …
const PAUSE: Duration = Duration::from_secs(10);
/// … at first, and ever more rarely: of a unit that failed there never is more.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// What systemd has told of the boot. It is asked again when a phase has begun or ended, and until it has told all.
#[derive(Default)]
pub(super) struct Times {
    pub(super) known: Option<Machine>,
    asked: Option<Asked>,
}

/// The last question.
struct Asked {
    at: Instant,
    record: Record,
    pause: Duration,
}

impl Times {
    /// What is known now.
    pub(super) async fn of(
        &mut self,
        record: &Record,
        observe: &impl AsyncFn() -> Option<Machine>,
    ) -> Option<Machine> {
        let is_complete = self.known.as_ref().is_some_and(Machine::is_complete);
        let pause = match &self.asked {
            Some(last) if last.record != *record => PAUSE,
            Some(last) if is_complete || last.at.elapsed() < last.pause => {
                return self.known.clone();
            }
            Some(last) => (last.pause * 2).min(LONGEST_PAUSE),
            None => PAUSE,
        };
        self.known = observe().await.or_else(|| self.known.take());
        self.asked = Some(Asked {
            at: Instant::now(),
            record: record.clone(),
            pause,
        });
        self.known.clone()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;
    use crate::boot::record::Span;

    /// How often the boot is looked at.
    const STEP: Duration = Duration::from_secs(2);

    #[tokio::test(start_paused = true)]
    async fn systemd_is_asked_ever_more_rarely_for_what_it_does_not_tell() {
        let asked = std::cell::Cell::new(0);
        let untold = async || {
            asked.set(asked.get() + 1);
            Some(Machine::default())
        };
        let mut times = Times::default();
        let mut record = Record::default();
        let asked_in = async |times: &mut Times, record: &Record, time: Duration| {
            let before = asked.get();
            let end = Instant::now() + time;
            while Instant::now() < end {
                assert_eq!(times.of(record, &untold).await, Some(Machine::default()));
                sleep(STEP).await;
            }
            asked.get() - before
        };
        let minute = Duration::from_mins(1);
        assert_eq!(asked_in(&mut times, &record, minute).await, 3);
        let hour = minute * 60;
        assert_eq!(asked_in(&mut times, &record, hour).await, 9);
        // A phase that has begun or ended is news.
        record.spans.push(Span::new("run", minute, None));
        assert_eq!(asked_in(&mut times, &record, minute).await, 3);
    }
}
