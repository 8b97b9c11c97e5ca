//! SSM first: the SSM agent is enabled and started beside everything else, so that a person can get into a node of which
//! the boot then fails.
//!
//! A task of its own, told by [`Starter::tell`] what the configuration says. It waits for that only so long, and not at all
//! for the unit: its start is queued. Whatever goes wrong here is a warning and ends nothing.

use std::time::Duration;

use node::chain::Chain;
use node::rule::SSM_AGENT;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::host::path;
use crate::host::systemd::{self, Units};

/// User data that come later than this have no say in whether the SSM agent is started: nobody knows whether they come.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of the config phase waits for what systemd has to say.
const LAST_CALLS: Duration = Duration::from_secs(3);

/// What is to become of the SSM agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// It is enabled, and started unless it runs.
    Start,
    /// It is started anew: its environment is another now.
    Restart,
    /// It is left as the image has it.
    LeaveAlone,
}

/// The task.
#[derive(Debug)]
pub struct Starter {
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

impl Starter {
    /// Begins. Without an order in time, or with none at all, `otherwise` is done.
    pub fn spawn<U: Units + Send + Sync + 'static>(
        connect: impl Future<Output = Result<U, systemd::Error>> + Send + 'static,
        otherwise: Order,
    ) -> Self {
        let (orders, received) = mpsc::unbounded_channel();
        Self {
            orders,
            task: tokio::spawn(run(connect, received, otherwise)),
        }
    }

    /// Tells what the configuration says.
    pub fn tell(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::debug!("the SSM agent is not looked after");
        }
    }

    /// No more orders: what was not told yet is decided now. Returns when it is done, or takes too long.
    pub async fn finish(self) {
        drop(self.orders);
        if timeout(LAST_CALLS, self.task).await.is_err() {
            tracing::warn!("systemd takes its time to start the SSM agent; it is not waited for");
        }
    }
}

/// Whether one of these files holds variables that the SSM agent reads at its start.
pub fn is_environment<'a>(mut paths: impl Iterator<Item = &'a String>) -> bool {
    let own = format!("{}/{SSM_AGENT}.d/environment.conf", path::SYSTEMD_UNITS);
    paths.any(|path| *path == path::SYSTEM_ENVIRONMENT || *path == own)
}

async fn run<U: Units>(
    connect: impl Future<Output = Result<U, systemd::Error>>,
    mut orders: mpsc::UnboundedReceiver<Order>,
    otherwise: Order,
) {
    let units = match connect.await {
        Ok(units) => units,
        Err(error) => {
            return tracing::warn!(error = %Chain(&error), "the SSM agent is not started");
        }
    };
    let first = timeout(PATIENCE, orders.recv()).await;
    let mut next = Some(first.ok().flatten().unwrap_or(otherwise));
    while let Some(order) = next {
        if let Err(error) = carry_out(&units, order).await {
            tracing::warn!(error = %Chain(&error), "the SSM agent is not started, or not at the next boot");
        }
        next = orders.recv().await;
    }
}

async fn carry_out(units: &impl Units, order: Order) -> Result<(), systemd::Error> {
    if order == Order::LeaveAlone {
        return Ok(());
    }
    let state = units.unit(SSM_AGENT).await?;
    if !state.is_installed() || state.is_masked() {
        // Masking is somebody's decision, and so is an image without it.
        tracing::info!(
            load = state.load,
            "amazon-ssm-agent.service is not installed, or is masked; it is left alone, and nobody gets in through SSM"
        );
        return Ok(());
    }
    let is_started = match order {
        Order::Restart => units.restart(SSM_AGENT).await,
        _ if state.is_active() || state.active == "activating" => Ok(()),
        _ => units.start(SSM_AGENT).await,
    };
    units.enable(&[SSM_AGENT]).await?;
    is_started
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::host::systemd::UnitState;

    /// A systemd that knows one SSM agent in one state, and writes down what it is asked to do.
    #[derive(Clone)]
    struct Fake {
        load: &'static str,
        active: &'static str,
        done: Arc<Mutex<Vec<String>>>,
    }

    impl Fake {
        fn new(load: &'static str, active: &'static str) -> Self {
            Self {
                load,
                active,
                done: Arc::default(),
            }
        }

        fn note(&self, what: &str) {
            self.done.lock().unwrap().push(what.to_owned());
        }

        fn done(&self) -> Vec<String> {
            self.done.lock().unwrap().clone()
        }

        fn starter(&self, otherwise: Order) -> Starter {
            let fake = self.clone();
            Starter::spawn(async { Ok(fake) }, otherwise)
        }
    }

    impl Units for Fake {
        async fn unit(&self, _: &str) -> Result<UnitState, systemd::Error> {
            Ok(UnitState {
                load: self.load.into(),
                active: self.active.into(),
                ..UnitState::default()
            })
        }
        async fn start(&self, name: &str) -> Result<(), systemd::Error> {
            self.note(&format!("start {name}"));
            Ok(())
        }
        async fn restart(&self, name: &str) -> Result<(), systemd::Error> {
            self.note(&format!("restart {name}"));
            Ok(())
        }
        async fn enable(&self, names: &[&str]) -> Result<(), systemd::Error> {
            self.note(&format!("enable {}", names.join(" ")));
            Ok(())
        }
        async fn reload(&self) -> Result<(), systemd::Error> {
            self.note("reload");
            Ok(())
        }
    }

    const STARTED: [&str; 2] = [
        "start amazon-ssm-agent.service",
        "enable amazon-ssm-agent.service",
    ];

    #[tokio::test(start_paused = true)]
    async fn it_is_enabled_and_started_once_the_configuration_is_known() {
        let fake = Fake::new("loaded", "inactive");
        let starter = fake.starter(Order::LeaveAlone);
        starter.tell(Order::Start);
        starter.finish().await;
        assert_eq!(fake.done(), STARTED);
    }

    #[tokio::test(start_paused = true)]
    async fn a_boot_that_fails_before_it_has_a_configuration_starts_it_too() {
        let fake = Fake::new("loaded", "inactive");
        fake.starter(Order::Start).finish().await;
        assert_eq!(fake.done(), STARTED);
    }

    #[tokio::test(start_paused = true)]
    async fn user_data_that_do_not_come_are_not_waited_for() {
        let fake = Fake::new("loaded", "inactive");
        let starter = fake.starter(Order::Start);
        tokio::time::sleep(PATIENCE / 2).await;
        assert!(fake.done().is_empty(), "they may still forbid it");
        tokio::time::sleep(PATIENCE).await;
        assert_eq!(fake.done(), STARTED);
        starter.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_switched_off_missing_or_masked_is_left_alone() {
        let off = Fake::new("loaded", "inactive");
        let starter = off.starter(Order::Start);
        starter.tell(Order::LeaveAlone);
        starter.finish().await;
        assert!(off.done().is_empty());
        for load in ["not-found", "masked"] {
            let fake = Fake::new(load, "inactive");
            fake.starter(Order::Start).finish().await;
            assert!(fake.done().is_empty(), "{load}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_runs_is_started_anew_only_for_another_environment() {
        let fake = Fake::new("loaded", "active");
        let starter = fake.starter(Order::Start);
        starter.tell(Order::Start);
        starter.tell(Order::Restart);
        starter.finish().await;
        assert_eq!(
            fake.done(),
            [
                "enable amazon-ssm-agent.service",
                "restart amazon-ssm-agent.service",
                "enable amazon-ssm-agent.service"
            ]
        );
    }

    #[test]
    fn its_environment_is_that_of_all_units_and_its_own() {
        let is = |path: &str| is_environment([path.to_owned()].iter());
        assert!(is(path::SYSTEM_ENVIRONMENT));
        assert!(is(
            "/etc/systemd/system/amazon-ssm-agent.service.d/environment.conf"
        ));
        assert!(!is(
            "/etc/systemd/system/kubelet.service.d/environment.conf"
        ));
    }
}
