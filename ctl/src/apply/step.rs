//! One step, from its first call to the end of its wait. It touches the world only through [`Hands`] and [`Nodes`], tells
//! the engine what happens to it, and never looks at other steps.

use std::sync::Arc;
use std::time::Duration;

use node::chain::Chain;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;

use super::event::Act;
use super::hands::{Error, Hands, Look, Why};
use super::nodes::Nodes;
use super::pace;
use super::report::Failure;
use crate::plan::change::FieldChange;
use crate::resource::{Address, Body, Kind, Observed, Outputs};

/// Nodes of a group are also looked at while the group itself is on its way, once it has been so long.
const GROUP_IS_SLOW: Duration = Duration::from_mins(1);

/// What all steps of a run share.
pub(super) struct Shared<H, N> {
    /// The calls.
    pub(super) hands: Arc<H>,
    /// The nodes of groups.
    pub(super) nodes: Arc<N>,
    /// Bounds the calls that are under way at once. A step that waits holds none.
    pub(super) calls: Arc<Semaphore>,
    /// Becomes true when waits are to be left.
    pub(super) halt: watch::Receiver<bool>,
    /// Whoever keeps the journal.
    pub(super) tell: mpsc::UnboundedSender<(usize, Word)>,
}

impl<H, N> Clone for Shared<H, N> {
    fn clone(&self) -> Self {
        Self {
            hands: Arc::clone(&self.hands),
            nodes: Arc::clone(&self.nodes),
            calls: Arc::clone(&self.calls),
            halt: self.halt.clone(),
            tell: self.tell.clone(),
        }
    }
}

/// What a step tells while it runs.
#[derive(Debug)]
pub(super) enum Word {
    /// Its call was accepted.
    Accepted(Outputs),
    /// It waits for this.
    Waits(String),
    /// Something deserves a look.
    Warns(String),
}

/// What a step has to do, with all references resolved.
#[derive(Debug, Clone)]
pub(super) enum Task {
    /// To make it, with this client token.
    Create(Body, String),
    /// To change these properties.
    Change(Box<Observed>, Body, Vec<FieldChange>),
    /// To wait for what was begun before.
    Wait(Body),
    /// To delete it; `true` when that was begun before.
    Delete(Box<Observed>, bool),
}

impl Task {
    pub(super) fn act(&self) -> Act {
        match self {
            Self::Create(..) => Act::Create,
            Self::Change(..) => Act::Change,
            Self::Wait(_) => Act::Wait,
            Self::Delete(..) => Act::Delete,
        }
    }
}

/// How a step did not end well.
#[derive(Debug)]
pub(super) enum Ended {
    /// It failed.
    Failed(Failure),
    /// It was left, waiting for this.
    Left(String),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// One step.
pub(super) struct Step<H, N> {
    /// Index among the steps.
    pub(super) index: usize,
    /// The thing.
    pub(super) address: Address,
    /// What to do.
    pub(super) task: Task,
    /// What is known of the thing before.
    pub(super) known: Outputs,
    /// How many nodes the change replaces.
    pub(super) rolls_nodes: Option<u32>,
    /// What it shares with the others.
    pub(super) shared: Shared<H, N>,
}

impl<H: Hands, N: Nodes> Step<H, N> {
    /// Runs it to its end; what is known of the thing comes back.
    pub(super) async fn run(self) -> (usize, Result<Outputs, Ended>) {
        let outcome = match &self.task {
            Task::Create(body, token) => self.create(body, token).await,
            Task::Change(observed, body, fields) => self.change(observed, body, fields).await,
            Task::Wait(body) => self.ready(body, self.known.clone()).await,
            Task::Delete(observed, is_begun) => self.delete(observed, *is_begun).await,
        };
        (self.index, outcome)
    }

    async fn create(&self, body: &Body, token: &str) -> Result<Outputs, Ended> {
        let hands = &self.shared.hands;
        let outputs = self
            .call(|| hands.create(&self.address, body, token))
            .await?;
        self.tell(Word::Accepted(outputs.clone()));
        self.ready(body, outputs).await
    }

    async fn change(
        &self,
        observed: &Observed,
        body: &Body,
        fields: &[FieldChange],
    ) -> Result<Outputs, Ended> {
        let hands = &self.shared.hands;
        let outputs = self
            .call(|| hands.change(&self.address, observed, body, fields))
            .await?;
        self.tell(Word::Accepted(outputs.clone()));
        let mut known = self.known.clone();
        known.extend(outputs);
        self.ready(body, known).await
    }

    async fn delete(&self, observed: &Observed, is_begun: bool) -> Result<Outputs, Ended> {
        let hands = &self.shared.hands;
        if !is_begun {
            if self.address.kind == Kind::AutoScalingGroup {
                self.drain().await?;
            }
            self.call(|| hands.delete(observed)).await?;
        }
        let mut wait = Wait::new(pace::deadline(self.address.kind, None), pace::pause);
        loop {
            let look = self
                .call(|| hands.look(&self.address, &observed.body, &self.known))
                .await?;
            let waits_for = match look {
                Look::Gone => return Ok(Outputs::new()),
                Look::Failed { reason } => return Err(Failure::State { reason }.into()),
                Look::Pending { waits_for } => waits_for,
                Look::Ready(_) => "it is still there".to_owned(),
            };
            self.wait(&mut wait, waits_for).await?;
        }
    }

    /// Waits until no pod is left on the nodes of the group that has to leave them first.
    async fn drain(&self) -> Result<(), Ended> {
        let nodes = &self.shared.nodes;
        let mut wait = Wait::new(pace::drain(), pace::pause_of_nodes);
        loop {
            let look = match self.call(|| nodes.drain(&self.address)).await {
                Ok(look) => look,
                Err(Ended::Failed(Failure::Call(error))) if error.why != Why::Expired => {
                    return Err(Failure::NotDrained(error).into());
                }
                Err(ended) => return Err(ended),
            };
            let Look::Pending { waits_for } = look else {
                return Ok(());
            };
            if wait.is_over() {
                let after = wait.longest;
                return Err(Failure::Undrained { after, waits_for }.into());
            }
            self.wait(&mut wait, waits_for).await?;
        }
    }

    /// Waits until the thing is ready and, if it is a group, its nodes are.
    async fn ready(&self, body: &Body, mut known: Outputs) -> Result<Outputs, Ended> {
        let hands = &self.shared.hands;
        let is_group = matches!(self.address.kind, Kind::NodeGroup | Kind::AutoScalingGroup);
        let mut wait = Wait::new(
            pace::deadline(self.address.kind, self.rolls_nodes),
            pace::pause,
        );
        let mut absent_since = None;
        loop {
            let look = self
                .call(|| hands.look(&self.address, body, &known))
                .await?;
            let waits_for = match look {
                Look::Ready(outputs) => {
                    known.extend(outputs);
                    break;
                }
                Look::Failed { reason } if is_group => {
                    let nodes = self.nodes_say(body, &known).await;
                    let reason = joined(reason, nodes);
                    return Err(Failure::State { reason }.into());
                }
                Look::Failed { reason } => return Err(Failure::State { reason }.into()),
                // What was just made is not found everywhere at once.
                Look::Gone => {
                    let since = *absent_since.get_or_insert_with(Instant::now);
                    if since.elapsed() >= pace::CONSISTENCY {
                        return Err(Failure::Vanished.into());
                    }
                    "it is not found yet".to_owned()
                }
                Look::Pending { waits_for } => {
                    absent_since = None;
                    if is_group && wait.begun.elapsed() >= GROUP_IS_SLOW {
                        joined(waits_for, self.nodes_say(body, &known).await)
                    } else {
                        waits_for
                    }
                }
            };
            self.wait(&mut wait, waits_for).await?;
        }
        if is_group {
            self.nodes_ready(body, &known).await?;
        }
        Ok(known)
    }

    async fn nodes_ready(&self, body: &Body, known: &Outputs) -> Result<(), Ended> {
        let nodes = &self.shared.nodes;
        let mut wait = Wait::new(pace::nodes(), pace::pause_of_nodes);
        loop {
            let look = match self.call(|| nodes.look(&self.address, body, known)).await {
                Ok(look) => look,
                // The API server may be out of reach from here, and is no part of what was asked for.
                Err(Ended::Failed(Failure::Call(error))) if error.why != Why::Expired => {
                    let text = format!("its nodes were not looked at: {}", Chain(&error));
                    self.tell(Word::Warns(text));
                    return Ok(());
                }
                Err(ended) => return Err(ended),
            };
            match look {
                Look::Ready(_) | Look::Gone => return Ok(()),
                Look::Failed { reason } => return Err(Failure::State { reason }.into()),
                Look::Pending { waits_for } => self.wait(&mut wait, waits_for).await?,
            }
        }
    }

    /// What there is to say of the nodes of a group that is not there yet; nothing when that cannot be told.
    async fn nodes_say(&self, body: &Body, known: &Outputs) -> Option<String> {
        let _permit = self.shared.calls.acquire().await;
        match self.shared.nodes.look(&self.address, body, known).await {
            Ok(Look::Pending { waits_for: text } | Look::Failed { reason: text }) => Some(text),
            Ok(Look::Ready(_) | Look::Gone) | Err(_) => None,
        }
    }

    /// One call, tried again for a while where that can help.
    async fn call<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Ended>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let begun = Instant::now();
        let mut failures = 0;
        loop {
            let outcome = {
                let _permit = self.shared.calls.acquire().await;
                attempt().await
            };
            let error = match outcome {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = pace::retry(&self.address, failures);
            let is_over = pace::patience(&error.why, self.address.kind, self.rolls_nodes)
                .is_none_or(|patience| begun.elapsed() + pause > patience);
            if is_over {
                return Err(Failure::Call(error).into());
            }
            failures += 1;
            let waits_for = Chain(&error).to_string();
            self.tell(Word::Waits(waits_for.clone()));
            self.rest(pause, waits_for).await?;
        }
    }

    async fn wait(&self, wait: &mut Wait, waits_for: String) -> Result<(), Ended> {
        let waited = wait.begun.elapsed();
        if wait.is_over() {
            return Err(Failure::Deadline {
                after: wait.longest,
                waits_for,
            }
            .into());
        }
        self.tell(Word::Waits(waits_for.clone()));
        wait.looks += 1;
        let pause = (wait.pause)(&self.address, waited, wait.looks);
        self.rest(pause, waits_for).await
    }

    /// Lets time pass, unless waits are to be left.
    async fn rest(&self, pause: Duration, waits_for: String) -> Result<(), Ended> {
        let mut halt = self.shared.halt.clone();
        tokio::select! {
            biased;
            // An engine that is gone has left every wait.
            _ = halt.wait_for(|halt| *halt) => Err(Ended::Left(waits_for)),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    fn tell(&self, word: Word) {
        // An engine that is gone listens to nobody.
        let _unheard = self.shared.tell.send((self.index, word));
    }
}

/// A wait under way.
struct Wait {
    begun: Instant,
    longest: Duration,
    /// The pause before the next look, by how long was waited and how often was looked.
    pause: fn(&Address, Duration, u32) -> Duration,
    looks: u32,
}

impl Wait {
    fn new(longest: Duration, pause: fn(&Address, Duration, u32) -> Duration) -> Self {
        Self {
            begun: Instant::now(),
            longest,
            pause,
            looks: 0,
        }
    }

    fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.longest
    }
}

fn joined(text: String, nodes: Option<String>) -> String {
    match nodes {
        Some(nodes) => format!("{text}; {nodes}"),
        None => text,
    }
}
