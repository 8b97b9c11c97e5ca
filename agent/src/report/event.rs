//! Events of our Node: which are due, and what was told already. Pure but for what it remembers.
//!
//! A finding that opens is a Warning, or Normal where it is only worth a note; one that clears is Normal. The event of a
//! finding has a name of its own, so that what happens again is a repeat of it, after a restart of the agent too. Limits:
//! one event for a finding in five minutes, ten in a minute in all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;
use node::finding::{self, Severity};
use node::wire::OpenFinding;
use tokio::time::Instant;

use super::condition::{about, bounded};
use crate::host::own_node::NodeEvent;

/// No two events of one finding are written within this time.
const OF_ONE: Duration = Duration::from_mins(5);
/// No more than so many events are written …
const AT_MOST: usize = 10;
/// … within this time.
const OF_ALL: Duration = Duration::from_mins(1);
/// The API server forgets an event after this time, unless it was set up otherwise.
const LIFETIME: Duration = Duration::from_hours(1);

/// How many events were written and how many not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Written.
    pub written: u64,
    /// Not written when they were due, because there had been too many; later, or never if it was over by then.
    pub held_back: u64,
    /// Refused, or lost on the way; they are tried again.
    pub failed: u64,
}

/// Code and object.
type Key = (String, String);

/// What was told of one finding.
#[derive(Debug, Clone)]
struct Told {
    /// The finding as a claim.
    title: String,
    /// When an event was last tried.
    at: Instant,
    /// The last one said that it is open.
    is_open: bool,
    /// How often it had been seen by then.
    count: u64,
    /// How often it had been seen before it opened last.
    before: u64,
    /// How often it was told that it is over.
    cleared: u64,
    first: Timestamp,
    /// Written since the agent runs.
    is_known: bool,
    is_clearing_known: bool,
}

/// An event that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    /// As it shall be.
    pub event: NodeEvent,
    /// One of this name was written since the agent runs.
    pub is_known: bool,
    key: Key,
    /// What to remember once it is written: open or cleared, and how often seen.
    is_open: bool,
    count: u64,
    title: String,
}

/// What was told, and how much of late.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Makes names of one boot differ from those of another.
    boot_id: String,
    told: BTreeMap<Key, Told>,
    sent: VecDeque<Instant>,
    /// What waits for its time, and was counted.
    held: BTreeSet<Key>,
    counters: Counters,
}

impl Events {
    /// Nothing was told in this run of the agent.
    pub(super) fn new(boot_id: String) -> Self {
        Self {
            boot_id,
            ..Self::default()
        }
    }

    /// What was counted.
    pub(super) fn counters(&self) -> Counters {
        self.counters
    }

    /// When there is something to tell: now, later, or not before something changes. A finding that is only seen again is
    /// no reason to speak.
    pub(super) fn next(&mut self, findings: &[OpenFinding]) -> Option<Instant> {
        let now = Instant::now();
        let opened = findings.iter().map(key);
        let opened = opened.filter(|key| !self.says_open(key));
        let news = opened.chain(self.cleared(findings).cloned());
        let times: BTreeMap<Key, Instant> = news
            .map(|key| (key.clone(), self.not_before(&key, now)))
            .collect();
        // Each is counted once, however long it has to wait.
        self.held.retain(|key| times.contains_key(key));
        for (key, at) in &times {
            if *at > now && self.held.insert(key.clone()) {
                self.counters.held_back += 1;
            }
        }
        times.into_values().min()
    }

    /// What is to be told now about the Node of this name, the gravest first.
    pub(super) fn due(
        &mut self,
        node: &str,
        findings: &[OpenFinding],
        wall: Timestamp,
    ) -> Vec<Due> {
        let now = Instant::now();
        self.told
            .retain(|_, told| told.is_open || now.duration_since(told.at) < LIFETIME);
        while self
            .sent
            .front()
            .is_some_and(|at| now.duration_since(*at) >= OF_ALL)
        {
            self.sent.pop_front();
        }
        let room = AT_MOST.saturating_sub(self.sent.len());
        let opened = findings.iter().filter_map(|open| self.open(node, open));
        let cleared = self
            .cleared(findings)
            .filter_map(|key| self.clear(node, key, wall));
        let is_in_time = |due: &Due| self.not_before(&due.key, now) <= now;
        opened
            .chain(cleared)
            .filter(is_in_time)
            .take(room)
            .collect()
    }

    /// This one was tried.
    pub(super) fn tried(&mut self, due: Due, is_written: bool) {
        let now = Instant::now();
        self.sent.push_back(now);
        let told = self.told.entry(due.key).or_insert(Told {
            title: due.title,
            at: now,
            is_open: false,
            count: 0,
            before: 0,
            cleared: 0,
            first: due.event.first,
            is_known: false,
            is_clearing_known: false,
        });
        told.at = now;
        if !is_written {
            self.counters.failed += 1;
            return;
        }
        self.counters.written += 1;
        if due.is_open {
            if !told.is_open {
                told.before = told.before.saturating_add(told.count);
            }
            told.count = due.count;
            told.is_known = true;
        } else {
            told.cleared = due.count;
            told.is_clearing_known = true;
        }
        told.is_open = due.is_open;
    }

    /// The event that says that this finding is open; `None` when it was told as it is.
    fn open(&self, node: &str, open: &OpenFinding) -> Option<Due> {
        let key = key(open);
        let told = self.told.get(&key);
        if told.is_some_and(|told| told.is_open && told.count >= open.count) {
            return None;
        }
        let before = told.map_or(0, |told| {
            let of_last = if told.is_open { 0 } else { told.count };
            told.before.saturating_add(of_last)
        });
        let event = NodeEvent {
            name: self.name(node, &key, true),
            reason: finding::reason(&open.code),
            message: bounded(&about(&open.title, &open.object)),
            is_warning: open.severity > Severity::Info,
            count: i32::try_from(before.saturating_add(open.count)).unwrap_or(i32::MAX),
            first: told.map_or(open.first_seen, |told| told.first),
            last: open.last_seen,
        };
        Some(Due {
            event,
            is_known: told.is_some_and(|told| told.is_known),
            key,
            is_open: true,
            count: open.count,
            title: open.title.clone(),
        })
    }

    /// The event that says that this finding is over.
    fn clear(&self, node: &str, key: &Key, wall: Timestamp) -> Option<Due> {
        let told = self.told.get(key)?;
        let count = told.cleared + 1;
        let about = about(&told.title, &key.1);
        let event = NodeEvent {
            name: self.name(node, key, false),
            reason: finding::reason(&key.0),
            message: bounded(&format!("cleared: {about}")),
            is_warning: false,
            count: i32::try_from(count).unwrap_or(i32::MAX),
            first: wall,
            last: wall,
        };
        Some(Due {
            event,
            is_known: told.is_clearing_known,
            key: key.clone(),
            is_open: false,
            count,
            title: told.title.clone(),
        })
    }

    fn says_open(&self, key: &Key) -> bool {
        self.told.get(key).is_some_and(|told| told.is_open)
    }

    /// Findings that were told as open and are so no more.
    fn cleared<'a>(&'a self, findings: &[OpenFinding]) -> impl Iterator<Item = &'a Key> {
        let open: BTreeSet<Key> = findings.iter().map(key).collect();
        self.told
            .iter()
            .filter(move |(key, told)| told.is_open && !open.contains(*key))
            .map(|(key, _)| key)
    }

    /// When an event of this finding may be written: now, if that time is past.
    fn not_before(&self, key: &Key, now: Instant) -> Instant {
        let of_one = self.told.get(key).map(|told| told.at + OF_ONE);
        let last = self.sent.len().checked_sub(AT_MOST);
        let of_all = last
            .and_then(|index| self.sent.get(index))
            .map(|at| *at + OF_ALL);
        of_one.unwrap_or(now).max(of_all.unwrap_or(now))
    }

    /// In the form that the kubelet gives the names of its events. The hasher has no seed: another run of the agent finds
    /// the same name.
    fn name(&self, node: &str, key: &Key, is_open: bool) -> String {
        let mut hasher = DefaultHasher::new();
        (&self.boot_id, key, is_open).hash(&mut hasher);
        format!("{node}.{:016x}", hasher.finish())
    }
}

fn key(open: &OpenFinding) -> Key {
    (open.code.clone(), open.object.clone())
}

#[cfg(test)]
mod tests;
