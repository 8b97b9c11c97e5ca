//! When the machine booted and when its units became active, as systemd noted it.
//!
//! All on the clock that is never set (`CLOCK_MONOTONIC`), which counts from the start of the kernel: the clock of the
//! day is often set in the middle of a boot.

use std::time::Duration;

use zbus::OwnedObjectPath;
use zbus::proxy::CacheProperties::No;

use super::{Error, Systemd, bounded};

/// When the machine itself came up. What systemd does not know is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BootTimes {
    /// Whether the kernel was started for this systemd: not so in a container.
    pub has_kernel: bool,
    /// Start of the initrd.
    pub initrd: Option<Duration>,
    /// Start of PID 1.
    pub userspace: Option<Duration>,
    /// The same by the clock of the day, in microseconds since 1970.
    pub userspace_at: u64,
    /// When everything that is wanted at boot was started.
    pub finish: Option<Duration>,
}

/// When a unit was started last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitTimes {
    /// When it left the state `inactive`: its start.
    pub started: Option<Duration>,
    /// When it became active: for a oneshot unit the end of its work.
    pub active: Option<Duration>,
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait ManagerTimes {
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn kernel_timestamp(&self) -> zbus::Result<u64>;
    #[zbus(
        property(emits_changed_signal = "false"),
        name = "InitRDTimestampMonotonic"
    )]
    fn initrd_timestamp_monotonic(&self) -> zbus::Result<u64>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn userspace_timestamp(&self) -> zbus::Result<u64>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn userspace_timestamp_monotonic(&self) -> zbus::Result<u64>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn finish_timestamp_monotonic(&self) -> zbus::Result<u64>;
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Unit",
    default_service = "org.freedesktop.systemd1"
)]
trait UnitTimestamps {
    #[zbus(property(emits_changed_signal = "false"))]
    fn inactive_exit_timestamp_monotonic(&self) -> zbus::Result<u64>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_enter_timestamp_monotonic(&self) -> zbus::Result<u64>;
}

impl Systemd {
    /// When the machine came up.
    pub async fn boot_times(&self) -> Result<BootTimes, Error> {
        bounded("asking for", "the times of the boot", async {
            let manager = self.manager_times().await?;
            Ok(BootTimes {
                has_kernel: manager.kernel_timestamp().await? != 0,
                initrd: known(manager.initrd_timestamp_monotonic().await?),
                userspace: known(manager.userspace_timestamp_monotonic().await?),
                userspace_at: manager.userspace_timestamp().await?,
                finish: known(manager.finish_timestamp_monotonic().await?),
            })
        })
        .await
    }

    /// When a unit was started last; nothing is known of one that does not exist or was never started.
    pub async fn unit_times(&self, name: &str) -> Result<UnitTimes, Error> {
        bounded("asking for", name, async {
            let path = self.manager_times().await?.load_unit(name).await?;
            let unit = UnitTimestampsProxy::builder(&self.connection)
                .path(&path)
                .cache_properties(No)
                .build()
                .await?;
            Ok(UnitTimes {
                started: known(unit.inactive_exit_timestamp_monotonic().await?),
                active: known(unit.active_enter_timestamp_monotonic().await?),
            })
        })
        .await
    }

    async fn manager_times(&self) -> zbus::Result<ManagerTimesProxy<'_>> {
        ManagerTimesProxy::builder(&self.connection)
            .cache_properties(No)
            .build()
            .await
    }
}

/// systemd says 0 for what has not happened.
fn known(microseconds: u64) -> Option<Duration> {
    (microseconds != 0).then(|| Duration::from_micros(microseconds))
}
