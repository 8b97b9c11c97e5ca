//! How a run ended: what became of each thing, and how long it took.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::graph::Node;
use super::hands::{self, Why};
use super::journal;
use crate::exit::Exit;
use crate::plan::change::{Action, Plan};
use crate::resource::{Address, Outputs};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum End {
    /// Everything was done.
    Done,
    /// Something failed.
    Failed,
    /// Its deadline passed.
    Deadline,
    /// It was interrupted.
    Interrupted,
}

/// Everything that became of a plan.
#[derive(Debug)]
pub struct Report {
    /// How the run ended.
    pub end: End,
    /// What became of each thing that was to be changed, in the order of the plan.
    pub steps: Vec<Step>,
    /// What is known of everything that exists now.
    pub outputs: BTreeMap<Address, Outputs>,
    /// How long the run took.
    pub elapsed: Duration,
    /// The chain of steps that took longest, first step first: no run of the same plan can be shorter than its sum.
    pub critical_path: Vec<(Address, Duration)>,
    /// The journal could not be written to its end.
    pub unwritten: Option<journal::Error>,
}

/// What became of one thing.
#[derive(Debug)]
pub struct Step {
    /// The thing.
    pub address: Address,
    /// What was to happen to it.
    pub action: Action,
    /// What did.
    pub outcome: Outcome,
}

/// What became of one thing.
#[derive(Debug)]
pub enum Outcome {
    /// It is as it should be.
    Done {
        /// How long that took.
        took: Duration,
    },
    /// It is not.
    Failed {
        /// Why.
        failure: Failure,
    },
    /// It was not begun, since what it needs failed.
    Skipped {
        /// What failed.
        because: Address,
    },
    /// It was begun, and the run ended before it.
    Left {
        /// What it waited for.
        waits_for: String,
    },
    /// The run ended before it was begun.
    NotStarted,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] hands::Error),
    /// Its API gave up.
    #[error("{reason}")]
    State {
        /// What the API says.
        reason: String,
    },
    /// It was accepted, and then was not there.
    #[error("it was not there any more")]
    Vanished,
    /// It takes far longer than it should.
    #[error("not ready after {} min: {waits_for}", .after.as_secs() / 60)]
    Deadline {
        /// How long it was waited for.
        after: Duration,
        /// What it waited for in the end.
        waits_for: String,
    },
    /// Whether its pods can be moved is not known.
    #[error("its nodes were not drained")]
    NotDrained(#[source] hands::Error),
    /// Its pods do not leave.
    #[error("its nodes were not drained after {} min: {waits_for}", .after.as_secs() / 60)]
    Undrained {
        /// How long it was waited for.
        after: Duration,
        /// What is left.
        waits_for: String,
    },
    /// What it refers to does not say what was asked of it.
    #[error("not known: {}", .of.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Unresolved {
        /// The things that it refers to.
        of: Vec<Address>,
    },
    /// The plan says too little of it.
    #[error("the plan does not say how it {0}")]
    Incomplete(&'static str),
    /// It could not be written down before it was to begin.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

impl Failure {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Call(error) => error.hints.clone(),
            Self::Journal(error) => error.hints(),
            Self::Vanished => {
                vec!["see in CloudTrail who deleted it, then run again".to_owned()]
            }
            Self::NotDrained(error) => [&error.hints[..], &[no_drain()]].concat(),
            Self::Undrained { .. } => vec![
                "`kubectl get poddisruptionbudgets --all-namespaces` shows what is not allowed"
                    .to_owned(),
                no_drain(),
            ],
            Self::Deadline { .. } => {
                vec!["it is still on its way: run again to wait on".to_owned()]
            }
            Self::State { .. } | Self::Unresolved { .. } | Self::Incomplete(_) => Vec::new(),
        }
    }

    /// Whether nothing else can go on either.
    pub(super) fn stops_everything(&self) -> bool {
        match self {
            Self::Call(error) => error.why == Why::Expired,
            Self::Journal(_) => true,
            _ => false,
        }
    }

    /// Whether the creation that failed has an answer, so that another one is not the same.
    pub(super) fn is_over(&self) -> bool {
        match self {
            Self::Call(error) => error.why != Why::Unanswered,
            Self::State { .. } | Self::Vanished | Self::Unresolved { .. } => true,
            Self::Deadline { .. }
            | Self::NotDrained(_)
            | Self::Undrained { .. }
            | Self::Incomplete(_)
            | Self::Journal(_) => false,
        }
    }
}

fn no_drain() -> String {
    "with `--no-drain` its pods end with their nodes".to_owned()
}

impl Report {
    /// The exit code of the run.
    pub fn exit(&self) -> Exit {
        match self.end {
            End::Done => Exit::Ok,
            End::Failed => Exit::Failed,
            End::Deadline => Exit::Timeout,
            End::Interrupted => Exit::Interrupted,
        }
    }

    /// How long the longest chain of steps took.
    pub fn critical(&self) -> Duration {
        self.critical_path.iter().map(|(_, took)| *took).sum()
    }

    /// The things that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&Address, &Failure)> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Failed { failure } => Some((&step.address, failure)),
            _ => None,
        })
    }
}

impl End {
    /// How a run ended that nothing cut short.
    pub(super) fn of(steps: &[Step]) -> Self {
        let is_done = |step: &Step| matches!(step.outcome, Outcome::Done { .. });
        if steps.iter().all(is_done) {
            Self::Done
        } else {
            Self::Failed
        }
    }
}

/// What became of each thing, from what became of its steps, which are in the order of the plan.
pub(super) fn steps<'a>(
    plan: &Plan,
    outcomes: impl Iterator<Item = (&'a Node, Outcome)>,
) -> Vec<Step> {
    let mut steps: Vec<(usize, Step)> = Vec::new();
    for (node, outcome) in outcomes {
        match steps.last_mut() {
            Some((change, step)) if *change == node.change => {
                let first = std::mem::replace(&mut step.outcome, Outcome::NotStarted);
                step.outcome = replaced(first, outcome);
            }
            _ => {
                let change = &plan.changes[node.change];
                let step = Step {
                    address: change.address.clone(),
                    action: change.action,
                    outcome,
                };
                steps.push((node.change, step));
            }
        }
    }
    steps.into_iter().map(|(_, step)| step).collect()
}

/// What became of a thing that was to be deleted and made anew.
fn replaced(removed: Outcome, made: Outcome) -> Outcome {
    match (removed, made) {
        (Outcome::Done { took: first }, Outcome::Done { took: second }) => Outcome::Done {
            took: first + second,
        },
        (Outcome::Done { .. }, Outcome::NotStarted) => Outcome::Left {
            waits_for: "it is deleted, and not made anew yet".to_owned(),
        },
        (Outcome::Done { .. }, made) => made,
        (removed, _) => removed,
    }
}
