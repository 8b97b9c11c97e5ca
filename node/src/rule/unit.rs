//! What is known of a unit: since when it runs, since when it does not, how often it was restarted.
//!
//! Two sources tell it, the service manager's lines and observations of its state; they agree on the restart counter,
//! which is what keeps one restart from being counted twice.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// State of one unit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Unit {
    /// Since when its present process runs; `None` when it does not, or when nothing is known.
    #[serde(default)]
    pub active_since: Option<Timestamp>,
    /// Known not to run.
    #[serde(default)]
    pub is_down: bool,
    /// Known not to be installed.
    #[serde(default)]
    pub is_missing: bool,
    /// The restart counter as it was last seen.
    #[serde(default)]
    pub restarts: Option<u32>,
}

impl Unit {
    pub(super) fn started(&mut self, at: Timestamp) {
        self.active_since = Some(at);
        self.is_down = false;
        self.is_missing = false;
    }

    pub(super) fn stopped(&mut self) {
        self.active_since = None;
        self.is_down = true;
    }

    /// A line says that the unit is restarted and its counter stands at `counter`: how many restarts are new. The line is
    /// a restart whatever number it bears, unless that number was seen already; a lower one was reset by hand.
    pub(super) fn restarted(&mut self, counter: u32) -> u32 {
        match self.restarts.replace(counter) {
            Some(known) if counter >= known => counter - known,
            _ => 1,
        }
    }

    /// The counter was observed to stand at `counter`: how many restarts are new. What was counted before the first look,
    /// or before a reset, is history.
    pub(super) fn observed(&mut self, counter: u32) -> u32 {
        self.restarts
            .replace(counter)
            .map_or(0, |known| counter.saturating_sub(known))
    }
}

/// What a line of the service manager says happened to a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It was started.
    Started,
    /// Its process ended, or it was stopped.
    Stopped,
    /// It will be started again; the counter stands at this.
    Restarting(u32),
}

const RESTARTING: &str = "Scheduled restart job, restart counter is at ";
const ENDED: [&str; 3] = [
    "Main process exited",
    "Failed with result",
    "Deactivated successfully",
];
const STARTED: &str = "Started ";
const STOPPED: &str = "Stopped ";

/// What stands in every line that is a change.
pub(super) const TEXTS: [&str; 6] = [RESTARTING, ENDED[0], ENDED[1], ENDED[2], STARTED, STOPPED];

/// Reads a line of the service manager (`src/core/service.c`, `src/core/job.c` of systemd 252 to 257).
pub(super) fn change(unit: &str, message: &str) -> Option<Change> {
    if let Some(event) = message
        .strip_prefix(unit)
        .and_then(|rest| rest.strip_prefix(": "))
    {
        if let Some(counter) = event.strip_prefix(RESTARTING) {
            return counter
                .trim_end_matches('.')
                .parse()
                .ok()
                .map(Change::Restarting);
        }
        return ENDED
            .iter()
            .any(|words| event.starts_with(words))
            .then_some(Change::Stopped);
    }
    // `Started kubelet.service - Kubernetes Kubelet.`, or the description alone in older versions.
    if message.starts_with(STARTED) {
        Some(Change::Started)
    } else if message.starts_with(STOPPED) {
        Some(Change::Stopped)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_counted_once_whoever_tells_it_first() {
        let mut unit = Unit::default();
        assert_eq!(
            unit.observed(7),
            0,
            "what was before the first look is no news"
        );
        assert_eq!(unit.restarted(8), 1);
        assert_eq!(unit.observed(8), 0);
        assert_eq!(unit.observed(11), 3, "lines were lost");
        assert_eq!(unit.restarted(11), 0);
        assert_eq!(unit.observed(0), 0, "reset by hand");
        assert_eq!(unit.restarted(1), 1);
        assert_eq!(
            Unit::default().restarted(4),
            1,
            "the first line that is seen"
        );
    }

    #[test]
    fn lines_of_the_service_manager_are_read() {
        let change = |message| change("kubelet.service", message);
        assert_eq!(
            change("kubelet.service: Scheduled restart job, restart counter is at 3."),
            Some(Change::Restarting(3))
        );
        assert_eq!(
            change("kubelet.service: Main process exited, code=exited, status=1/FAILURE"),
            Some(Change::Stopped)
        );
        assert_eq!(
            change("kubelet.service: Failed with result 'exit-code'."),
            Some(Change::Stopped)
        );
        assert_eq!(
            change("Started kubelet.service - Kubernetes Kubelet."),
            Some(Change::Started)
        );
        assert_eq!(change("kubelet.service: Consumed 1.2s CPU time."), None);
    }
}
