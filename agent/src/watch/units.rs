//! How the units are that rules ask for: their restart counters, and whether they run.
//!
//! In: systemd. Out: observations for the rules, and the SSM agent's state. Ends only by being dropped.

use std::time::Duration;

use node::chain::Chain;
use node::rule::{Observation, SSM_AGENT};
use node::wire::SsmState;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::host::systemd::{self, UnitState, UnitStates};

/// How often the units are looked at.
const PERIOD: Duration = Duration::from_secs(10);
/// Looks at the units for ever. A connection that breaks is made again. An SSM agent that nobody wants may be stopped.
pub async fn poll<U: UnitStates>(
    connect: impl AsyncFn() -> Result<U, systemd::Error>,
    observations: mpsc::Sender<Observation>,
    ssm: watch::Sender<SsmState>,
    is_ssm_wanted: impl Fn() -> bool,
) {
    let mut connection: Option<U> = None;
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
        match look(&units, &observations, &ssm, is_ssm_wanted()).await {
            Ok(()) => connection = Some(units),
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "asking systemd again with a new connection");
            }
        }
    }
}

async fn look(
    units: &impl UnitStates,
    observations: &mpsc::Sender<Observation>,
    ssm: &watch::Sender<SsmState>,
    is_ssm_wanted: bool,
) -> Result<(), systemd::Error> {
    let names: Vec<&str> = node::rule::units().into_iter().collect();
    for (name, state) in names.iter().copied().zip(units.states(&names).await?) {
        if name == SSM_AGENT {
            ssm.send_if_modified(|known| {
                std::mem::replace(known, ssm_state(&state)) != ssm_state(&state)
            });
            if !is_ssm_wanted && !state.is_active() {
                continue;
            }
        }
        // A watch that is behind misses one: the next look comes soon enough.
        drop(observations.try_send(observation(name, &state)));
    }
    Ok(())
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
        // Why it is not active, where that is somebody's decision.
        sub: if state.is_masked() {
            state.load.clone()
        } else {
            state.sub.clone()
        },
        restarts: state.restarts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A systemd that knows units in one state.
    #[derive(Clone)]
    struct Fake {
        load: &'static str,
        active: &'static str,
    }

    impl UnitStates for Fake {
        async fn states(&self, names: &[&str]) -> Result<Vec<UnitState>, systemd::Error> {
            let state = UnitState {
                load: self.load.into(),
                active: self.active.into(),
                sub: "dead".into(),
                ..UnitState::default()
            };
            Ok(vec![state; names.len()])
        }
    }

    /// What was seen in 35 s: the state of the SSM agent, the `SubState`s that the rules are told of it.
    async fn seen(
        load: &'static str,
        active: &'static str,
        is_wanted: bool,
    ) -> (SsmState, Vec<String>) {
        let (observations, mut received) = mpsc::channel(16);
        let (ssm, state) = watch::channel(SsmState::Unknown);
        let fake = Fake { load, active };
        let polling = poll(async || Ok(fake.clone()), observations, ssm, || is_wanted);
        drop(tokio::time::timeout(Duration::from_secs(35), polling).await);
        let mut seen = Vec::new();
        while let Ok(observation) = received.try_recv() {
            if let Observation::Unit { name, sub, .. } = observation
                && name == SSM_AGENT
            {
                seen.push(sub);
            }
        }
        let state = *state.borrow();
        (state, seen)
    }

    #[tokio::test(start_paused = true)]
    async fn units_are_looked_at_and_nothing_is_done() {
        let four = |sub: &str| vec![sub.to_owned(); 4];
        for (load, active, expected, sub) in [
            ("loaded", "active", SsmState::Running, "dead"),
            ("loaded", "inactive", SsmState::Stopped, "dead"),
            ("not-found", "inactive", SsmState::Missing, "dead"),
            ("masked", "inactive", SsmState::Stopped, "masked"),
        ] {
            assert_eq!(seen(load, active, true).await, (expected, four(sub)));
        }
    }

    #[test]
    fn all_units_whose_restarts_or_state_a_rule_counts_are_looked_at() {
        use node::rule::{CONTAINERD, KUBELET};

        let units: Vec<&str> = node::rule::units().into_iter().collect();
        assert_eq!(units, [SSM_AGENT, CONTAINERD, KUBELET]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_ssm_agent_that_nobody_wants_may_be_stopped() {
        assert_eq!(
            seen("loaded", "inactive", false).await,
            (SsmState::Stopped, Vec::new())
        );
        assert_eq!(seen("loaded", "active", false).await.1.len(), 4);
    }
}
