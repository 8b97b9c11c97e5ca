use super::*;
use crate::observe::choices::{Choices, ExistingSubnet};
use crate::plan::fixture::{as_observed, choices, cluster, origin, plan_between, wanted_of};
use crate::plan::wanted::wanted;
use crate::plan::{deletion, difference};

const GROUP: &str = "vpc: {nat: single, zoneCount: 2}\nnodeGroups: [{name: workers, instanceTypes: [t3.small], scaling: {min: 1, max: 4, desired: 2}}]";

fn of(plan: &Plan, subnet: &str) -> Option<(i64, i64, Option<u32>)> {
    let found = addresses(plan, None);
    let subnet = found.subnets.get(subnet)?;
    Some((subnet.at_once, subnet.at_most, subnet.free))
}

#[test]
fn a_new_cluster_takes_addresses_for_its_nodes_control_plane_and_nat_gateway() {
    let plan = difference::plan(&origin(), &wanted_of(GROUP), &[]).unwrap();
    // One node in each zone at first and two at most, of 3 interfaces with 4 addresses; one interface of the control plane.
    assert_eq!(
        of(&plan, "subnet/private-us-west-2a"),
        Some((9, 25, Some(8187)))
    );
    assert_eq!(
        of(&plan, "subnet/public-us-west-2a"),
        Some((2, 2, Some(8187)))
    );
    assert_eq!(
        of(&plan, "subnet/public-us-west-2b"),
        Some((1, 1, Some(8187)))
    );
}

#[test]
fn a_change_takes_only_what_is_more() {
    let after = GROUP.replace("max: 4, desired: 2", "max: 6, desired: 2");
    let plan = plan_between(&wanted_of(GROUP), &wanted_of(&after));
    assert_eq!(of(&plan, "subnet-private-us-west-2a"), Some((0, 12, None)));
    assert_eq!(of(&plan, "subnet-public-us-west-2a"), None);
}

#[test]
fn what_goes_frees_its_addresses() {
    let plan = deletion::plan(&origin(), &as_observed(&wanted_of(GROUP)));
    assert_eq!(
        of(&plan, "subnet-private-us-west-2b"),
        Some((-9, -25, None))
    );
}

#[test]
fn a_subnet_that_is_too_small_is_told() {
    let spec = cluster("vpc: {id: vpc-1}\nnodeGroups: [{name: workers, scaling: {min: 3}}]");
    let subnet = ExistingSubnet {
        free_addresses: 40,
        ..ExistingSubnet::default()
    };
    let vpc = ExistingVpc {
        id: "vpc-1".to_owned(),
        subnets: BTreeMap::from([("subnet-1".to_owned(), subnet)]),
        ..ExistingVpc::default()
    };
    let choices = Choices {
        vpc: Some(vpc),
        ..choices()
    };
    let plan =
        difference::plan(&origin(), &wanted(&spec, &choices, &BTreeMap::new()), &[]).unwrap();
    let found = addresses(&plan, choices.vpc.as_ref());
    assert!(found.subnets["subnet-1"].is_short(), "{found:?}");
}

#[test]
fn unknown_types_are_told() {
    let plan = difference::plan(
        &origin(),
        &wanted_of(&GROUP.replace("t3.small", "m99.large")),
        &[],
    )
    .unwrap();
    let found = addresses(&plan, None);
    assert_eq!(found.unknown, BTreeSet::from(["m99.large".to_owned()]));
}
