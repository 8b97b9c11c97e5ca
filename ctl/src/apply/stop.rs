//! Whether a run is to end before its work is done.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How far a run may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// To its end.
    No,
    /// What is being called is finished; nothing begins, and nothing is waited for any more.
    Finish,
    /// No further than now.
    Now,
}

/// Follows Ctrl-C and SIGTERM: the first means [`Stop::Finish`], the second [`Stop::Now`]. From here on they no longer end
/// the process by themselves.
///
/// # Errors
/// The operating system does not let us listen.
pub fn of_signals() -> std::io::Result<watch::Receiver<Stop>> {
    let (sender, receiver) = watch::channel(Stop::No);
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for stop in [Stop::Finish, Stop::Now] {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
            if sender.send(stop).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
