//! The watch: what the units say and how they are, through the rules, for the life of the node.
//!
//! [`Watch`] is one long-lived loop. In: log lines of all sources ([`Lines`]), observations of units ([`units`]) and of all else
//! that is looked at again and again ([`schedule`]), the time. Out: the open findings and its own counters, through a
//! channel that always holds the latest. It keeps its place in each source and what the rules know in a file ([`state`]),
//! so that a restart of the agent neither forgets a finding nor reads a line twice. It decides nothing itself: `node::rule`
//! does. It ends only by being dropped; [`Watch::save`] comes after.

pub mod boot;
pub mod logs;
pub mod rounds;
pub mod rules;
pub mod schedule;
pub mod serving_certificate;
mod source;
pub mod ssm;
mod state;
pub mod units;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use node::chain::Chain;
use node::rule::{Engine, Observation, Signal};
use node::wire::{Identity, LogSource, OpenFinding};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::host::root::Root;

use rules::Rules;
pub use source::{Lines, Places, Read, Sources, may_befall};
use state::State;

/// How often findings are looked at for recovery, and published.
const TICK: Duration = Duration::from_secs(1);
/// The places are saved at least so often while lines come in. Lines read twice after a crash are harmless.
const SAVE_PERIOD: Duration = Duration::from_mins(1);
/// Whatever is looked at from the start on was looked at by this time after the past has been read.
const FIRST_CHECKS: Duration = Duration::from_secs(15);
/// So many ticks without a line, and the past has been read.
const QUIET_TICKS: u8 = 2;

/// What the watch shows of itself.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The rules that are in use.
    pub rules: Arc<Rules>,
    /// Findings that are open, root causes first.
    pub findings: Vec<OpenFinding>,
    /// What was read and what was not, of each source.
    pub sources: Vec<LogSource>,
    /// Sightings that found no room in the engine.
    pub refused: u64,
    /// Time that the rules took for lines.
    pub rule_time: Duration,
    /// All sources that there are work now.
    pub is_source_running: bool,
    /// The SSM agent has reported to Systems Manager in this boot.
    pub has_ssm_connected: bool,
    /// The past of this boot has been read; before that, findings are those of the last run.
    pub is_caught_up: bool,
    /// The checks have run since: who was not found wanting is well.
    pub has_checked: bool,
    /// When the loop last came round.
    pub ticked: Instant,
}

impl Seen {
    /// What is seen before anything was looked at.
    pub fn nothing() -> Self {
        Self {
            rules: Arc::new(Rules::shipped()),
            findings: Vec::new(),
            sources: Vec::new(),
            refused: 0,
            rule_time: Duration::ZERO,
            is_source_running: false,
            has_ssm_connected: false,
            is_caught_up: false,
            has_checked: false,
            ticked: Instant::now(),
        }
    }

    /// Whether the difference is worth waking anyone for: what is open and what to do, not how often it was seen.
    fn differs_from(&self, other: &Self) -> bool {
        let is_same = |(one, other): (&OpenFinding, &OpenFinding)| {
            (&one.code, &one.object, &one.fix) == (&other.code, &other.object, &other.fix)
        };
        let are_same = self.findings.len() == other.findings.len()
            && self.findings.iter().zip(&other.findings).all(is_same);
        !Arc::ptr_eq(&self.rules, &other.rules)
            || self.is_caught_up != other.is_caught_up
            || self.has_checked != other.has_checked
            || self.is_source_running != other.is_source_running
            || self.has_ssm_connected != other.has_ssm_connected
            || !are_same
    }
}

/// What a watch is connected to.
#[derive(Debug)]
pub struct Ports {
    /// How units are, from [`units::poll`].
    pub observations: mpsc::Receiver<Observation>,
    /// Who this node is, once that is known.
    pub identity: watch::Receiver<Identity>,
    /// The rules, and others when they are exchanged.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// Where the findings go.
    pub seen: watch::Sender<Seen>,
}

/// The loop and what it knows.
#[derive(Debug)]
pub struct Watch<L> {
    lines: L,
    ports: Ports,
    rules: Arc<Rules>,
    clock: fn() -> Timestamp,
    root: Root,
    boot_id: String,
    engine: Engine,
    places: Places,
    /// What is younger than this is not the past.
    started: Timestamp,
    quiet_ticks: u8,
    rule_time: Duration,
    is_caught_up: bool,
    /// When the first check came in after the past was read.
    checked: Option<Instant>,
    saved: Saved,
}

#[derive(Debug)]
struct Saved {
    at: Instant,
    /// Nothing was read since.
    is_current: bool,
}

impl Watch<Sources> {
    /// A watch of this machine that goes on where the last one of this boot ended.
    pub fn of_machine(root: &Root, boot_id: String, ports: Ports) -> Self {
        let units = ports.rules.borrow().journal_sources();
        Self::new(root, boot_id, ports, Timestamp::now, |places| {
            Sources::open(root, places, &units)
        })
    }
}

impl<L: Lines> Watch<L> {
    /// A watch of what `source` opens at the right place.
    pub fn new(
        root: &Root,
        boot_id: String,
        mut ports: Ports,
        clock: fn() -> Timestamp,
        source: impl FnOnce(&Places) -> L,
    ) -> Self {
        let rules = Arc::clone(&ports.rules.borrow_and_update());
        let mut engine = Engine::with(Arc::clone(&rules.set));
        let State {
            places, snapshot, ..
        } = state::load(root, &boot_id);
        engine.restore(snapshot, clock());
        engine.set_identity(ports.identity.borrow_and_update().clone());
        Self {
            lines: source(&places),
            ports,
            rules,
            clock,
            root: root.clone(),
            boot_id,
            engine,
            saved: Saved {
                at: Instant::now(),
                is_current: true,
            },
            places,
            started: clock(),
            quiet_ticks: 0,
            rule_time: Duration::ZERO,
            is_caught_up: false,
            checked: None,
        }
    }

    /// Watches until it is dropped.
    pub async fn run(&mut self) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut observers_are_gone, mut rules_stay, mut identity_stays) = (false, false, false);
        loop {
            tokio::select! {
                read = self.lines.next() => self.take(read),
                observation = self.ports.observations.recv(), if !observers_are_gone => {
                    match observation {
                        // How a unit is now says nothing about the past that is being read.
                        Some(observation) if self.is_caught_up => {
                            self.checked.get_or_insert_with(Instant::now);
                            self.engine.observe(&observation, (self.clock)());
                        }
                        Some(_) => {}
                        None => observers_are_gone = true,
                    }
                }
                changed = self.ports.rules.changed(), if !rules_stay => match changed {
                    Ok(()) => self.exchange_rules(),
                    Err(_) => rules_stay = true,
                },
                changed = self.ports.identity.changed(), if !identity_stays => match changed {
                    Ok(()) => self.exchange_identity(),
                    Err(_) => identity_stays = true,
                },
                _ = ticks.tick() => self.tick(),
            }
        }
    }

    /// Writes down the places in the sources and what the rules know. A node whose disk is full goes on without.
    pub fn save(&mut self) {
        let state = State {
            boot_id: self.boot_id.clone(),
            places: self.places.clone(),
            snapshot: self.engine.snapshot(),
        };
        self.saved = Saved {
            at: Instant::now(),
            is_current: true,
        };
        if let Err(error) = state::save(&self.root, &state) {
            tracing::warn!(error = %Chain(&error), "the state of the watch is not saved");
        }
    }

    /// Goes on with other rules. Lines of units that were not read before are read from now on.
    fn exchange_rules(&mut self) {
        self.rules = Arc::clone(&self.ports.rules.borrow_and_update());
        let rules = Arc::clone(&self.rules.set);
        self.engine.set_rules(rules, (self.clock)());
        self.lines.read_from(&self.rules.journal_sources());
        if self.publish() {
            self.save();
        }
    }

    /// Whoever shows a finding shows its fix for the node that this is.
    fn exchange_identity(&mut self) {
        let identity = self.ports.identity.borrow_and_update().clone();
        self.engine.set_identity(identity);
        self.publish();
    }

    fn take(&mut self, Read { source, entry }: Read) {
        self.quiet_ticks = 0;
        self.is_caught_up |= entry.at >= self.started;
        let began = Instant::now();
        self.engine.record(&entry.record());
        self.rule_time += began.elapsed();
        match self.places.get_mut(source) {
            Some(place) => *place = entry.cursor,
            None => drop(self.places.insert(source.to_owned(), entry.cursor)),
        }
        self.saved.is_current = false;
    }

    fn tick(&mut self) {
        self.quiet_ticks = self.quiet_ticks.saturating_add(1);
        self.is_caught_up |= self.quiet_ticks > QUIET_TICKS;
        self.engine.tick((self.clock)());
        let has_changed = self.publish();
        let is_due = self.saved.at.elapsed() >= SAVE_PERIOD && !self.saved.is_current;
        if has_changed || is_due {
            self.save();
        }
    }

    /// Shows what is open. While the past is read, what was open at some point of it is no news: the findings shown are
    /// those of before. Whether they changed.
    fn publish(&self) -> bool {
        self.ports.seen.send_if_modified(|seen| {
            let findings = if self.is_caught_up {
                self.engine.open()
            } else {
                std::mem::take(&mut seen.findings)
            };
            let new = Seen {
                rules: Arc::clone(&self.rules),
                findings,
                sources: self.lines.reports(),
                refused: self.engine.refused(),
                rule_time: self.rule_time,
                is_source_running: self.lines.is_running(),
                has_ssm_connected: self.engine.last(Signal::SsmConnected).is_some(),
                is_caught_up: self.is_caught_up,
                has_checked: self
                    .checked
                    .is_some_and(|first| first.elapsed() >= FIRST_CHECKS),
                ticked: Instant::now(),
            };
            let old = std::mem::replace(seen, new);
            let has_changed = self.is_caught_up && seen.differs_from(&old);
            if has_changed {
                log_changes(&old.findings, &seen.findings);
            }
            has_changed
        })
    }

    /// Shows the findings of the last run, before the loop begins.
    pub fn announce(&self) {
        self.ports.seen.send_modify(|seen| {
            seen.findings = self.engine.open();
            seen.rules = Arc::clone(&self.rules);
        });
    }
}

fn log_changes(old: &[OpenFinding], new: &[OpenFinding]) {
    let is_in = |findings: &[OpenFinding], one: &OpenFinding| {
        findings
            .iter()
            .any(|finding| finding.code == one.code && finding.object == one.object)
    };
    for finding in new.iter().filter(|finding| !is_in(old, finding)) {
        let evidence = finding.evidence.last().map_or("", String::as_str);
        tracing::warn!(
            code = finding.code,
            object = finding.object,
            evidence,
            "finding: {}",
            finding.title
        );
    }
    for finding in old.iter().filter(|finding| !is_in(new, finding)) {
        tracing::info!(
            code = finding.code,
            object = finding.object,
            "cleared: {}",
            finding.title
        );
    }
}
