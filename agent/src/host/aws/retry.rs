//! Tries again, or not: full jitter, one deadline around everything, and a word on the log for each wait.
//!
//! Source of the formula: <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>.

use std::time::Duration;

use node::chain::Chain;
use tokio::time::{Instant, sleep, timeout};

use super::Error;
use super::outcome::Failure;

/// What may be spent on one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Time for all tries and the waits between them.
    pub deadline: Duration,
    /// Tries; `AWS_MAX_ATTEMPTS`.
    pub attempts: u32,
}

/// How a call ended that did not succeed.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) last: Failure,
    pub(super) attempts: u32,
    pub(super) elapsed: Duration,
}

impl Ended {
    /// The same for a caller.
    pub(super) fn into_error(self, action: String, endpoint: &str, role: &str) -> Error {
        match self.last {
            source @ Failure::Denied { .. } => Error::Denied {
                role: role.to_owned(),
                action,
                source,
            },
            source => Error::Failed {
                action,
                endpoint: endpoint.to_owned(),
                attempts: self.attempts,
                seconds: self.elapsed.as_secs(),
                source,
            },
        }
    }
}

/// Calls until it works, or the failure is final, or the budget is spent. `fraction` gives numbers from 0 to 1.
pub(super) async fn run<T>(
    action: &str,
    budget: Budget,
    fraction: impl Fn() -> f64,
    mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
) -> Result<T, Ended> {
    let mut tries = Tries::new(action, budget);
    loop {
        let last = match timeout(tries.left(), attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(_) => tries.too_late(),
        };
        tries.again(last, fraction()).await?;
    }
}

/// The tries of one call.
#[derive(Debug)]
pub(super) struct Tries<'a> {
    action: &'a str,
    budget: Budget,
    start: Instant,
    /// Tries that have failed.
    attempts: u32,
}

impl<'a> Tries<'a> {
    pub(super) fn new(action: &'a str, budget: Budget) -> Self {
        Self {
            action,
            budget,
            start: Instant::now(),
            attempts: 0,
        }
    }

    /// Time that is left for a try.
    pub(super) fn left(&self) -> Duration {
        self.budget.deadline.saturating_sub(self.start.elapsed())
    }

    /// What a try has ended in for which no time was left.
    pub(super) fn too_late(&self) -> Failure {
        let seconds = self.budget.deadline.as_secs();
        Failure::Unreachable {
            kind: crate::host::connect::Kind::Timeout,
            reason: format!("no answer within what was left of {seconds} s"),
        }
    }

    /// Waits until it is time for another try; or it ends, since none would help or the budget is spent.
    pub(super) async fn again(&mut self, last: Failure, fraction: f64) -> Result<(), Ended> {
        self.attempts += 1;
        let (attempts, elapsed) = (self.attempts, self.start.elapsed());
        let patience = last.patience().map(|time| time.min(self.budget.deadline));
        let pause = pause(&last, attempts, fraction);
        let is_worth_it = patience.is_some_and(|patience| elapsed + pause < patience);
        if !is_worth_it || attempts >= self.budget.attempts {
            return Err(Ended {
                last,
                attempts,
                elapsed,
            });
        }
        tracing::warn!(
            attempt = attempts,
            "{}: {}; trying again in {:.1} s, for at most {} s more",
            self.action,
            node::redact::text(&Chain(&last).to_string()),
            pause.as_secs_f64(),
            patience
                .unwrap_or_default()
                .saturating_sub(elapsed)
                .as_secs(),
        );
        sleep(pause).await;
        Ok(())
    }
}

/// The wait after this many tries: anything up to a bound that doubles, but not less than EC2 asked for.
fn pause(failure: &Failure, attempts: u32, fraction: f64) -> Duration {
    let (first, longest) = match failure {
        // Others are throttled too: only waits that differ widely help all of them.
        Failure::Throttled { .. } => (Duration::from_secs(2), Duration::from_secs(20)),
        // Usually a matter of a second or two, and nobody else is in the way.
        Failure::NotFoundYet { .. } | Failure::NoCredentials { .. } => {
            return Duration::from_secs(1) + Duration::from_millis(500).mul_f64(fraction);
        }
        _ => (Duration::from_secs(1), Duration::from_secs(10)),
    };
    let doubled = first.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1)));
    let jittered = doubled.min(longest).mul_f64(fraction);
    jittered.max(failure.retry_after().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::connect::Kind;

    const BUDGET: Budget = Budget {
        deadline: Duration::from_secs(200),
        attempts: 30,
    };

    fn throttled(retry_after: Option<u64>) -> Failure {
        Failure::Throttled {
            code: "RequestLimitExceeded".to_owned(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn silent() -> Failure {
        Failure::Unreachable {
            kind: Kind::Timeout,
            reason: "nothing".to_owned(),
        }
    }

    /// Fails as told, then works; the tries and the time that it took.
    async fn after(budget: Budget, failures: Vec<Failure>) -> (Result<u32, Ended>, Duration) {
        let start = Instant::now();
        let mut failures = failures.into_iter();
        let mut tries = 0;
        let result = run(
            "ec2:DescribeInstances",
            budget,
            || 1.0,
            async || {
                tries += 1;
                failures.next().map_or(Ok(tries), Err)
            },
        )
        .await;
        (result, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn waits_double_up_to_a_bound() {
        let (result, elapsed) = after(BUDGET, (0..6).map(|_| throttled(None)).collect()).await;
        assert_eq!(result.unwrap(), 7);
        assert_eq!(elapsed, Duration::from_secs(2 + 4 + 8 + 16 + 20 + 20));
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_is_not_shorter_than_the_other_side_asks_for() {
        let (_, elapsed) = after(BUDGET, vec![throttled(Some(30))]).await;
        assert_eq!(elapsed, Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn an_instance_that_is_not_known_yet_is_asked_for_every_second_or_so() {
        let missing = || Failure::NotFoundYet {
            what: "not there".to_owned(),
        };
        let (result, elapsed) = after(BUDGET, (0..3).map(|_| missing()).collect()).await;
        assert_eq!(result.unwrap(), 4);
        assert_eq!(elapsed, Duration::from_millis(4500));
        let (result, elapsed) = after(BUDGET, (0..1000).map(|_| missing()).collect()).await;
        assert!(matches!(
            result.unwrap_err().last,
            Failure::NotFoundYet { .. }
        ));
        assert!(elapsed <= Duration::from_mins(2) && elapsed > Duration::from_secs(40));
    }

    #[tokio::test(start_paused = true)]
    async fn a_denial_ends_it_at_once() {
        let denied = Failure::Denied {
            message: "no".to_owned(),
        };
        let (result, elapsed) = after(BUDGET, vec![denied]).await;
        assert_eq!(result.unwrap_err().attempts, 1);
        assert_eq!(elapsed, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_deadline_holds_whatever_happens() {
        let failures = (0..1000).map(|_| throttled(None)).collect();
        let (result, elapsed) = after(BUDGET, failures).await;
        assert!(matches!(
            result.unwrap_err().last,
            Failure::Throttled { .. }
        ));
        assert!(
            elapsed <= BUDGET.deadline && elapsed > Duration::from_secs(150),
            "{elapsed:?}"
        );

        let start = Instant::now();
        let hanging = run(
            "ec2:DescribeInstances",
            BUDGET,
            || 1.0,
            async || std::future::pending::<Result<(), Failure>>().await,
        );
        assert_eq!(hanging.await.unwrap_err().attempts, 1);
        assert_eq!(start.elapsed(), BUDGET.deadline);
    }

    #[tokio::test(start_paused = true)]
    async fn the_number_of_tries_is_capped() {
        let budget = Budget {
            attempts: 3,
            ..BUDGET
        };
        let (result, _) = after(budget, (0..9).map(|_| silent()).collect()).await;
        assert_eq!(result.unwrap_err().attempts, 3);
    }
}
