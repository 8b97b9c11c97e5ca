//! How often something may happen: some times at once, then once in a while.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket of tokens, full at first.
#[derive(Debug)]
pub(super) struct Bucket {
    size: u32,
    period: Duration,
    left: u32,
    filled: Instant,
}

impl Bucket {
    /// So many at once, and one more after each period.
    pub(super) fn new(size: u32, period: Duration) -> Self {
        Self {
            size,
            period,
            left: size,
            filled: Instant::now(),
        }
    }

    /// Whether it may happen now.
    pub(super) fn take(&mut self) -> bool {
        let periods = self.filled.elapsed().as_nanos() / self.period.as_nanos().max(1);
        let periods = u32::try_from(periods).unwrap_or(u32::MAX);
        if self.left.saturating_add(periods) >= self.size {
            self.left = self.size;
            self.filled = Instant::now();
        } else {
            self.left += periods;
            self.filled += self.period * periods;
        }
        let may = self.left > 0;
        self.left = self.left.saturating_sub(1);
        may
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_happens_too_often_is_told_until_time_has_passed() {
        let mut bucket = Bucket::new(2, Duration::from_secs(10));
        assert_eq!([(); 3].map(|()| bucket.take()), [true, true, false]);
        advance(Duration::from_secs(9)).await;
        assert!(!bucket.take());
        advance(Duration::from_secs(1)).await;
        assert_eq!([(); 2].map(|()| bucket.take()), [true, false]);
        advance(Duration::from_hours(1)).await;
        assert_eq!([(); 3].map(|()| bucket.take()), [true, true, false]);
    }
}
