//! Does anybody keep the clock right? At boot asked only of a clock that is known to be off; later again and again, except
//! in a container, which has the clock of its host.

use std::fmt::Display;
use std::time::Duration;

use node::finding;
use tokio::time::{Instant, timeout};

use super::reading::Reading;
use super::{DEADLINE, Outcome};
use crate::host::{self, root::Root, time_sync};

/// A time daemon that starts, or loses its servers, has this long.
const PATIENCE: Duration = Duration::from_mins(10);

/// Adds to a clock that is off what the kernel says of it, before the plainest line.
pub async fn explain(mut clock: Outcome) -> Outcome {
    if let Outcome::Fault(fault) = &mut clock
        && let Ok(asked) = timeout(DEADLINE, time_sync::is_synchronized()).await
        && let Some(line) = evidence(&asked)
    {
        fault.evidence.insert(0, line.to_owned());
    }
    clock
}

/// What this answer says of a clock that is off. None: there is nobody to ask.
fn evidence<E: Display>(asked: &Result<bool, E>) -> Option<&'static str> {
    match asked {
        Ok(true) => Some(
            "the kernel's clock is synchronised (NTPSynchronized=yes): its source is wrong, or it was set moments ago",
        ),
        Ok(false) => Some(
            "the kernel's clock is not synchronised (NTPSynchronized=no): no time daemon has set it",
        ),
        Err(error) => {
            tracing::debug!(%error, "nobody tells whether the clock is synchronised");
            None
        }
    }
}

/// Whether the kernel holds the clock for right; nothing where nobody answers, or where it is not this node's.
pub async fn look(root: &Root) -> Option<bool> {
    if host::is_container(root) || !root.is_machine() {
        return None;
    }
    timeout(DEADLINE, time_sync::is_synchronized())
        .await
        .ok()?
        .inspect_err(
            |error| tracing::debug!(%error, "nobody tells whether the clock is synchronised"),
        )
        .ok()
}

/// Since when nobody keeps the clock right.
#[derive(Debug, Default)]
pub struct Synchronization(Option<Instant>);

impl Synchronization {
    /// What this answer means now.
    pub fn judge(&mut self, is_synchronized: bool, now: Instant) -> Option<Reading> {
        let finding = &finding::TIME_UNSYNCHRONIZED;
        if is_synchronized {
            self.0 = None;
            return Some(Reading::passed(finding, ""));
        }
        let since = *self.0.get_or_insert(now);
        let minutes = PATIENCE.as_secs() / 60;
        let told = || {
            format!(
                "the kernel does not hold the clock for synchronised (NTPSynchronized=no), for {minutes} minutes and more"
            )
        };
        (now - since >= PATIENCE).then(|| Reading::failed(finding, "", told()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_right_is_told_after_ten_minutes() {
        let mut clock = Synchronization::default();
        let start = Instant::now();
        let mut judge = |minute, is_synchronized| {
            let reading = clock.judge(is_synchronized, start + Duration::from_mins(minute));
            reading.map(|reading| reading.failure.is_some())
        };
        assert_eq!(judge(0, false), None);
        assert_eq!(judge(5, false), None);
        assert_eq!(judge(10, false), Some(true));
        assert_eq!(judge(15, true), Some(false));
        assert_eq!(judge(20, false), None);
    }

    #[tokio::test]
    async fn a_container_is_not_asked() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/run/systemd/container", b"systemd-nspawn\n", 0o644)
            .unwrap();
        assert_eq!(look(&root).await, None);
    }

    #[test]
    fn only_an_answer_is_evidence() {
        assert!(
            evidence::<&str>(&Ok(false))
                .unwrap()
                .contains("no time daemon")
        );
        assert!(
            evidence::<&str>(&Ok(true))
                .unwrap()
                .contains("source is wrong")
        );
        assert_eq!(evidence(&Err("no bus")), None);
    }

    #[tokio::test]
    async fn a_clock_that_is_right_is_not_asked_about() {
        assert_eq!(explain(Outcome::Passed).await, Outcome::Passed);
    }
}
