//! What an engine keeps: sightings that add up, findings, and the room for them.

use jiff::Timestamp;

use super::super::set::AnyRule;
use super::super::track::Track;
use super::super::{Harmless, Record, Threshold, elapsed};
use super::{Engine, TRACKS};

/// So many (rule, object) pairs at most are of rules of the node's owner …
const USER_TRACKS: usize = 128;
/// … and so many of one of these.
const TRACKS_OF_ONE: usize = 32;

impl Engine {
    /// Counts a sighting; nothing where it is harmless, or where there is no room for it.
    pub(super) fn hit(
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

    pub(super) fn explain(&mut self, index: usize, object: String, record: &Record<'_>) {
        let Some(track) = self.track((index, object), record.at, record.unit) else {
            return;
        };
        if track.count == 0 {
            track.last_seen = record.at;
        }
        track.evidence.add(record.message);
    }

    pub(super) fn track(
        &mut self,
        key: (usize, String),
        at: Timestamp,
        unit: &str,
    ) -> Option<&mut Track> {
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
    pub(super) fn has_room(&self, index: usize) -> bool {
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

    pub(super) fn is_harmless(&self, harmless: Harmless, object: &str, at: Timestamp) -> bool {
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
    pub(super) fn settle(&mut self, now: Timestamp) {
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

    /// Forgets what was tracked, and tells it if it was a finding.
    pub(super) fn take_back(&mut self, key: &(usize, String)) {
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
    pub(super) fn over(&mut self, index: usize, object: &str) {
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
    pub(super) fn threshold(&self, index: usize) -> Threshold {
        self.rules
            .get(index)
            .map_or(Threshold::ONCE, AnyRule::threshold)
    }
}
