//! The daemons of a node: each restarted and seen to be active.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::host::path;
use crate::host::systemd::{self, UnitState, Units};

/// A daemon that is ready later than this after its restart has failed.
const DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);

/// A daemon that a node needs, in nodeadm's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Daemon {
    /// The container runtime.
    Containerd,
    /// The node agent of Kubernetes.
    Kubelet,
}

impl Daemon {
    /// All daemons, in the order in which they start.
    pub const ALL: [Self; 2] = [Self::Containerd, Self::Kubelet];

    /// The daemon that a file is for; `None` when it is the machine's. So a run for one daemon leaves the other's files.
    pub(super) fn owner(path: &str) -> Option<Self> {
        const KUBELET: [&str; 4] = [
            "/etc/eks/image-credential-provider/",
            "/etc/eks/kubelet/",
            "/etc/kubernetes/",
            "/var/lib/kubelet/",
        ];
        const CONTAINERD: [&str; 2] = ["/etc/containerd/", "/etc/soci-snapshotter-grpc/"];
        let is_below = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
        if is_below(&CONTAINERD) || path == path::SOCI_UNIT_DROP_IN {
            Some(Self::Containerd)
        } else if is_below(&KUBELET) || path == path::HOSTS {
            Some(Self::Kubelet)
        } else {
            None
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Containerd => "containerd.service",
            Self::Kubelet => "kubelet.service",
        }
    }
}

impl Daemon {
    /// Whether the phase may go on. A kubelet that systemd starts again and again was started: why it does not stay is for
    /// the join phase to say. Without containerd there is nothing to go on with.
    fn has_started(self, state: &UnitState) -> bool {
        state.is_active() || (self == Self::Kubelet && state.sub == "auto-restart")
    }
}

/// Why a daemon does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// systemd did not do what it was asked.
    #[error("controlling the units")]
    Systemd {
        /// What systemd says.
        #[source]
        source: systemd::Error,
    },
    /// There is no such unit.
    #[error("unit `{unit}` is not installed")]
    NotInstalled {
        /// Name of the unit.
        unit: &'static str,
    },
    /// The unit did not become active.
    #[error("unit `{unit}` is not active after {} s: it is `{active}` (`{sub}`, last result `{result}`)", deadline.as_secs())]
    NotActive {
        /// Name of the unit.
        unit: &'static str,
        /// The time that it had.
        deadline: Duration,
        /// `ActiveState`.
        active: String,
        /// `SubState`.
        sub: String,
        /// `Result`.
        result: String,
    },
}

/// Restarts a daemon and waits for it.
pub(super) async fn start(systemd: &impl Units, daemon: Daemon) -> Result<(), Error> {
    let unit = daemon.unit();
    tracing::info!(unit, "restarting");
    systemd
        .restart(unit)
        .await
        .map_err(|source| Error::Systemd { source })?;
    wait_until(systemd, unit, DEADLINE, |state| daemon.has_started(state)).await
}

/// Waits until a unit is as it should be.
pub(super) async fn wait_until(
    systemd: &impl Units,
    unit: &'static str,
    deadline: Duration,
    is_reached: impl Fn(&UnitState) -> bool,
) -> Result<(), Error> {
    let end = Instant::now() + deadline;
    loop {
        let state = systemd
            .unit(unit)
            .await
            .map_err(|source| Error::Systemd { source })?;
        if is_reached(&state) {
            return Ok(());
        }
        if !state.is_installed() {
            return Err(Error::NotInstalled { unit });
        }
        if Instant::now() >= end {
            let UnitState {
                active,
                sub,
                result,
                ..
            } = state;
            return Err(Error::NotActive {
                unit,
                deadline,
                active,
                sub,
                result,
            });
        }
        sleep(POLL).await;
    }
}
