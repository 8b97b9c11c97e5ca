//! How long an apply takes where AWS takes its time: hardly longer than the longest chain of what needs each other.

use std::time::Instant;

use lab::cloud::transition::Transitions;

use super::{Place, example, text};

/// A tenth of what EKS takes; a whole cluster in a minute and a quarter.
const SCALE: f64 = 0.1;

#[test]
fn an_apply_takes_hardly_longer_than_its_longest_chain() {
    Place::with(async |place| {
        let transitions = Transitions::realistic(SCALE);
        place.account.set_transitions(&transitions).unwrap();
        let document = example::document(place, "new-vpc").await;
        let began = Instant::now();
        place.apply(&document).await;
        let took = began.elapsed().as_secs_f64();
        // What no order of the calls can shorten: the cluster, then its node groups, then the add-ons that need nodes.
        let chain = transitions.role_assumable
            + transitions.cluster_create
            + transitions.nodegroup_create
            + transitions.addon_create;
        println!(
            "apply took {took:.1} s; the longest chain of transitions {chain:.1} s ({:.0} % more)",
            (took / chain - 1.0) * 100.0
        );
        let deleted = place.delete(&document).await;
        println!(
            "{}",
            text(&deleted.stderr).lines().last().unwrap_or_default()
        );
    });
}
