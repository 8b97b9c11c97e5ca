use std::collections::BTreeSet;

use super::*;
use crate::plan::fixture::{actions, as_observed, change, origin, wanted_of};
use crate::resource::{Address, Kind};

const SPEC: &str = "\
vpc: {nat: perZone}
logging: {types: [api], retentionDays: 7}
ownSecurityGroup: true
addons: [{name: vpc-cni, role: {}}, {name: coredns}, {name: aws-ebs-csi-driver, role: {by: podIdentity}}]
nodeGroups: [{name: workers}, {name: own, kind: selfManaged}]
";

#[test]
fn each_thing_goes_after_everything_that_needed_it() {
    let wanted = wanted_of(SPEC);
    let plan = plan(&origin(), &as_observed(&wanted));
    assert_eq!(plan.summary().delete, wanted.len());
    let mut gone = BTreeSet::new();
    for change in &plan.changes {
        assert!(
            change.needs.is_subset(&gone),
            "{}: {:?}",
            change.address,
            change.needs
        );
        gone.insert(change.address.clone());
    }
    // What the graph says when it is made holds backwards too, but for add-ons, which nodes outlive in no case.
    for thing in &wanted {
        for needed in thing.needs() {
            let is_addon = thing.address.kind == Kind::Addon;
            if is_addon && [Kind::NodeGroup, Kind::AutoScalingGroup].contains(&needed.kind) {
                continue;
            }
            let place = |address: &Address| {
                let mut changes = plan.changes.iter();
                changes
                    .position(|change| change.address == *address)
                    .unwrap()
            };
            let is_identity =
                thing.address.kind == Kind::Addon && needed.kind == Kind::PodIdentityAssociation;
            assert!(
                is_identity || place(&thing.address) < place(&needed),
                "{} after {needed}",
                thing.address
            );
        }
    }
}

#[test]
fn nodes_go_first_and_the_vpc_last() {
    let plan = plan(&origin(), &as_observed(&wanted_of(SPEC)));
    let order = actions(&plan);
    let first: Vec<&str> = order
        .iter()
        .take(2)
        .map(|(_, address)| address.as_str())
        .collect();
    assert_eq!(first, ["nodegroup/workers", "auto-scaling-group/own"]);
    assert_eq!(order.last().unwrap().1, "vpc/main");
}

#[test]
fn what_is_not_ours_stays_and_is_told() {
    let mut observed = as_observed(&wanted_of(SPEC));
    for thing in &mut observed {
        if [Kind::Vpc, Kind::Subnet].contains(&thing.address.kind) {
            thing.owner = Owner::Other;
        }
    }
    let plan = plan(&origin(), &observed);
    assert_eq!(change(&plan, "vpc/main").action, Action::Keep);
    assert_eq!(plan.warnings.len(), 7);
    assert_eq!(
        plan.warnings[0],
        "vpc/main was not made by nodectl and stays"
    );
    let of_others = plan
        .changes
        .iter()
        .filter(|change| change.action == Action::Keep);
    assert!(of_others.clone().all(|change| change.needs.is_empty()));
}
