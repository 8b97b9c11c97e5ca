//! systemd over the system's message bus.
//!
//! systemd's private socket would need no bus, but its messages carry the sender `org.freedesktop.systemd1`, which zbus
//! refuses since a sender must be a unique name.
//! Interface: <https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.systemd1.html>.

mod timestamps;

use std::path::PathBuf;
use std::time::Duration;

use zbus::OwnedObjectPath;

pub use timestamps::{BootTimes, UnitTimes};

/// systemd answers a property or queues a job at once, or not at all.
const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// State of a unit, in systemd's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitState {
    /// `LoadState`: `loaded`, `not-found`, `masked`, …
    pub load: String,
    /// `ActiveState`: `active`, `activating`, `failed`, …
    pub active: String,
    /// `SubState`: `running`, `auto-restart`, …
    pub sub: String,
    /// `Result` of the service's last run: `success`, `exit-code`, …
    pub result: String,
    /// `NRestarts`: automatic restarts since it was last started by hand.
    pub restarts: u32,
    /// `MainPID`; 0 when there is none.
    pub main_pid: u32,
}

impl UnitState {
    /// Whether the unit does its work now.
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Whether there is such a unit.
    pub fn is_installed(&self) -> bool {
        self.load != "not-found"
    }

    /// Whether somebody has forbidden its start.
    pub fn is_masked(&self) -> bool {
        self.load == "masked"
    }
}

/// Why systemd did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bus does not answer.
    #[error("connecting to the system bus (is systemd PID 1, and does `dbus.service` run?)")]
    Connect {
        /// What the connection says.
        #[source]
        source: zbus::Error,
    },
    /// A call was refused.
    #[error("{operation} `{unit}`")]
    Call {
        /// What was being done: `starting`, `restarting`, `enabling`, `asking for`.
        operation: &'static str,
        /// The unit.
        unit: String,
        /// What systemd says.
        #[source]
        source: zbus::Error,
    },
    /// No answer in time.
    #[error("{operation} `{unit}`: systemd did not answer within {} s", CALL_DEADLINE.as_secs())]
    Deadline {
        /// What was being done.
        operation: &'static str,
        /// The unit.
        unit: String,
    },
}

/// What the agent does with units. [`Systemd`] is the real one.
pub trait Units {
    /// State of a unit; a unit that does not exist has [`UnitState::load`] `not-found`.
    fn unit(&self, name: &str) -> impl Future<Output = Result<UnitState, Error>> + Send;
    /// Queues the start of a unit.
    fn start(&self, name: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Queues the restart of a unit.
    fn restart(&self, name: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Enables units from the next boot on. Unlike `systemctl enable` it does not make systemd read all units again, which
    /// takes a tenth of a second in the midst of a boot and which the start of a unit does not need.
    fn enable(&self, names: &[&str]) -> impl Future<Output = Result<(), Error>> + Send;
    /// Makes systemd read its configuration and its units again, as `systemctl daemon-reload` does.
    fn reload(&self) -> impl Future<Output = Result<(), Error>> + Send;
}

/// What the watch looks at again and again. [`Systemd`] is the real one.
pub trait UnitStates {
    /// States and restart counters of units, in this order; what else is known of a unit is left out.
    fn states(&self, names: &[&str]) -> impl Future<Output = Result<Vec<UnitState>, Error>> + Send;
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn load_unit(&self, name: &str) -> zbus::Result<OwnedObjectPath>;
    fn list_units_by_names(&self, names: &[&str]) -> zbus::Result<Vec<Listed>>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn restart_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reload(&self) -> zbus::Result<()>;
    fn enable_unit_files(
        &self,
        files: &[&str],
        runtime: bool,
        force: bool,
    ) -> zbus::Result<(bool, Vec<(String, String, String)>)>;
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Unit",
    default_service = "org.freedesktop.systemd1"
)]
trait Unit {
    #[zbus(property(emits_changed_signal = "false"))]
    fn load_state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn active_state(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn sub_state(&self) -> zbus::Result<String>;
}

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Service",
    default_service = "org.freedesktop.systemd1"
)]
trait Service {
    #[zbus(property(emits_changed_signal = "false"))]
    fn result(&self) -> zbus::Result<String>;
    #[zbus(property(emits_changed_signal = "false"), name = "NRestarts")]
    fn n_restarts(&self) -> zbus::Result<u32>;
    #[zbus(property(emits_changed_signal = "false"), name = "MainPID")]
    fn main_pid(&self) -> zbus::Result<u32>;
    #[zbus(property(emits_changed_signal = "false"))]
    fn exec_start(&self) -> zbus::Result<Vec<Execution>>;
}

/// A unit in a list: its name, description, `LoadState`, `ActiveState`, `SubState`, the unit that it follows, its object,
/// and number, type and object of the job that is queued for it.
type Listed = (
    String,
    String,
    String,
    String,
    String,
    String,
    OwnedObjectPath,
    u32,
    String,
    OwnedObjectPath,
);

/// One line of `ExecStart=`: the program, its arguments, whether its failure is ignored, and four times, process and
/// status of its last run.
type Execution = (String, Vec<String>, bool, u64, u64, u64, u64, u32, i32, i32);

/// A connection to the machine's systemd.
#[derive(Debug, Clone)]
pub struct Systemd {
    connection: zbus::Connection,
}

impl Systemd {
    /// Connects to the system bus.
    pub async fn connect() -> Result<Self, Error> {
        let connection = zbus::Connection::system()
            .await
            .map_err(|source| Error::Connect { source })?;
        Ok(Self { connection })
    }

    /// The program that a service starts; none: it starts nothing, or is not installed.
    pub async fn program(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let asking = async {
            let path = self.manager().await?.load_unit(name).await?;
            self.service(&path).await?.exec_start().await
        };
        let executions = bounded("asking for the program of", name, asking).await?;
        Ok(executions.into_iter().next().map(|(path, ..)| path.into()))
    }

    async fn manager(&self) -> zbus::Result<ManagerProxy<'_>> {
        ManagerProxy::builder(&self.connection)
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }

    async fn service(&self, path: &OwnedObjectPath) -> zbus::Result<ServiceProxy<'_>> {
        ServiceProxy::builder(&self.connection)
            .path(path.clone())
            .cache_properties(zbus::proxy::CacheProperties::No)
            .build()
            .await
    }

    /// One call for all, since it is made again and again, and one for each counter.
    async fn list(&self, names: &[&str]) -> zbus::Result<Vec<UnitState>> {
        let listed = self.manager().await?.list_units_by_names(names).await?;
        let mut states = Vec::with_capacity(names.len());
        for name in names {
            // A unit of two names is listed by one of them.
            let found = listed.iter().find(|(listed, ..)| listed == name);
            let Some((_, _, load, active, sub, _, path, ..)) = found else {
                states.push(self.state(name).await?);
                continue;
            };
            let mut state = UnitState {
                load: load.clone(),
                active: active.clone(),
                sub: sub.clone(),
                ..UnitState::default()
            };
            if name.ends_with(".service") && state.is_installed() {
                state.restarts = self.service(path).await?.n_restarts().await?;
            }
            states.push(state);
        }
        Ok(states)
    }

    async fn state(&self, name: &str) -> zbus::Result<UnitState> {
        use zbus::proxy::CacheProperties::No;
        let path = self.manager().await?.load_unit(name).await?;
        let unit = UnitProxy::builder(&self.connection)
            .path(&path)
            .cache_properties(No)
            .build()
            .await?;
        let mut state = UnitState {
            load: unit.load_state().await?,
            active: unit.active_state().await?,
            sub: unit.sub_state().await?,
            ..UnitState::default()
        };
        if name.ends_with(".service") && state.is_installed() {
            let service = self.service(&path).await?;
            state.result = service.result().await?;
            state.restarts = service.n_restarts().await?;
            state.main_pid = service.main_pid().await?;
        }
        Ok(state)
    }
}

impl UnitStates for Systemd {
    async fn states(&self, names: &[&str]) -> Result<Vec<UnitState>, Error> {
        bounded("asking for", &names.join("`, `"), self.list(names)).await
    }
}

impl Units for Systemd {
    async fn unit(&self, name: &str) -> Result<UnitState, Error> {
        bounded("asking for", name, self.state(name)).await
    }

    async fn start(&self, name: &str) -> Result<(), Error> {
        bounded("starting", name, async {
            self.manager()
                .await?
                .start_unit(name, "replace")
                .await
                .map(drop)
        })
        .await
    }

    async fn restart(&self, name: &str) -> Result<(), Error> {
        bounded("restarting", name, async {
            self.manager()
                .await?
                .restart_unit(name, "replace")
                .await
                .map(drop)
        })
        .await
    }

    async fn enable(&self, names: &[&str]) -> Result<(), Error> {
        bounded("enabling", &names.join("`, `"), async {
            let manager = self.manager().await?;
            manager
                .enable_unit_files(names, false, false)
                .await
                .map(drop)
        })
        .await
    }

    async fn reload(&self) -> Result<(), Error> {
        bounded("reloading", "systemd", async {
            self.manager().await?.reload().await
        })
        .await
    }
}

async fn bounded<T>(
    operation: &'static str,
    unit: &str,
    call: impl Future<Output = zbus::Result<T>>,
) -> Result<T, Error> {
    match tokio::time::timeout(CALL_DEADLINE, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(Error::Call {
            operation,
            unit: unit.to_owned(),
            source,
        }),
        Err(_) => Err(Error::Deadline {
            operation,
            unit: unit.to_owned(),
        }),
    }
}
