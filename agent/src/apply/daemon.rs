//! The run phase: containerd, then the kubelet, each restarted and seen to be active.

use std::time::Duration;

use tokio::time::{Instant, sleep};

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
    #[error("starting the daemons")]
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
    #[error("unit `{unit}` is not active after {} s: it is `{active}` (`{sub}`, last result `{result}`)", DEADLINE.as_secs())]
    NotActive {
        /// Name of the unit.
        unit: &'static str,
        /// `ActiveState`.
        active: String,
        /// `SubState`.
        sub: String,
        /// `Result`.
        result: String,
    },
}

/// Restarts the daemons in their order and waits for each.
pub async fn start_daemons(systemd: &impl Units, daemons: &[Daemon]) -> Result<(), Error> {
    for daemon in Daemon::ALL
        .into_iter()
        .filter(|daemon| daemons.contains(daemon))
    {
        let unit = daemon.unit();
        tracing::info!(unit, "restarting");
        // A daemon-reload is not needed: no unit file changes in the config phase.
        systemd
            .restart(unit)
            .await
            .map_err(|source| Error::Systemd { source })?;
        wait_until_started(systemd, daemon).await?;
    }
    Ok(())
}

async fn wait_until_started(systemd: &impl Units, daemon: Daemon) -> Result<(), Error> {
    let unit = daemon.unit();
    let end = Instant::now() + DEADLINE;
    loop {
        let state = systemd
            .unit(unit)
            .await
            .map_err(|source| Error::Systemd { source })?;
        if daemon.has_started(&state) {
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
                active,
                sub,
                result,
            });
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Units that become active a number of polls after their restart.
    #[derive(Default)]
    struct Fake {
        calls: Mutex<Vec<String>>,
        polls_until_active: usize,
        load: &'static str,
    }

    impl Units for Fake {
        async fn unit(&self, name: &str) -> Result<UnitState, systemd::Error> {
            let mut calls = self.calls.lock().unwrap();
            calls.push(format!("unit {name}"));
            let polls = calls
                .iter()
                .rev()
                .take_while(|call| call.starts_with("unit"))
                .count();
            let active = if polls > self.polls_until_active {
                "active"
            } else {
                "activating"
            };
            Ok(UnitState {
                load: self.load.into(),
                active: active.into(),
                sub: if self.load == "loaded" {
                    "auto-restart"
                } else {
                    "dead"
                }
                .into(),
                ..UnitState::default()
            })
        }
        async fn start(&self, _: &str) -> Result<(), systemd::Error> {
            unreachable!("the run phase restarts")
        }
        async fn restart(&self, name: &str) -> Result<(), systemd::Error> {
            self.calls.lock().unwrap().push(format!("restart {name}"));
            Ok(())
        }
        async fn enable(&self, _: &[&str]) -> Result<(), systemd::Error> {
            unreachable!("the run phase enables nothing")
        }
    }

    fn restarts(fake: &Fake) -> Vec<String> {
        fake.calls
            .lock()
            .unwrap()
            .iter()
            .filter(|call| call.starts_with("restart"))
            .cloned()
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn containerd_comes_before_the_kubelet_whatever_the_order_asked() {
        let fake = Fake {
            polls_until_active: 3,
            load: "loaded",
            ..Fake::default()
        };
        start_daemons(&fake, &[Daemon::Kubelet, Daemon::Containerd])
            .await
            .unwrap();
        assert_eq!(
            restarts(&fake),
            ["restart containerd.service", "restart kubelet.service"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_does_not_start_is_an_error_in_time() {
        let fake = Fake {
            polls_until_active: usize::MAX,
            load: "loaded",
            ..Fake::default()
        };
        let error = start_daemons(&fake, &Daemon::ALL).await.unwrap_err();
        assert!(
            error.to_string().starts_with(
                "unit `containerd.service` is not active after 60 s: it is `activating`"
            )
        );
        assert_eq!(restarts(&fake), ["restart containerd.service"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kubelet_that_keeps_dying_is_left_to_the_join_phase() {
        let fake = Fake {
            polls_until_active: usize::MAX,
            load: "loaded",
            ..Fake::default()
        };
        start_daemons(&fake, &[Daemon::Kubelet]).await.unwrap();
        assert_eq!(restarts(&fake), ["restart kubelet.service"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_is_not_installed_is_named() {
        let fake = Fake {
            polls_until_active: usize::MAX,
            load: "not-found",
            ..Fake::default()
        };
        let error = start_daemons(&fake, &[Daemon::Kubelet]).await.unwrap_err();
        assert_eq!(error.to_string(), "unit `kubelet.service` is not installed");
    }
}
