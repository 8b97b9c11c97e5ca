//! Whether somebody keeps the kernel's clock right, as the kernel itself has it (`STA_UNSYNC` of `adjtimex(2)`), over the
//! system's message bus.
//!
//! systemd-timedated answers, which the bus starts for the question:
//! <https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.timedate1.html>. Any daemon will do, chronyd
//! too: it is the kernel's flag.

#[zbus::proxy(
    interface = "org.freedesktop.timedate1",
    default_service = "org.freedesktop.timedate1",
    default_path = "/org/freedesktop/timedate1"
)]
trait TimeDate {
    #[zbus(property(emits_changed_signal = "false"), name = "NTPSynchronized")]
    fn ntp_synchronized(&self) -> zbus::Result<bool>;
}

/// Whether the clock is kept right.
pub async fn is_synchronized() -> zbus::Result<bool> {
    let connection = zbus::Connection::system().await?;
    let time = TimeDateProxy::builder(&connection)
        .cache_properties(zbus::proxy::CacheProperties::No)
        .build()
        .await?;
    time.ntp_synchronized().await
}
