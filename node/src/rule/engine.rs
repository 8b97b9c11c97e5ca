//! The engine: runs the rules, keeps what they have seen, and takes findings back when their recovery says so.
//!
//! Inputs: [`Engine::record`], [`Engine::observe`], [`Engine::tick`]. Output: [`Engine::open`]. Memory is bounded whatever
//! comes in: so many tracks, so many lines of evidence each, so many bytes per line.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::set::{AnyRule, RuleSet};
use super::track::Track;
use super::unit::{self, Unit};
use super::{
    Detect, Harmless, Match, Observation, Record, Signal, Speaker, Threshold, elapsed, signal,
};
use crate::rank;
use crate::wire::{Identity, OpenFinding};

/// The most (rule, object) pairs that are kept at a time.
const TRACKS: usize = 256;

/// So many of them at most are of rules of the node's owner …
const USER_TRACKS: usize = 128;
/// … and so many of one of these.
const TRACKS_OF_ONE: usize = 32;

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

    /// Takes something that was looked at, at this time.
    pub fn observe(&mut self, observation: &Observation, at: Timestamp) {
        let (name, installed, active, sub, restarts) = match observation {
            Observation::Unit {
                name,
                installed,
                active,
                sub,
                restarts,
            } => (name, installed, active, sub, restarts),
            Observation::Probe {
                code,
                object,
                failure,
            } => return self.probed(code, object, failure.as_deref(), at),
            Observation::Check { signal, failure } => {
                return self.checked(*signal, failure.as_deref(), at);
            }
        };
        if !self.rules.is_watched(name) {
            return;
        }
        let is_active = matches!(active.as_str(), "active" | "reloading" | "refreshing");
        let unit = self.units.entry(name.clone()).or_default();
        let new = if *installed {
            unit.observed(*restarts)
        } else {
            0
        };
        unit.is_missing = !installed;
        if is_active {
            if new > 0 || unit.active_since.is_none() {
                unit.started(at);
            }
        } else if active != "activating" || sub == "auto-restart" {
            unit.stopped();
        }
        self.settle(at);
        if new > 0 {
            self.restarted(
                name,
                new,
                at,
                &format!("{name}: the restart counter rose to {restarts}"),
            );
        }
        if *installed && !is_active {
            for index in self
                .rules
                .that(|detect| matches!(detect, Detect::NotActive(unit) if unit == name))
            {
                self.hit(
                    index,
                    name.clone(),
                    name,
                    at,
                    &format!("{name} is {active} ({sub})"),
                );
            }
        }
    }

    fn probed(&mut self, code: &str, object: &str, failure: Option<&str>, at: Timestamp) {
        let Some(index) = self.rules.position(code) else {
            return;
        };
        let is_probe = |detect: &Detect| matches!(detect, Detect::Probe);
        let rule = self.rules.get(index);
        if !rule.is_some_and(|rule| rule.detect().iter().any(is_probe)) {
            return;
        }
        if let Some(failure) = failure {
            self.hit(index, object.to_owned(), "", at, failure);
            return;
        }
        self.settle(at);
        let key = (index, object.to_owned());
        let is_clear = |track: &Track| {
            let mut times = self
                .rules
                .get(index)
                .into_iter()
                .flat_map(AnyRule::clears_by_probe);
            times.any(|time| elapsed(track.last_seen, at) >= time)
        };
        if self.tracks.get(&key).is_some_and(is_clear) {
            self.take_back(&key);
        }
    }

    /// Forgets what was tracked, and tells it if it was a finding.
    fn take_back(&mut self, key: &(usize, String)) {
        if let Some(track) = self.tracks.remove(key)
            && track.is_open
            && self.cleared.len() < TRACKS
            && let Some(rule) = self.rules.get(key.0)
        {
            self.cleared
                .push(rule.finding(&key.1, &track, &self.identity));
        }
    }

    /// A line said that the fault of this object is over; of all objects, if it is empty.
    fn over(&mut self, index: usize, object: &str) {
        let keys = self.tracks.keys();
        let keys: Vec<_> = keys
            .filter(|(of, tracked)| *of == index && (object.is_empty() || tracked == object))
            .cloned()
            .collect();
        for key in keys {
            self.take_back(&key);
        }
    }

    /// The threshold of a rule.
    fn threshold(&self, index: usize) -> Threshold {
        self.rules
            .get(index)
            .map_or(Threshold::ONCE, AnyRule::threshold)
    }

    fn checked(&mut self, signal: Signal, failure: Option<&str>, at: Timestamp) {
        let Some(failure) = failure else {
            self.signals.insert(signal, at);
            return self.settle(at);
        };
        for index in self
            .rules
            .that(|detect| matches!(detect, Detect::Missing(wanted) if *wanted == signal))
        {
            self.hit(index, String::new(), "", at, failure);
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

    /// A line of the service manager: unit starts, stops and restarts. Whether it changed what is known.
    fn manager_line(&mut self, record: &Record<'_>) -> bool {
        if !self.rules.is_watched(record.unit) {
            return false;
        }
        let Some(change) = unit::change(record.unit, record.message) else {
            return false;
        };
        match change {
            unit::Change::Started => self.unit_mut(record.unit, |unit| unit.started(record.at)),
            unit::Change::Stopped => self.unit_mut(record.unit, Unit::stopped),
            unit::Change::Restarting(counter) => {
                let mut new = 0;
                self.unit_mut(record.unit, |unit| new = unit.restarted(counter));
                self.restarted(record.unit, new, record.at, record.message);
            }
        }
        true
    }

    fn restarted(&mut self, name: &str, new: u32, at: Timestamp, evidence: &str) {
        for index in self
            .rules
            .that(|detect| matches!(detect, Detect::Restarted(unit) if *unit == name))
        {
            // More sightings than the threshold asks for say nothing more about the window.
            let sightings = usize::try_from(new)
                .unwrap_or(usize::MAX)
                .min(self.threshold(index).hits);
            for _ in 0..sightings {
                self.hit(index, name.to_owned(), name, at, evidence);
            }
        }
    }

    /// Counts a sighting; nothing where it is harmless, or where there is no room for it.
    fn hit(
        &mut self,
        index: usize,
        object: String,
        unit: &str,
        at: Timestamp,
        evidence: &str,
    ) -> Option<&mut Track> {
        let rule = self.rules.get(index)?;
        let (threshold, harmless) = (rule.threshold(), rule.harmless());
        let key = (index, object);
        let is_open = self.tracks.get(&key).is_some_and(|track| track.is_open);
        if !is_open && harmless.is_some_and(|harmless| self.is_harmless(harmless, &key.1, at)) {
            return None;
        }
        let track = self.track(key, at, unit)?;
        track.hit(threshold, at, unit);
        track.evidence.add(evidence);
        Some(track)
    }

    fn explain(&mut self, index: usize, object: String, record: &Record<'_>) {
        let Some(track) = self.track((index, object), record.at, record.unit) else {
            return;
        };
        if track.count == 0 {
            track.last_seen = record.at;
        }
        track.evidence.add(record.message);
    }

    fn track(&mut self, key: (usize, String), at: Timestamp, unit: &str) -> Option<&mut Track> {
        if !self.tracks.contains_key(&key) && !self.has_room(key.0) {
            self.refused += 1;
            return None;
        }
        Some(
            self.tracks
                .entry(key)
                .or_insert_with(|| Track::new(at, unit)),
        )
    }

    /// Whether one more object of this rule may be tracked. Whatever the owner's rules see, there is room for the others.
    fn has_room(&self, index: usize) -> bool {
        let is_user = |index: &usize| self.rules.get(*index).is_some_and(AnyRule::is_user);
        if self.tracks.len() >= TRACKS {
            return false;
        }
        if !is_user(&index) {
            return true;
        }
        let indexes = || self.tracks.keys().map(|(index, _)| index);
        indexes().filter(|index| is_user(index)).count() < USER_TRACKS
            && indexes().filter(|of| **of == index).count() < TRACKS_OF_ONE
    }

    fn is_harmless(&self, harmless: Harmless, object: &str, at: Timestamp) -> bool {
        let (signal, time) = match harmless {
            Harmless::Within(signal, time) => (signal, time),
            Harmless::ObjectWithin(of, signal, time) if of == object => (signal, time),
            Harmless::ObjectWithin(..) => return false,
        };
        self.signals
            .get(&signal)
            .is_some_and(|since| elapsed(*since, at) < time)
    }

    /// Forgets what has gone stale and takes back what has recovered.
    fn settle(&mut self, now: Timestamp) {
        self.last_settled = Some(now);
        let Self {
            rules,
            tracks,
            signals,
            units,
            identity,
            cleared,
            ..
        } = self;
        tracks.retain(|(index, object), track| {
            let Some(rule) = rules.get(*index) else {
                return false;
            };
            let recovered = rule.is_clear(object, track, signals, units, now);
            if recovered && track.is_open && cleared.len() < TRACKS {
                cleared.push(rule.finding(object, track, identity));
            }
            !recovered && !track.is_stale(rule.threshold().within, now)
        });
    }

    fn unit_mut(&mut self, name: &str, change: impl FnOnce(&mut Unit)) {
        if !self.units.contains_key(name) {
            self.units.insert(name.to_owned(), Unit::default());
        }
        if let Some(unit) = self.units.get_mut(name) {
            change(unit);
        }
    }
}
