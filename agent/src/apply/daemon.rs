//! The daemons of a node: each restarted and seen to be active.

use std::time::Duration;

use jiff::Timestamp;
use node::finding::{self, Finding};
use node::rank;
use node::rule::Engine;
use node::wire::Severity;
use tokio::time::{Instant, sleep};

use crate::host::journal::{Entry, Recent};
use crate::host::path;
use crate::host::systemd::{self, UnitState, Units};

/// A daemon that is ready later than this after its restart has failed.
const DEADLINE: Duration = Duration::from_mins(1);
const POLL: Duration = Duration::from_millis(100);
/// How often the journal of a daemon that dies is read.
const LOOK: Duration = Duration::from_secs(1);
/// Lines of a daemon that explain its failure when no rule does.
const LAST_WORDS: usize = 2;

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

    /// Its name, which nodeadm's command line and the boot report know it by.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Containerd => "containerd",
            Self::Kubelet => "kubelet",
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
    /// Somebody has forbidden the start of the unit.
    #[error("unit `{unit}` is masked")]
    Masked {
        /// Name of the unit.
        unit: &'static str,
    },
    /// The unit dies, of something that another start would meet again.
    #[error("unit `{unit}` does not start")]
    Dies {
        /// Name of the unit.
        unit: &'static str,
        /// What its journal means.
        finding: &'static Finding,
        /// The lines that say so.
        evidence: Vec<String>,
    },
    /// The unit did not become active.
    #[error("unit `{unit}` is not active after {} s: it is `{}` (`{}`, last result `{}`)", deadline.as_secs(), state.active, state.sub, state.result)]
    NotActive {
        /// Name of the unit.
        unit: &'static str,
        /// The time that it had.
        deadline: Duration,
        /// What it was then.
        state: Box<UnitState>,
        /// What the unit wrote last.
        last_words: Vec<String>,
    },
}

impl Error {
    /// What a person is told that this is.
    pub fn finding(&self) -> &'static Finding {
        match self {
            Self::NotInstalled { unit } | Self::Masked { unit } if is_kubelet(unit) => {
                &finding::BOOTSTRAP_KUBELET_MISSING
            }
            Self::NotInstalled { unit } | Self::Masked { unit } if is_containerd(unit) => {
                &finding::RUNTIME_NOT_INSTALLED
            }
            Self::Systemd { .. } | Self::NotInstalled { .. } | Self::Masked { .. } => {
                &finding::BOOTSTRAP_UNIT_FAILED
            }
            Self::Dies { finding, .. } => finding,
            Self::NotActive { unit, state, .. } if is_containerd(unit) => {
                if state.restarts > 0 {
                    &finding::RUNTIME_RESTARTING
                } else {
                    &finding::RUNTIME_NOT_READY
                }
            }
            Self::NotActive { unit, .. } if is_kubelet(unit) => &finding::KUBELET_CRASH_LOOP,
            Self::NotActive { .. } => &finding::BOOTSTRAP_UNIT_FAILED,
        }
    }

    /// The unit's own words about it, oldest first.
    pub fn evidence(&self) -> &[String] {
        match self {
            Self::Dies { evidence, .. } => evidence,
            Self::NotActive { last_words, .. } => last_words,
            Self::Systemd { .. } | Self::NotInstalled { .. } | Self::Masked { .. } => &[],
        }
    }
}

fn is_containerd(unit: &str) -> bool {
    unit == Daemon::Containerd.unit()
}

fn is_kubelet(unit: &str) -> bool {
    unit == Daemon::Kubelet.unit()
}

/// Restarts a daemon and waits for it, no longer than its journal leaves hope.
pub(super) async fn start(
    systemd: &impl Units,
    journal: &impl Recent,
    daemon: Daemon,
) -> Result<(), Error> {
    let unit = daemon.unit();
    let began = Timestamp::now();
    restart(systemd, unit).await?;
    let dying = async {
        loop {
            sleep(LOOK).await;
            let state = systemd.unit(unit).await;
            if state.is_ok_and(|state| is_dying(&state))
                && let Some(error) = diagnosis(unit, &journal.since(unit, began).await)
            {
                return error;
            }
        }
    };
    let waiting = wait_until(systemd, unit, DEADLINE, |state| daemon.has_started(state));
    let mut error = tokio::select! {
        waited = waiting => match waited {
            Ok(()) => return Ok(()),
            Err(error) => error,
        },
        error = dying => return Err(error),
    };
    if let Error::NotActive { last_words, .. } = &mut error {
        *last_words = own_last_words(&journal.since(unit, began).await);
    }
    Err(error)
}

/// Queues the restart of a unit.
pub(super) async fn restart(systemd: &impl Units, unit: &'static str) -> Result<(), Error> {
    tracing::info!(unit, "restarting");
    let Err(source) = systemd.restart(unit).await else {
        return Ok(());
    };
    // What systemd refuses is told from what it cannot do by the state of the unit: its answer has but words.
    Err(match systemd.unit(unit).await {
        Ok(state) if !state.is_installed() => Error::NotInstalled { unit },
        Ok(state) if state.is_masked() => Error::Masked { unit },
        _ => Error::Systemd { source },
    })
}

fn is_dying(state: &UnitState) -> bool {
    state.active == "failed" || state.sub == "auto-restart"
}

/// What the journal of a unit says that keeps it from ever starting.
fn diagnosis(unit: &'static str, entries: &[Entry]) -> Option<Error> {
    let mut engine = Engine::new();
    for entry in entries {
        engine.record(&entry.record());
    }
    let open = engine.open();
    let root = rank::root(&open)?;
    let finding = finding::by_code(&root.code)?;
    // That it dies again and again is known; what matters is why.
    let says_why = finding.code != finding::RUNTIME_RESTARTING.code;
    (says_why && finding.severity == Severity::Fatal).then(|| Error::Dies {
        unit,
        finding,
        evidence: root.evidence.clone(),
    })
}

fn own_last_words(entries: &[Entry]) -> Vec<String> {
    let own = entries
        .iter()
        .filter(|entry| entry.identifier != "systemd")
        .map(|entry| entry.message.clone());
    let own: Vec<String> = own.collect();
    own.into_iter().rev().take(LAST_WORDS).rev().collect()
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
            return Err(Error::NotActive {
                unit,
                deadline,
                state: Box::new(state),
                last_words: Vec::new(),
            });
        }
        sleep(POLL).await;
    }
}
