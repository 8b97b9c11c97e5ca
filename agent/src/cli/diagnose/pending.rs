//! What is still being looked at, said once it takes long.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use tokio::time::sleep;

use crate::cli::output;

/// A person who waits longer wants to know for what; and again, for what is left, after the second time.
const PATIENCE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(8)];

/// The names of what is going on.
#[derive(Debug, Default)]
pub(super) struct Pending(RefCell<Vec<&'static str>>);

impl Pending {
    /// Does something that goes on under this name.
    pub(super) async fn during<T>(&self, name: &'static str, work: impl Future<Output = T>) -> T {
        self.0.borrow_mut().push(name);
        let done = work.await;
        self.0.borrow_mut().retain(|other| *other != name);
        done
    }

    /// Does all of it, and says on standard error what it is that takes long.
    pub(super) async fn announce<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        for patience in PATIENCE {
            tokio::select! {
                done = &mut work => return done,
                () = sleep(patience) => output::block(&self.text()),
            }
        }
        work.await
    }

    fn text(&self) -> String {
        format!("looking at {} …", self.0.borrow().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_done_is_not_waited_for() {
        let pending = Pending::default();
        let short = pending.during("the daemon", sleep(Duration::from_secs(1)));
        let long = pending.during("the journal", sleep(Duration::from_secs(30)));
        let said = async {
            tokio::task::yield_now().await;
            let first = pending.text();
            sleep(Duration::from_secs(3)).await;
            (first, pending.text())
        };
        let ((), (), said) = pending
            .announce(async { tokio::join!(short, long, said) })
            .await;
        assert_eq!(
            said,
            (
                "looking at the daemon, the journal …".to_owned(),
                "looking at the journal …".to_owned()
            )
        );
    }
}
