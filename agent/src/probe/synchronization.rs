//! Does anybody keep the clock right? Asked only of a clock that is known to be off: a machine that has no time daemon and
//! yet the right time, as a container has, is no finding.

use std::fmt::Display;

use tokio::time::timeout;

use super::{DEADLINE, Outcome};
use crate::host::time_sync;

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

#[cfg(test)]
mod tests {
    use super::*;

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
