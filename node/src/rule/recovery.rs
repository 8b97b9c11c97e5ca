//! Whether a finding is taken back. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::track::Track;
use super::unit::Unit;
use super::{Clear, Signal, elapsed};

/// Whether this has happened to what was tracked, by now.
pub(super) fn is_clear(
    clear: Clear,
    object: &str,
    track: &Track,
    signals: &BTreeMap<Signal, Timestamp>,
    units: &BTreeMap<String, Unit>,
    now: Timestamp,
) -> bool {
    let active_since = |name: &str| units.get(name).and_then(|unit| unit.active_since);
    let is_silent = |time| {
        let speaker = units.get(&track.unit);
        let quiet_since = speaker
            .and_then(|unit| unit.active_since)
            .map_or(track.last_seen, |at| at.max(track.last_seen));
        !speaker.is_some_and(|unit| unit.is_down) && elapsed(quiet_since, now) >= time
    };
    let came = |signal| {
        signals
            .get(&signal)
            .is_some_and(|at| *at >= track.last_seen)
    };
    match clear {
        Clear::On(signal) => came(signal),
        Clear::ObjectOn(of, signal) => of == object && came(signal),
        Clear::Silence(time) => is_silent(time),
        Clear::SilenceAfter(signal, time) => signals.contains_key(&signal) && is_silent(time),
        Clear::UnitActive(name, time) => {
            active_since(name).is_some_and(|since| elapsed(since, now) >= time)
        }
        // Only a finding that is open settles: a kubelet that dies a little later than this every time must still add up.
        // And it must outlive the rhythm in which it died, or a slow loop would clear between two of its rounds.
        Clear::UnitSettled(name, signal, time) => {
            let patience = time.max(track.rhythm() * 2);
            track.is_open
                && active_since(name)
                    .zip(signals.get(&signal))
                    .is_some_and(|(since, at)| *at >= since && elapsed(*at, now) >= patience)
        }
        // Said by the probe itself: see `Engine::probed`.
        Clear::ProbePassed(_) => false,
        Clear::UnitRemoved(name) => units.get(name).is_some_and(|unit| unit.is_missing),
    }
}
