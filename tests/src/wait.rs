//! Bounded, level-triggered waits: the condition itself is asked again and again, nothing is inferred from an event,
//! and the time-out tells what was seen last.

use std::time::{Duration, Instant};

use thiserror::Error;

/// What a condition says when it is asked.
#[derive(Debug)]
pub enum Poll<T> {
    /// It holds.
    Ready(T),
    /// Not yet; what was seen instead.
    Pending(String),
    /// It can never hold; why.
    Never(String),
}

/// The condition did not come to hold.
#[derive(Debug, Error)]
pub enum WaitError {
    /// The time is up.
    #[error("{what} not within {} s; last seen: {last}", deadline.as_secs())]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        deadline: Duration,
        /// What was seen instead.
        last: String,
    },
    /// Waiting longer would not help.
    #[error("{what} cannot happen any more: {why}")]
    Never {
        /// What was waited for.
        what: String,
        /// What makes it impossible.
        why: String,
    },
}

/// Asks every 100 ms until the condition holds, can never hold, or the time is up.
pub async fn until<T, F>(what: &str, deadline: Duration, mut condition: F) -> Result<T, WaitError>
where
    F: AsyncFnMut() -> Poll<T>,
{
    let began = Instant::now();
    loop {
        let last = match condition().await {
            Poll::Ready(value) => return Ok(value),
            Poll::Never(why) => {
                return Err(WaitError::Never {
                    what: what.to_owned(),
                    why,
                });
            }
            Poll::Pending(seen) => seen,
        };
        if began.elapsed() >= deadline {
            return Err(WaitError::TimedOut {
                what: what.to_owned(),
                deadline,
                last,
            });
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wait_ends_as_soon_as_the_condition_holds() {
        let mut asked = 0;
        let answer = until("three", Duration::from_secs(5), async || {
            asked += 1;
            if asked == 3 {
                Poll::Ready(asked)
            } else {
                Poll::Pending(asked.to_string())
            }
        })
        .await;
        assert_eq!(answer.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_time_out_tells_what_was_seen_last() {
        let answer: Result<(), _> = until("the sun", Duration::ZERO, async || {
            Poll::Pending("rain".to_owned())
        })
        .await;
        assert_eq!(
            answer.unwrap_err().to_string(),
            "the sun not within 0 s; last seen: rain"
        );
    }
}
