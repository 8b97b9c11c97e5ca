//! What an engine is told of units and by probes: states, restarts, checks.

use jiff::Timestamp;

use super::super::set::AnyRule;
use super::super::track::Track;
use super::super::unit::{self, Unit};
use super::super::{Detect, Observation, Record, Signal, elapsed};
use super::Engine;

impl Engine {
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

    pub(super) fn probed(
        &mut self,
        code: &str,
        object: &str,
        failure: Option<&str>,
        at: Timestamp,
    ) {
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

    pub(super) fn checked(&mut self, signal: Signal, failure: Option<&str>, at: Timestamp) {
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

    /// A line of the service manager: unit starts, stops and restarts. Whether it changed what is known.
    pub(super) fn manager_line(&mut self, record: &Record<'_>) -> bool {
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

    pub(super) fn restarted(&mut self, name: &str, new: u32, at: Timestamp, evidence: &str) {
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

    pub(super) fn unit_mut(&mut self, name: &str, change: impl FnOnce(&mut Unit)) {
        if !self.units.contains_key(name) {
            self.units.insert(name.to_owned(), Unit::default());
        }
        if let Some(unit) = self.units.get_mut(name) {
            change(unit);
        }
    }
}
