//! How units are: the kubelet's restart counter, and whether the SSM agent runs. Once, at the start, the SSM agent is
//! enabled and started: it is how a person reaches a node that cannot join, so it waits for nothing.
//!
//! In: systemd. Out: observations for the rules, and the SSM agent's state. Ends only by being dropped.

use std::time::Duration;

use node::chain::Chain;
use node::rule::{KUBELET, Observation, SSM_AGENT};
use node::wire::SsmState;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::host::systemd::{self, UnitState, Units};

/// How often the units are looked at.
const PERIOD: Duration = Duration::from_secs(10);
/// The units that are looked at.
const UNITS: [&str; 2] = [SSM_AGENT, KUBELET];

/// Looks at the units for ever. A connection that breaks is made again.
pub async fn poll<U: Units>(
    connect: impl AsyncFn() -> Result<U, systemd::Error>,
    observations: mpsc::Sender<Observation>,
    ssm: watch::Sender<SsmState>,
) {
    let mut connection: Option<U> = None;
    let mut is_ssm_ensured = false;
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let units = match connection.take() {
            Some(units) => units,
            None => match connect().await {
                Ok(units) => units,
                Err(error) => {
                    tracing::warn!(error = %Chain(&error), "units cannot be watched");
                    continue;
                }
            },
        };
        if !is_ssm_ensured {
            is_ssm_ensured = ensure_ssm(&units).await;
        }
        match look(&units, &observations, &ssm).await {
            Ok(()) => connection = Some(units),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "asking systemd again with a new connection");
            }
        }
    }
}

async fn look(
    units: &impl Units,
    observations: &mpsc::Sender<Observation>,
    ssm: &watch::Sender<SsmState>,
) -> Result<(), systemd::Error> {
    for name in UNITS {
        let state = units.unit(name).await?;
        if name == SSM_AGENT {
            ssm.send_if_modified(|known| {
                std::mem::replace(known, ssm_state(&state)) != ssm_state(&state)
            });
        }
        // A watch that is behind misses one: the next look comes soon enough.
        drop(observations.try_send(observation(name, &state)));
    }
    Ok(())
}

/// Enables and starts the SSM agent where it is installed. Whether that is done, or can never be done.
async fn ensure_ssm(units: &impl Units) -> bool {
    let state = match units.unit(SSM_AGENT).await {
        Ok(state) => state,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the SSM agent is not looked after yet");
            return false;
        }
    };
    if !may_be_started(&state) {
        tracing::info!(
            load = state.load,
            "the SSM agent is not installed, or is masked; it is left alone"
        );
        return true;
    }
    // A unit that cannot be enabled can be started all the same.
    if let Err(error) = units.enable(&[SSM_AGENT]).await {
        tracing::warn!(error = %Chain(&error), "the SSM agent will not start at the next boot");
    }
    if !state.is_active()
        && let Err(error) = units.start(SSM_AGENT).await
    {
        tracing::warn!(error = %Chain(&error), "the SSM agent is not started");
    }
    true
}

fn may_be_started(state: &UnitState) -> bool {
    // Masking is somebody's decision.
    state.is_installed() && state.load != "masked"
}

fn ssm_state(state: &UnitState) -> SsmState {
    if !state.is_installed() {
        SsmState::Missing
    } else if state.is_active() {
        SsmState::Running
    } else {
        SsmState::Stopped
    }
}

fn observation(name: &str, state: &UnitState) -> Observation {
    Observation::Unit {
        name: name.to_owned(),
        installed: state.is_installed(),
        active: state.active.clone(),
        sub: state.sub.clone(),
        restarts: state.restarts,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

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

    async fn after(fake: &Fake, time: Duration) -> (SsmState, Vec<Observation>) {
        let (observations, mut received) = mpsc::channel(8);
        let (ssm, state) = watch::channel(SsmState::Unknown);
        let fake = fake.clone();
        drop(tokio::time::timeout(time, poll(async || Ok(fake.clone()), observations, ssm)).await);
        let mut seen = Vec::new();
        while let Ok(observation) = received.try_recv() {
            seen.push(observation);
        }
        let state = *state.borrow();
        (state, seen)
    }

    #[tokio::test(start_paused = true)]
    async fn an_ssm_agent_that_is_installed_is_enabled_and_started_once() {
        let fake = Fake::new("loaded", "inactive");
        let (state, seen) = after(&fake, Duration::from_secs(35)).await;
        assert_eq!(state, SsmState::Stopped);
        assert_eq!(
            *fake.done.lock().unwrap(),
            [
                "enable amazon-ssm-agent.service",
                "start amazon-ssm-agent.service"
            ]
        );
        let of_ssm = |observation: &&Observation| matches!(observation, Observation::Unit { name, .. } if name == SSM_AGENT);
        assert_eq!(
            (seen.len(), seen.iter().filter(of_ssm).count()),
            (8, 4),
            "{seen:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_missing_or_masked_is_left_alone() {
        for (load, expected) in [
            ("not-found", SsmState::Missing),
            ("masked", SsmState::Stopped),
        ] {
            let fake = Fake::new(load, "inactive");
            assert_eq!(after(&fake, Duration::from_secs(5)).await.0, expected);
            assert!(fake.done.lock().unwrap().is_empty());
        }
    }
}
