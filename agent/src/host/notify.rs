//! What systemd is told: that the daemon is ready, that it is alive, that it stops.
//!
//! The protocol is one datagram of `KEY=value` lines: `sd_notify(3)`. Without `NOTIFY_SOCKET` nothing is said.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// The way to systemd, if there is one.
#[derive(Debug)]
pub struct Notifier {
    address: Option<SocketAddr>,
    /// systemd ends a service that is silent for longer.
    watchdog: Option<Duration>,
}

impl Notifier {
    /// Reads `NOTIFY_SOCKET` and `WATCHDOG_USEC` through `variable`.
    pub fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let address = variable("NOTIFY_SOCKET").and_then(|name| address(&name).ok());
        let microseconds = variable("WATCHDOG_USEC").and_then(|value| value.to_str()?.parse().ok());
        Self {
            address,
            watchdog: microseconds
                .filter(|time| *time > 0)
                .map(Duration::from_micros),
        }
    }

    /// The daemon has started.
    pub fn ready(&self) {
        self.tell("READY=1");
    }

    /// The daemon stops.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Tells for ever that the daemon is alive, as long as it is. Twice in each period, as `sd_watchdog_enabled(3)` asks.
    pub async fn keep_alive(&self, is_alive: impl Fn() -> bool) {
        let Some(period) = self.watchdog else {
            return std::future::pending().await;
        };
        let mut ticks = interval(period / 2);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if is_alive() {
                self.tell("WATCHDOG=1");
            }
        }
    }

    fn tell(&self, message: &str) {
        let Some(address) = &self.address else { return };
        let sent = UnixDatagram::unbound()
            .and_then(|socket| socket.send_to_addr(message.as_bytes(), address));
        if let Err(error) = sent {
            tracing::warn!(%error, message, "systemd is not told");
        }
    }
}

/// A path, or a name in the abstract name space after an `@`.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test(start_paused = true)]
    async fn systemd_hears_ready_and_life_until_the_daemon_hangs() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let notifier = Notifier::of_environment(|name| match name {
            "NOTIFY_SOCKET" => Some(path.clone().into()),
            _ => Some("20000000".into()),
        });
        notifier.ready();
        assert_eq!(received(&socket), "READY=1");
        drop(tokio::time::timeout(Duration::from_secs(15), notifier.keep_alive(|| true)).await);
        assert_eq!(
            (received(&socket), received(&socket)),
            ("WATCHDOG=1".into(), "WATCHDOG=1".into())
        );
        drop(tokio::time::timeout(Duration::from_mins(1), notifier.keep_alive(|| false)).await);
        assert!(socket.recv(&mut [0; 8]).is_err());
    }

    #[test]
    fn without_systemd_nothing_is_said() {
        let notifier = Notifier::of_environment(|_| None);
        notifier.ready();
        assert!(notifier.watchdog.is_none());
        assert!(
            address(OsStr::new("@abstract"))
                .unwrap()
                .as_abstract_name()
                .is_some()
        );
    }
}
