use super::*;
use crate::plan::change::Action;
use crate::plan::fixture::{actions, origin, plan_between, wanted_of};
use crate::plan::{deletion, difference, fixture};

fn group(more: &str) -> String {
    format!(
        "vpc: {{nat: none}}\nnodeGroups: [{{name: workers, scaling: {{min: 1, max: 5, desired: 2}}{more}}}]"
    )
}

fn hourly(plan: &Plan) -> String {
    cost(plan).per_hour.signed(4)
}

#[test]
fn a_new_cluster_costs_its_control_plane_nodes_and_disks() {
    let plan = difference::plan(&origin(), &wanted_of(&group("")), &[]).unwrap();
    // 0.10 + 2 * (0.096 + 20 * 0.08 / 730)
    assert_eq!(hourly(&plan), "+0.2964");
    assert_eq!(cost(&plan).per_month.signed(2), "+216.36");
}

#[test]
fn nat_gateways_cost_with_their_addresses() {
    let plan = plan_between(
        &wanted_of("vpc: {nat: none}"),
        &wanted_of("vpc: {nat: perZone}"),
    );
    assert_eq!(hourly(&plan), "+0.1500");
}

#[test]
fn what_goes_costs_no_more() {
    let plan = deletion::plan(&origin(), &fixture::as_observed(&wanted_of(&group(""))));
    assert_eq!(hourly(&plan), "-0.2964");
}

#[test]
fn a_larger_disk_costs_the_difference() {
    let plan = plan_between(
        &wanted_of(&group("")),
        &wanted_of(&group(", disk: {sizeGiB: 110}")),
    );
    // 2 * 90 * 0.08 / 730
    assert_eq!(hourly(&plan), "+0.0197");
}

#[test]
fn unknown_types_are_told_and_not_counted() {
    let plan = difference::plan(
        &origin(),
        &wanted_of(&group(", instanceTypes: [m99.large]")),
        &[],
    )
    .unwrap();
    let cost = cost(&plan);
    assert_eq!(cost.unknown, BTreeSet::from(["m99.large".to_owned()]));
    assert_eq!(cost.per_hour.signed(4), "+0.1044");
}

#[test]
fn groups_on_the_spot_market_are_told() {
    for kind in ["", ", kind: selfManaged"] {
        let wanted = wanted_of(&group(&format!("{kind}, capacity: spot")));
        let plan = difference::plan(&origin(), &wanted, &[]).unwrap();
        assert_eq!(
            cost(&plan).spot,
            BTreeSet::from(["workers".to_owned()]),
            "{kind}"
        );
    }
}

#[test]
fn a_group_whose_size_is_left_open_costs_as_it_is() {
    let open = group("").replace(", desired: 2", "");
    let plan = plan_between(&wanted_of(&group("")), &wanted_of(&open));
    assert_eq!(actions(&plan), Vec::<(Action, String)>::new());
    assert_eq!(hourly(&plan), "+0.0000");
}
