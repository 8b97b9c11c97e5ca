//! How often a thing is looked at, how long its wait may last, and when a call is tried again. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::hands::Why;
use crate::resource::{Address, Kind};

/// The first look after a call, and the shortest pause between two.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
/// The same of nodes, which take most of a minute at least.
const SHORTEST_PAUSE_OF_NODES: Duration = Duration::from_secs(3);
const LONGEST_PAUSE_OF_NODES: Duration = Duration::from_secs(5);
/// A pause is this part of the wait so far, so that at most as much is lost by looking too late.
const PART_OF_WAIT: u32 = 20;
/// First pause before a call is tried again; each is twice the one before.
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LONGEST_RETRY: Duration = Duration::from_secs(10);
/// How long something that was just made may take to be known everywhere.
pub(super) const CONSISTENCY: Duration = Duration::from_mins(2);
/// How long a thing may be in use by what is on its way out: network interfaces of a cluster go minutes after it.
const IN_USE: Duration = Duration::from_mins(15);
/// How long the nodes of a group may take to become Ready once the group is there.
const NODES: Duration = Duration::from_mins(15);
/// How long pods may take to leave the nodes of a group. EKS gives those of managed groups as long.
const DRAIN: Duration = Duration::from_mins(15);

/// The pause before the next look at a thing that has been waited for so long.
pub(super) fn pause(address: &Address, waited: Duration, looks: u32) -> Duration {
    let longest = match address.kind {
        Kind::Cluster => Duration::from_secs(10),
        Kind::NodeGroup | Kind::AutoScalingGroup | Kind::Addon => Duration::from_secs(5),
        Kind::NatGateway => Duration::from_secs(3),
        _ => Duration::from_secs(1),
    };
    spread(
        address,
        looks,
        (waited / PART_OF_WAIT).clamp(SHORTEST_PAUSE, longest),
    )
}

/// The pause before the next look at the nodes of a group: they are listed, and so are their instances.
pub(super) fn pause_of_nodes(address: &Address, waited: Duration, looks: u32) -> Duration {
    spread(
        address,
        looks,
        (waited / PART_OF_WAIT).clamp(SHORTEST_PAUSE_OF_NODES, LONGEST_PAUSE_OF_NODES),
    )
}

/// The pause before a call is tried again.
pub(super) fn retry(address: &Address, failures: u32) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(1 << failures.min(6));
    spread(address, failures, doubled.min(LONGEST_RETRY))
}

/// How long a call that failed for this reason is tried again; none when it is not. What is changed in several steps is busy from
/// one to the next, so a thing that may take long may be busy for as long.
pub(super) fn patience(why: &Why, kind: Kind, rolls_nodes: Option<u32>) -> Option<Duration> {
    match why {
        Why::NotYet | Why::Throttled | Why::Unanswered => Some(CONSISTENCY),
        Why::Busy => Some(IN_USE.max(deadline(kind, rolls_nodes))),
        Why::Denied { .. } | Why::Quota | Why::Exists | Why::Gone | Why::Expired | Why::Other => {
            None
        }
    }
}

/// The longest wait for a thing to be as it should, from its call on: well beyond what its API usually takes.
pub(super) fn deadline(kind: Kind, rolls_nodes: Option<u32>) -> Duration {
    match kind {
        Kind::Cluster => Duration::from_hours(1),
        Kind::NodeGroup | Kind::AutoScalingGroup => {
            Duration::from_mins(40) + NODES.saturating_mul(rolls_nodes.unwrap_or_default())
        }
        Kind::Addon => Duration::from_mins(25),
        Kind::NatGateway => Duration::from_mins(15),
        _ => Duration::from_mins(5),
    }
}

/// The longest wait for the nodes of a group, once the group itself is there.
pub(super) fn nodes() -> Duration {
    NODES
}

/// The longest wait for the pods of a group that is to go.
pub(super) fn drain() -> Duration {
    DRAIN
}

/// A pause of three quarters to the whole, so that many things are not looked at in one burst. The same for the same thing.
fn spread(address: &Address, count: u32, pause: Duration) -> Duration {
    let mut hasher = DefaultHasher::new();
    (address, count).hash(&mut hasher);
    let share = u32::try_from(hasher.finish() % 256).unwrap_or_default();
    pause * 3 / 4 + pause / 4 * share / 256
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Address {
        Address::new(Kind::Cluster, "prod")
    }

    #[test]
    fn pauses_grow_with_the_wait_up_to_the_interval_of_the_kind() {
        for (waited, least, most) in [(0, 150, 200), (60, 2250, 3000), (600, 7500, 10_000)] {
            let pause = pause(&cluster(), Duration::from_secs(waited), 3).as_millis();
            assert!((least..=most).contains(&pause), "{waited} s: {pause} ms");
        }
        let vpc = Address::new(Kind::Vpc, "main");
        assert!(pause(&vpc, Duration::from_mins(4), 9) <= Duration::from_secs(1));
    }

    #[test]
    fn nodes_are_not_listed_more_often_than_every_two_seconds() {
        for waited in [0, 1, 60, 900] {
            let pause = pause_of_nodes(&cluster(), Duration::from_secs(waited), 1).as_secs_f64();
            assert!((2.0..=5.0).contains(&pause), "{waited} s: {pause} s");
        }
    }

    #[test]
    fn a_wait_is_never_more_than_a_twentieth_too_long() {
        let mut at = Duration::ZERO;
        for looks in 0..400 {
            let pause = pause(&cluster(), at, looks);
            assert!(pause <= (at / 20).max(SHORTEST_PAUSE));
            at += pause;
        }
        assert!(at > Duration::from_mins(20), "{at:?}");
    }

    #[test]
    fn retries_back_off_and_things_do_not_retry_in_step() {
        let (first, fifth) = (retry(&cluster(), 0), retry(&cluster(), 5));
        assert!(first <= FIRST_RETRY && fifth > Duration::from_secs(7));
        assert!(retry(&cluster(), 40) <= LONGEST_RETRY);
        let others = (0..20).map(|name| retry(&Address::new(Kind::Role, name.to_string()), 0));
        let distinct: std::collections::BTreeSet<Duration> = others.collect();
        assert!(distinct.len() > 10, "{distinct:?}");
    }

    #[test]
    fn what_cannot_mend_itself_is_not_tried_again() {
        assert_eq!(
            patience(&Why::Denied { principal: None }, Kind::Vpc, None),
            None
        );
        assert_eq!(patience(&Why::Quota, Kind::Vpc, None), None);
        assert_eq!(patience(&Why::NotYet, Kind::Vpc, None), Some(CONSISTENCY));
        assert_eq!(patience(&Why::Busy, Kind::Subnet, None), Some(IN_USE));
        let steps = patience(&Why::Busy, Kind::Cluster, None);
        assert_eq!(steps, Some(deadline(Kind::Cluster, None)));
    }
}
