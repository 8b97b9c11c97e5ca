//! What is being waited for, told on the console and in the journal at growing intervals.
//!
//! A wait that is over within some seconds says nothing. Whoever retries notes the reason; whoever waits says what for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use node::console;
use tokio::time::{Instant, sleep};

use super::console as device;
use super::root::Root;

/// When the first words come …
const WORDS: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_mins(1),
];
/// … and how far off the one after these is; each later one comes after twice the time of the one before.
const LATER: Duration = Duration::from_mins(2);
/// How often it is looked whether a word is due.
const PERIOD: Duration = Duration::from_secs(1);
/// The console keeps the last 64 KiB: so much of it at most is spent on waiting.
const CONSOLE_BYTES: usize = 8 * 1024;

/// Tells on the console what is being waited for. Clones speak of the same wait.
#[derive(Debug, Clone)]
pub struct Waiting(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Where the console is; none: nobody is told.
    root: Option<Root>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What is waited for now; empty: nothing.
    what: String,
    since: Instant,
    /// Words that were said of this wait.
    told: usize,
    /// Why it is not over, as the last try said.
    reason: String,
    /// Bytes that may still be written to the console.
    left: usize,
}

impl Default for Waiting {
    /// Tells nobody.
    fn default() -> Self {
        Self::new(None)
    }
}

impl Waiting {
    /// Tells on the console of this machine.
    pub fn on_console(root: &Root) -> Self {
        Self::new(Some(root.clone()))
    }

    fn new(root: Option<Root>) -> Self {
        Self(Arc::new(Shared {
            root,
            state: Mutex::new(State {
                what: String::new(),
                since: Instant::now(),
                told: 0,
                reason: String::new(),
                left: CONSOLE_BYTES,
            }),
        }))
    }

    /// Notes why the wait is not over yet. Said with the next word.
    pub fn note(&self, reason: impl Into<String>) {
        self.state().reason = reason.into();
    }

    /// It is still waited for this. Says so when a word is due; to be called every second or so.
    pub fn still(&self, what: &str) {
        if let Some(line) = self.state().word(what) {
            tracing::info!("{}", line.strip_prefix("nodeagent: ").unwrap_or(&line));
            if let Some(root) = &self.0.root
                && let Err(error) = device::write(root, std::slice::from_ref(&line))
            {
                tracing::debug!(%error, "the console takes nothing");
            }
        }
    }

    /// Waits for the end of `work` and says meanwhile that it is waited for `what`.
    pub fn during<T>(&self, what: &str, work: impl Future<Output = T>) -> impl Future<Output = T> {
        // What is waited for is large, and the future of whoever waits would hold it.
        let mut work = Box::pin(work);
        async move {
            loop {
                tokio::select! {
                    biased;
                    done = &mut work => {
                        self.state().begin("");
                        return done;
                    }
                    () = sleep(PERIOD) => self.still(what),
                }
            }
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, what: &str) {
        what.clone_into(&mut self.what);
        self.since = Instant::now();
        self.told = 0;
        self.reason.clear();
    }

    /// The line that is due, if one is.
    fn word(&mut self, what: &str) -> Option<String> {
        if self.what != what {
            // The first look comes one period after the beginning.
            let reason = std::mem::take(&mut self.reason);
            let was_nothing = self.what.is_empty();
            self.begin(what);
            if was_nothing {
                self.reason = reason;
            }
        }
        let elapsed = self.since.elapsed();
        if elapsed < due(self.told) {
            return None;
        }
        self.told += 1;
        let reason = if self.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", self.reason)
        };
        let line = console::line(&format!(
            "waiting for {what}, {} s so far{reason}",
            elapsed.as_secs()
        ));
        // Two line ends stand around it.
        self.left = self.left.checked_sub(line.len() + 4)?;
        Some(line)
    }
}

/// How long after the beginning of a wait the next word comes, when so many were said.
fn due(told: usize) -> Duration {
    let [.., last] = WORDS;
    WORDS.get(told).copied().unwrap_or_else(|| {
        let doublings = u32::try_from(told - WORDS.len() + 1).unwrap_or(u32::MAX);
        let gaps = 2_u32.saturating_pow(doublings).saturating_sub(1);
        last.saturating_add(LATER.saturating_mul(gaps))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine with a console that can be read back.
    fn machine() -> (tempfile::TempDir, Waiting) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("dev")).unwrap();
        std::fs::write(directory.path().join("dev/console"), "").unwrap();
        let waiting = Waiting::on_console(&Root::new(directory.path()));
        (directory, waiting)
    }

    fn said(directory: &tempfile::TempDir) -> Vec<String> {
        std::fs::read_to_string(directory.path().join("dev/console"))
            .unwrap()
            .split("\r\n")
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_wait_says_nothing() {
        let (directory, waiting) = machine();
        waiting
            .during("a unit", sleep(Duration::from_secs(4)))
            .await;
        waiting
            .during("a unit", sleep(Duration::from_secs(4)))
            .await;
        assert_eq!(said(&directory), Vec::<String>::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_says_what_for_and_why_ever_more_rarely() {
        let (directory, waiting) = machine();
        let work = async {
            sleep(Duration::from_secs(7)).await;
            waiting.note("HTTP 503 from http://me:pw@10.0.0.1");
            sleep(Duration::from_secs(500)).await;
        };
        waiting.during("IMDS", work).await;
        let reason = "HTTP 503 from http://[redacted]@10.0.0.1";
        let seconds: Vec<String> = said(&directory)
            .iter()
            .map(|line| line.replace(reason, "why"))
            .collect();
        assert_eq!(
            seconds,
            [
                "nodeagent: waiting for IMDS, 5 s so far",
                "nodeagent: waiting for IMDS, 15 s so far: why",
                "nodeagent: waiting for IMDS, 30 s so far: why",
                "nodeagent: waiting for IMDS, 60 s so far: why",
                "nodeagent: waiting for IMDS, 180 s so far: why",
                "nodeagent: waiting for IMDS, 420 s so far: why",
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_waited_for_next_counts_from_its_own_beginning() {
        let (directory, waiting) = machine();
        for second in 0..20 {
            waiting.still(if second < 10 { "the Node" } else { "Ready" });
            sleep(PERIOD).await;
        }
        assert_eq!(
            said(&directory),
            [
                "nodeagent: waiting for the Node, 5 s so far",
                "nodeagent: waiting for Ready, 5 s so far"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_console_is_not_flooded_whatever_happens() {
        let (directory, waiting) = machine();
        for wait in 0..1000 {
            waiting.note("x".repeat(500));
            let what = format!("{wait} {}", "y".repeat(500));
            waiting.during(&what, sleep(Duration::from_secs(70))).await;
        }
        let bytes = std::fs::metadata(directory.path().join("dev/console"))
            .unwrap()
            .len();
        assert!(bytes <= 8 * 1024 && bytes > 7 * 1024, "{bytes}");
        assert!(
            said(&directory)
                .iter()
                .all(|line| line.len() <= console::LINE_BYTES)
        );
    }
}
