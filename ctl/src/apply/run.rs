//! Runs a plan: every step begins as soon as what it needs is done, and each is written into the journal before its first
//! call and after its end.
//!
//! A step that fails stops only what needs it. Whatever ends a run early (a second Ctrl-C, kill -9) leaves nothing behind
//! that the next run does not find: by its owner tags or name, or as the same creation through its client token.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use node::chain::Chain;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::event::{Act, Event, Observer};
use super::graph::{self, Cycle, Half, Node};
use super::hands::Hands;
use super::journal::{Entry, Journal};
use super::nodes::Nodes;
use super::report::{End, Failure, Outcome, Report};
use super::step::{Ended, Shared, Step, Task, Word};
use super::stop::Stop;
use super::{prepare, report};
use crate::plan::change::{Action, Change, Plan};
use crate::resource::{Address, Outputs};

/// Calls that are finished when a run's deadline passes get so long.
const GRACE: Duration = Duration::from_secs(30);

/// How a run may go.
#[derive(Debug, Clone)]
pub struct Options {
    /// When it ends at the latest, from its beginning.
    pub deadline: Option<Duration>,
    /// Whether it is to end before.
    pub stop: watch::Receiver<Stop>,
    /// How many calls may be under way at once.
    pub calls: usize,
}

/// Runs a plan to its end. `observer` sees every event as it happens, and the passing of seconds.
///
/// # Errors
/// The steps need each other. Nothing was begun.
pub async fn run<H: Hands, N: Nodes>(
    plan: &Plan,
    hands: Arc<H>,
    nodes: Arc<N>,
    journal: &mut Journal,
    options: Options,
    observer: &mut impl Observer,
) -> Result<Report, Cycle> {
    let steps = graph::nodes(plan)?;
    let (halt, halted) = watch::channel(false);
    let (tell, words) = mpsc::unbounded_channel();
    let shared = Shared {
        hands,
        nodes,
        calls: Arc::new(Semaphore::new(options.calls.max(1))),
        halt: halted,
        tell,
    };
    let engine = Engine {
        plan,
        states: steps.iter().map(|_| State::Waiting).collect(),
        took: vec![None; steps.len()],
        steps,
        known: prepare::known(plan, journal),
        tasks: JoinSet::new(),
        shared,
        words,
        halt,
        unwritten: journal.begin(&plan.fingerprint).err(),
        journal,
        observer,
        begun: Instant::now(),
        is_late: false,
    };
    Ok(Box::pin(engine.drive(options)).await)
}

enum State {
    Waiting,
    Running { since: Duration, waits_for: String },
    Over(Outcome),
}

struct Engine<'a, H, N, O> {
    plan: &'a Plan,
    steps: Vec<Node>,
    states: Vec<State>,
    /// How long each step took that ended well.
    took: Vec<Option<Duration>>,
    /// What is known of everything that exists.
    known: BTreeMap<Address, Outputs>,
    tasks: JoinSet<(usize, Result<Outputs, Ended>)>,
    shared: Shared<H, N>,
    words: mpsc::UnboundedReceiver<(usize, Word)>,
    /// Set when nothing begins and nothing is waited for any more.
    halt: watch::Sender<bool>,
    journal: &'a mut Journal,
    /// The first failure to write the journal.
    unwritten: Option<super::journal::Error>,
    observer: &'a mut O,
    begun: Instant,
    /// Whether the deadline of the run has passed.
    is_late: bool,
}

impl<'a, H: Hands, N: Nodes, O: Observer> Engine<'a, H, N, O> {
    async fn drive(mut self, options: Options) -> Report {
        let Options { deadline, stop, .. } = options;
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let mut end_at = deadline.map(|deadline| self.begun + deadline);
        let mut level = *stop.borrow();
        if self.unwritten.is_some() || level != Stop::No {
            self.halt.send_replace(true);
        }
        loop {
            self.begin_ready();
            if self.tasks.is_empty() {
                break;
            }
            tokio::select! {
                biased;
                next = beyond(stop.clone(), level) => {
                    level = next;
                    self.halt.send_replace(true);
                    if level == Stop::Now {
                        break;
                    }
                }
                () = at(end_at) => {
                    if self.is_late {
                        break;
                    }
                    self.is_late = true;
                    self.halt.send_replace(true);
                    end_at = Some(Instant::now() + GRACE);
                }
                Some((index, word)) = self.words.recv() => self.hear(index, word),
                Some(joined) = self.tasks.join_next() => {
                    // A step that panicked is a fault of ours: it is reported as left.
                    if let Ok((index, outcome)) = joined {
                        self.hear_rest();
                        self.over(index, outcome);
                    }
                }
                _ = second.tick() => {
                    let at = self.begun.elapsed();
                    self.observer.tick(at);
                }
            }
        }
        self.hear_rest();
        self.report(level)
    }

    /// Begins every step whose needs are done. All of them are in the journal before the first makes a call.
    fn begin_ready(&mut self) {
        if *self.halt.borrow() {
            return;
        }
        let mut ready = Vec::new();
        for index in 0..self.steps.len() {
            let is_ready = matches!(self.states[index], State::Waiting)
                && self.steps[index]
                    .needs
                    .iter()
                    .all(|need| self.took[*need].is_some());
            if !is_ready {
                continue;
            }
            let (change, half) = self.change(index);
            match prepare::task(change, half, &self.known, |address| {
                self.journal.token(address)
            }) {
                Ok(task) => ready.push((index, task)),
                Err(failure) => self.fail(index, act(change.action, half), Duration::ZERO, failure),
            }
        }
        let entries: Vec<Entry> = ready
            .iter()
            .map(|(index, task)| Entry::Started {
                address: self.address(*index),
                act: task.act(),
            })
            .collect();
        // The token of a creation does not depend on the lines that are written here: only deletions end a life.
        if let Err(error) = self.journal.append(&entries) {
            let mut error = Some(error);
            for (index, task) in ready {
                match error.take() {
                    Some(error) => self.fail(index, task.act(), Duration::ZERO, error.into()),
                    None => self.states[index] = State::Over(Outcome::NotStarted),
                }
            }
            return;
        }
        for (index, task) in ready {
            self.begin(index, task);
        }
    }

    fn begin(&mut self, index: usize, task: Task) {
        let address = self.address(index);
        let since = self.begun.elapsed();
        self.states[index] = State::Running {
            since,
            waits_for: String::new(),
        };
        self.see(index, &Event::Begun { act: task.act() });
        let step = Step {
            index,
            known: self.known.get(&address).cloned().unwrap_or_default(),
            rolls_nodes: self.change(index).0.rolls_nodes,
            address,
            task,
            shared: self.shared.clone(),
        };
        self.tasks.spawn(step.run());
    }

    fn hear_rest(&mut self) {
        while let Ok((index, word)) = self.words.try_recv() {
            self.hear(index, word);
        }
    }

    fn hear(&mut self, index: usize, word: Word) {
        match word {
            Word::Accepted(outputs) => {
                let address = self.address(index);
                self.write(Entry::Accepted { address, outputs });
            }
            Word::Warns(text) => self.see(index, &Event::Warns { text }),
            Word::Waits(text) => {
                let State::Running { waits_for, .. } = &mut self.states[index] else {
                    return;
                };
                if *waits_for != text {
                    waits_for.clone_from(&text);
                    self.see(index, &Event::Waits { waits_for: text });
                }
            }
        }
    }

    fn over(&mut self, index: usize, outcome: Result<Outputs, Ended>) {
        let State::Running { since, .. } = self.states[index] else {
            return;
        };
        let took = self.begun.elapsed().saturating_sub(since);
        let (change, half) = self.change(index);
        let act = act(change.action, half);
        match outcome {
            Ok(outputs) => {
                let address = self.address(index);
                self.write(Entry::Done {
                    address: address.clone(),
                    act,
                    outputs: outputs.clone(),
                    milliseconds: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                });
                if act == Act::Delete {
                    self.known.remove(&address);
                } else {
                    self.known.insert(address, outputs);
                }
                self.took[index] = Some(took);
                self.states[index] = State::Over(Outcome::Done { took });
                self.see(index, &Event::Done { act, took });
            }
            Err(Ended::Failed(failure)) => self.fail(index, act, took, failure),
            Err(Ended::Left(waits_for)) => self.leave(index, waits_for),
        }
    }

    fn fail(&mut self, index: usize, act: Act, took: Duration, failure: Failure) {
        let error = Chain(&failure).to_string();
        self.write(Entry::Failed {
            address: self.address(index),
            act,
            error: error.clone(),
            over: failure.is_over(),
        });
        self.see(index, &Event::Failed { act, took, error });
        if failure.stops_everything() {
            self.halt.send_replace(true);
        }
        self.states[index] = State::Over(Outcome::Failed { failure });
        let because = self.address(index);
        let mut failed = vec![index];
        while let Some(failed_index) = failed.pop() {
            for later in 0..self.steps.len() {
                let needs = self.steps[later].needs.contains(&failed_index);
                if needs && matches!(self.states[later], State::Waiting) {
                    let because = because.clone();
                    if self.address(later) != because {
                        let because = because.clone();
                        self.see(later, &Event::Skipped { because });
                    }
                    self.states[later] = State::Over(Outcome::Skipped { because });
                    failed.push(later);
                }
            }
        }
    }

    fn leave(&mut self, index: usize, waits_for: String) {
        let event = Event::Left {
            waits_for: waits_for.clone(),
        };
        self.see(index, &event);
        self.states[index] = State::Over(Outcome::Left { waits_for });
    }

    /// Writes a line about something that has happened. When that fails nothing further begins.
    fn write(&mut self, entry: Entry) {
        if let Err(error) = self.journal.append(&[entry]) {
            self.unwritten.get_or_insert(error);
            self.halt.send_replace(true);
        }
    }

    fn see(&mut self, index: usize, event: &Event) {
        let address = self.address(index);
        self.observer.see(&address, event, self.begun.elapsed());
    }

    fn change(&self, index: usize) -> (&'a Change, Half) {
        let node = &self.steps[index];
        (&self.plan.changes[node.change], node.half)
    }

    fn address(&self, index: usize) -> Address {
        self.change(index).0.address.clone()
    }

    fn report(mut self, level: Stop) -> Report {
        for index in 0..self.states.len() {
            if let State::Running { waits_for, .. } = &self.states[index] {
                let waits_for = waits_for.clone();
                self.leave(index, waits_for);
            }
        }
        let critical_path = graph::critical_path(&self.steps, &self.took)
            .into_iter()
            .map(|index| {
                let took = self.took[index].unwrap_or_default();
                (self.address(index), took)
            })
            .collect();
        let outcomes = self.states.into_iter().map(|state| match state {
            State::Over(outcome) => outcome,
            State::Waiting | State::Running { .. } => Outcome::NotStarted,
        });
        let steps = report::steps(self.plan, self.steps.iter().zip(outcomes));
        let end = match End::of(&steps) {
            // A run that could still finish has ended well, whenever it was told to stop.
            End::Done if self.unwritten.is_none() => End::Done,
            _ if level != Stop::No => End::Interrupted,
            _ if self.is_late => End::Deadline,
            _ => End::Failed,
        };
        if let Err(error) = self.journal.end(end) {
            self.unwritten.get_or_insert(error);
        }
        Report {
            end,
            steps,
            outputs: self.known,
            elapsed: self.begun.elapsed(),
            critical_path,
            unwritten: self.unwritten,
        }
    }
}

fn act(action: Action, half: Half) -> Act {
    match (action, half) {
        (_, Half::Remove) => Act::Delete,
        (Action::Change, Half::Make) => Act::Change,
        (Action::Wait | Action::Keep, Half::Make) => Act::Wait,
        (Action::Create | Action::Replace | Action::Delete, Half::Make) => Act::Create,
    }
}

/// Waits until the run is to stop sooner than it is known to.
async fn beyond(mut stop: watch::Receiver<Stop>, level: Stop) -> Stop {
    let next = stop.wait_for(|next| *next > level).await.map(|next| *next);
    match next {
        Ok(next) => next,
        // Nobody is left who could stop it.
        Err(_) => std::future::pending().await,
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
