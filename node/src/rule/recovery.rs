//! Whether a finding is taken back. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

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
    let came = |signal| {
        signals
            .get(&signal)
            .is_some_and(|at| *at >= track.last_seen)
    };
    match clear {
        Clear::On(signal) => came(signal),
        Clear::ObjectOn(of, signal) => of == object && came(signal),
        Clear::Silence(time) => is_silent(track, units, time, now),
        Clear::SilenceAfter(signal, time) => {
            signals.contains_key(&signal) && is_silent(track, units, time, now)
        }
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

/// Whether nothing was seen for this time, by a unit that could have said it.
pub(super) fn is_silent(
    track: &Track,
    units: &BTreeMap<String, Unit>,
    time: Duration,
    now: Timestamp,
) -> bool {
    let speaker = units.get(&track.unit);
    let quiet_since = speaker
        .and_then(|unit| unit.active_since)
        .map_or(track.last_seen, |at| at.max(track.last_seen));
    !speaker.is_some_and(|unit| unit.is_down) && elapsed(quiet_since, now) >= time
}
