//! Does the kubelet stay up? Its own words, if it died, are in the journal; this tells only that it does not run.

use node::finding;
use node::rule::KUBELET;

use super::Outcome;
use crate::host::systemd::UnitState;

/// So many automatic restarts are a loop, as for the rule that counts them in the journal.
const RESTARTS: u32 = 3;

/// What this state of the kubelet's unit means.
pub fn judge(unit: &UnitState) -> Outcome {
    let seen = format!(
        "{KUBELET} is {} ({}), its last result is `{}`, restarted {} times",
        unit.active, unit.sub, unit.result, unit.restarts
    );
    if unit.is_active() {
        return Outcome::Passed;
    }
    let is_given_up = unit.active == "failed";
    if is_given_up || unit.restarts >= RESTARTS {
        return Outcome::fault(&finding::KUBELET_CRASH_LOOP, seen);
    }
    // Between two tries, or stopped by somebody.
    Outcome::CannotTell(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(active: &str, sub: &str, restarts: u32) -> Outcome {
        judge(&UnitState {
            load: "loaded".into(),
            active: active.into(),
            sub: sub.into(),
            result: "exit-code".into(),
            restarts,
            main_pid: 0,
        })
    }

    #[test]
    fn a_kubelet_that_does_not_stay_up_is_a_loop_after_three_restarts() {
        assert_eq!(judged("active", "running", 7), Outcome::Passed);
        assert_eq!(
            judged("activating", "auto-restart", 2).told().0,
            "cannot tell"
        );
        assert_eq!(
            judged("activating", "auto-restart", 3).told(),
            (
                "kubelet.crash_loop",
                "kubelet.service is activating (auto-restart), its last result is `exit-code`, restarted 3 times"
            )
        );
        assert_eq!(judged("failed", "failed", 0).told().0, "kubelet.crash_loop");
        assert_eq!(judged("inactive", "dead", 0).told().0, "cannot tell");
    }
}
