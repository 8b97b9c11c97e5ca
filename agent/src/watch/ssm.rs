//! What the SSM agent stands on, looked at again and again: the instance's role, and the way to Systems Manager.
//!
//! In: the state of the unit. Out: observations for the rules. The first look comes when the agent has had time to speak
//! for itself; a look that finds something wrong is repeated soon. Ends only by being dropped.

use std::time::Duration;

use node::rule::{Observation, Signal};
use node::wire::SsmState;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::root::Root;
use crate::probe::{self, Outcome};

/// The SSM agent reports within seconds of its start, by whatever role it finds.
const FIRST: Duration = Duration::from_secs(20);
/// While something is wrong.
const AGAIN: Duration = Duration::from_secs(30);
/// While it stays wrong.
const LATER: Duration = Duration::from_mins(5);
/// While all is well; the SSM agent renews its credentials as often.
const CALM: Duration = Duration::from_mins(30);
/// So many looks at [`AGAIN`].
const EAGER_LOOKS: u32 = 10;

/// Looks while the unit runs and somebody wants it to.
pub async fn follow(
    root: Root,
    environment: Environment,
    mut state: watch::Receiver<SsmState>,
    observations: mpsc::Sender<Observation>,
    is_wanted: impl Fn() -> bool,
) {
    let mut failures = 0;
    let mut pause = FIRST;
    loop {
        if *state.borrow_and_update() != SsmState::Running {
            (failures, pause) = (0, FIRST);
            if state.changed().await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            () = sleep(pause) => {}
            changed = state.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            }
        }
        if !is_wanted() {
            pause = AGAIN;
            continue;
        }
        let imds = Imds::new(environment.imds_endpoint.as_deref(), probe::DEADLINE);
        let (role, endpoints) = tokio::join!(
            probe::ssm::role(&imds),
            probe::ssm::endpoints(&root, &environment, &imds)
        );
        let seen = [
            observation(Signal::SsmRoleFound, &role),
            observation(Signal::SsmReached, &endpoints),
        ];
        let is_well = seen
            .iter()
            .all(|seen| matches!(seen, Some(Observation::Check { failure: None, .. })));
        for observation in seen.into_iter().flatten() {
            if observations.send(observation).await.is_err() {
                return;
            }
        }
        failures = if is_well { 0 } else { failures + 1 };
        pause = after(failures);
    }
}

/// The pause after so many looks in a row that found something wrong.
fn after(failures: u32) -> Duration {
    match failures {
        0 => CALM,
        1..=EAGER_LOOKS => AGAIN,
        _ => LATER,
    }
}

/// What the rules are told; nothing where nothing is known.
fn observation(signal: Signal, outcome: &Outcome) -> Option<Observation> {
    let failure = match outcome {
        Outcome::Passed => None,
        Outcome::Fault(fault) => Some(fault.evidence.join("; ")),
        Outcome::CannotTell(why) => {
            tracing::debug!("not known of SSM: {}", node::redact::text(why));
            return None;
        }
    };
    Some(Observation::Check { signal, failure })
}

#[cfg(test)]
mod tests {
    use node::finding;

    use super::*;
    use crate::probe::Fault;

    #[test]
    fn what_is_wrong_is_looked_at_again_soon_and_then_more_rarely() {
        assert_eq!(
            [0, 1, EAGER_LOOKS, EAGER_LOOKS + 1].map(after),
            [CALM, AGAIN, AGAIN, LATER]
        );
    }

    #[test]
    fn what_cannot_be_told_is_no_observation() {
        let of = |outcome| observation(Signal::SsmReached, &outcome);
        assert_eq!(of(Outcome::CannotTell("no region".into())), None);
        assert_eq!(
            of(Outcome::Passed),
            Some(Observation::Check {
                signal: Signal::SsmReached,
                failure: None
            })
        );
        let fault = Outcome::Fault(Fault {
            finding: &finding::SSM_UNREACHABLE,
            evidence: vec!["a".into(), "b".into()],
        });
        assert_eq!(
            of(fault),
            Some(Observation::Check {
                signal: Signal::SsmReached,
                failure: Some("a; b".into())
            })
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_nobody_wants_or_that_does_not_run_is_not_looked_at() {
        for (state, is_wanted) in [(SsmState::Running, false), (SsmState::Stopped, true)] {
            let directory = tempfile::tempdir().unwrap();
            let (observations, mut received) = mpsc::channel(8);
            let (_state, states) = watch::channel(state);
            // A look at this would fail at once, and be told.
            let environment = Environment {
                imds_endpoint: Some("http://127.0.0.1:9".to_owned()),
                ..Environment::default()
            };
            let root = Root::new(directory.path());
            let following = follow(root, environment, states, observations, || is_wanted);
            assert!(
                tokio::time::timeout(Duration::from_mins(2), following)
                    .await
                    .is_err()
            );
            assert!(received.try_recv().is_err(), "{state:?}");
        }
    }
}
