//! The engine: runs the rules, keeps what they have seen, and takes findings back when their recovery says so.
//!
//! Inputs: [`Engine::record`], [`Engine::observe`], [`Engine::tick`]. Output: [`Engine::open`]. Memory is bounded whatever
//! comes in: so many tracks, so many lines of evidence each, so many bytes per line.

mod hold;
mod observe;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::set::{AnyRule, RuleSet};
use super::track::Track;
use super::unit::Unit;
use super::{Match, Record, Signal, Speaker, Threshold, elapsed, signal};
use crate::rank;
use crate::wire::{Identity, OpenFinding};

/// The most (rule, object) pairs that are kept at a time.
const TRACKS: usize = 256;

/// All rules and what they have seen.
#[derive(Debug, Clone)]
pub struct Engine {
    rules: Arc<RuleSet>,
    identity: Identity,
    tracks: BTreeMap<(usize, String), Track>,
    signals: BTreeMap<Signal, Timestamp>,
    units: BTreeMap<String, Unit>,
    last_tick: Option<Timestamp>,
    last_settled: Option<Timestamp>,
    refused: u64,
    cleared: Vec<OpenFinding>,
}

/// What an [`Engine`] knows, to survive a restart of the program within one boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    #[serde(default)]
    tracks: Vec<Entry>,
    #[serde(default)]
    signals: BTreeMap<Signal, Timestamp>,
    #[serde(default)]
    units: BTreeMap<String, Unit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    code: String,
    #[serde(default)]
    object: String,
    track: Track,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}

impl Engine {
    /// An engine with all rules of the program and no others, that has seen nothing.
    pub fn new() -> Self {
        Self::with(RuleSet::shipped())
    }

    /// An engine with these rules, that has seen nothing.
    pub fn with(rules: Arc<RuleSet>) -> Self {
        Self {
            rules,
            identity: Identity::default(),
            tracks: BTreeMap::new(),
            signals: BTreeMap::new(),
            units: BTreeMap::new(),
            last_tick: None,
            last_settled: None,
            refused: 0,
            cleared: Vec::new(),
        }
    }

    /// Goes on with other rules. What is known of a rule that is among them too stays as it is; findings of one that is not
    /// are taken back.
    pub fn set_rules(&mut self, rules: Arc<RuleSet>, now: Timestamp) {
        let old = std::mem::replace(&mut self.rules, rules);
        for ((index, object), mut track) in std::mem::take(&mut self.tracks) {
            let Some(rule) = old.get(index) else {
                continue;
            };
            if let Some(index) = self.rules.position(rule.code()) {
                track.bound(self.threshold(index), now);
                self.tracks.insert((index, object), track);
            } else if track.is_open && self.cleared.len() < TRACKS {
                self.cleared
                    .push(rule.finding(&object, &track, &self.identity));
            }
        }
        let rules = &self.rules;
        self.units.retain(|name, _| rules.is_watched(name));
    }

    /// Tells the node's name, cluster and role, which the fixes of findings speak of.
    pub fn set_identity(&mut self, identity: Identity) {
        self.identity = identity;
    }

    /// Takes one line of a log.
    pub fn record(&mut self, record: &Record<'_>) {
        // Lines of a day come in a second when the journal is read from its start: recovery goes by their own clock.
        if self
            .last_settled
            .is_none_or(|last| elapsed(last, record.at).as_secs() >= 1)
        {
            self.settle(record.at);
        }
        let mut changed = false;
        if let Some(signal) = signal::of(record) {
            self.signals.insert(signal, record.at);
            changed = true;
            if signal == Signal::KubeletStarted {
                self.unit_mut(record.unit, |unit| unit.started(record.at));
            }
        }
        if record.speaker() == Speaker::Manager {
            changed |= self.manager_line(record);
        }
        if changed {
            self.settle(record.at);
        }
        for (index, found) in self.rules.matches(record) {
            match found {
                Match::Hit { object } => {
                    self.hit(index, object, record.unit, record.at, record.message);
                }
                Match::Proof { object } => {
                    let track = self.hit(index, object, record.unit, record.at, record.message);
                    if let Some(track) = track {
                        track.is_open = true;
                    }
                }
                Match::Evidence { object } => self.explain(index, object, record),
                Match::Over { object } => self.over(index, &object),
            }
        }
    }

    /// Tells the time, so that silence counts. A clock that was set back takes all times with it: nothing stays open
    /// until a wrong clock would have been right.
    pub fn tick(&mut self, now: Timestamp) {
        if self.last_tick.is_some_and(|last| now < last) {
            for ((index, _), track) in &mut self.tracks {
                let rule = self.rules.get(*index);
                track.bound(rule.map_or(Threshold::ONCE, AnyRule::threshold), now);
            }
            for at in self.signals.values_mut() {
                *at = (*at).min(now);
            }
            for since in self
                .units
                .values_mut()
                .filter_map(|unit| unit.active_since.as_mut())
            {
                *since = (*since).min(now);
            }
        }
        self.last_tick = Some(now);
        self.settle(now);
    }

    /// The findings that are open, root causes first.
    pub fn open(&self) -> Vec<OpenFinding> {
        let open = self.tracks.iter().filter(|(_, track)| track.is_open);
        let open = open.filter_map(|((index, object), track)| {
            let rule = self.rules.get(*index)?;
            Some(rule.finding(object, track, &self.identity))
        });
        rank::order(open.collect())
    }

    /// The findings that were taken back since the last call, at most so many as an engine holds, the oldest first.
    pub fn take_cleared(&mut self) -> Vec<OpenFinding> {
        std::mem::take(&mut self.cleared)
    }

    /// When a signal was last seen in this boot.
    pub fn last(&self, signal: Signal) -> Option<Timestamp> {
        self.signals.get(&signal).copied()
    }

    /// Sightings that were not kept because too many objects were tracked already.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What is known, for [`Engine::restore`].
    pub fn snapshot(&self) -> Snapshot {
        let tracks = self.tracks.iter().filter_map(|((index, object), track)| {
            Some(Entry {
                code: self.rules.get(*index)?.code().to_owned(),
                object: object.clone(),
                track: track.clone(),
            })
        });
        Snapshot {
            tracks: tracks.collect(),
            signals: self.signals.clone(),
            units: self.units.clone(),
        }
    }

    /// Takes up what an earlier run of the program knew. Findings of rules that are no more are forgotten, and no more
    /// is taken than an engine may hold.
    pub fn restore(&mut self, snapshot: Snapshot, now: Timestamp) {
        for Entry {
            code,
            object,
            mut track,
        } in snapshot.tracks.into_iter().take(TRACKS)
        {
            if let Some(index) = self.rules.position(&code) {
                track.bound(self.threshold(index), now);
                self.tracks.insert((index, object), track);
            }
        }
        self.signals = snapshot.signals;
        self.units = snapshot.units;
        let rules = &self.rules;
        self.units.retain(|name, _| rules.is_watched(name));
        self.last_tick = Some(now);
    }
}
