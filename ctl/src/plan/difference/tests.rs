use proptest::prelude::*;

use super::*;
use crate::plan::fixture::is_stale;
use crate::plan::fixture::{
    actions, as_observed, change, choices_with_image, cluster, origin, plan_between, wanted_of,
};
use crate::plan::wanted::wanted;
use crate::resource::{Attribute, Body, Role};

const GROUP: &str = "nodeGroups: [{name: workers, scaling: {min: 1, max: 5, desired: 3}}]";

/// The plan from one `spec` to another.
fn between(before: &str, after: &str) -> Plan {
    plan_between(&wanted_of(before), &wanted_of(after))
}

/// The plan for [`GROUP`] on what was observed, with a change to one thing of it.
fn on(address: &str, alter: impl FnOnce(&mut Observed)) -> Result<Plan, Refused> {
    let wanted = wanted_of(GROUP);
    let mut observed = as_observed(&wanted);
    alter(find(&mut observed, address));
    plan(&origin(), &wanted, &observed)
}

fn find<'a>(observed: &'a mut [Observed], address: &str) -> &'a mut Observed {
    let mut things = observed.iter_mut();
    things
        .find(|thing| thing.address.to_string() == address)
        .unwrap()
}

fn paths(change: &Change) -> Vec<&str> {
    change
        .fields
        .iter()
        .map(|field| field.path.as_str())
        .collect()
}

#[test]
fn what_is_not_there_is_made() {
    let plan = plan(&origin(), &wanted_of(GROUP), &[]).unwrap();
    assert_eq!(plan.summary().create, plan.changes.len());
    let group = change(&plan, "nodegroup/workers");
    assert!(group.needs.contains(&"cluster/demo".parse().unwrap()));
    assert!(
        group
            .needs
            .contains(&"route-table/private-us-west-2a".parse().unwrap())
    );
}

#[test]
fn changes_stand_in_an_order_in_which_they_can_be_made() {
    let plan = between(
        "nodeGroups: [{name: a}, {name: b, role: {}}]",
        "nodeGroups: [{name: a, disk: {sizeGiB: 50}}, {name: c}]",
    );
    let mut done = std::collections::BTreeSet::new();
    for change in &plan.changes {
        assert!(
            change.needs.is_subset(&done),
            "{} needs {:?}",
            change.address,
            change.needs
        );
        done.insert(change.address.clone());
    }
}

#[test]
fn more_nodes_are_a_change_in_place() {
    let plan = between(GROUP, &GROUP.replace("desired: 3", "desired: 5"));
    assert_eq!(
        actions(&plan),
        [(Action::Change, "nodegroup/workers".to_owned())]
    );
    let group = change(&plan, "nodegroup/workers");
    assert_eq!(paths(group), ["scaling.desired"]);
    assert_eq!(group.rolls_nodes, None);
}

#[test]
fn what_an_autoscaler_made_of_the_size_is_left() {
    let open = GROUP.replace(", desired: 3", "");
    assert!(between(GROUP, &open).is_empty());
}

#[test]
fn a_new_version_of_a_launch_template_rolls_the_nodes() {
    let plan = between(GROUP, &GROUP.replace("}}]", "}, disk: {sizeGiB: 50}}]"));
    assert_eq!(
        paths(change(&plan, "launch-template/workers")),
        ["disk.size"]
    );
    let group = change(&plan, "nodegroup/workers");
    assert_eq!(paths(group), ["launchTemplate.version"]);
    assert_eq!(group.rolls_nodes, Some(3));
    assert_eq!(plan.summary().rolls_nodes, 3);
}

#[test]
fn tags_of_a_launch_template_roll_nothing() {
    let plan = on("launch-template/workers", |thing| {
        let Body::LaunchTemplate(template) = &mut thing.body else {
            unreachable!("its address says what it is")
        };
        template.tags.remove(crate::resource::ADDRESS_TAG);
    })
    .unwrap();
    let template = change(&plan, "launch-template/workers");
    assert_eq!(template.action, Action::Change);
    assert_eq!(change(&plan, "nodegroup/workers").action, Action::Keep);
    assert_eq!(plan.summary().rolls_nodes, 0);
}

#[test]
fn a_label_that_goes_is_a_change() {
    let labelled = GROUP.replace("}}]", "}, labels: {example.com/team: a}}]");
    let plan = between(&labelled, GROUP);
    let [field] = change(&plan, "nodegroup/workers").fields.as_slice() else {
        panic!("{plan:?}");
    };
    assert_eq!(field.path, "labels.example.com/team");
    assert_eq!(
        (field.from.clone(), field.to.clone()),
        (Some("a".into()), None)
    );
}

#[test]
fn another_instance_type_makes_a_managed_group_anew() {
    let plan = between(
        GROUP,
        &GROUP.replace("}}]", "}, instanceTypes: [m6i.large]}]"),
    );
    let group = change(&plan, "nodegroup/workers");
    assert_eq!(group.action, Action::Replace);
    assert!(group.fields[0].replaces);
}

#[test]
fn a_group_that_is_no_longer_wanted_goes_before_what_it_stands_on() {
    let plan = between(
        "nodeGroups: [{name: a}, {name: b, role: {}}]",
        "nodeGroups: [{name: a}]",
    );
    let gone = ["launch-template/b", "nodegroup/b", "role/node-b"];
    let mut found: Vec<String> = actions(&plan)
        .into_iter()
        .map(|(action, address)| {
            assert_eq!(action, Action::Delete);
            address
        })
        .collect();
    found.sort();
    assert_eq!(found, gone);
    let group = "nodegroup/b".parse().unwrap();
    assert!(change(&plan, "launch-template/b").needs.contains(&group));
    assert!(change(&plan, "role/node-b").needs.contains(&group));
}

#[test]
fn tags_of_others_are_left() {
    let plan = on("vpc/main", |vpc| {
        if let Body::Vpc(vpc) = &mut vpc.body {
            vpc.tags.insert("cost-centre".to_owned(), "7".to_owned());
        }
    });
    assert!(plan.unwrap().is_empty());
}

#[test]
fn policies_of_others_stay_attached_and_missing_ones_are_attached() {
    let plan = on("role/node", |role| {
        if let Body::Role(Role { policies, .. }) = &mut role.body {
            policies.retain(|policy| !policy.ends_with("AmazonEKS_CNI_Policy"));
            policies.insert("arn:aws:iam::aws:policy/Other".to_owned());
        }
    })
    .unwrap();
    let [field] = change(&plan, "role/node").fields.as_slice() else {
        panic!("{plan:?}");
    };
    let to = field.to.clone().unwrap();
    let to: Vec<String> = serde_json::from_value(to).unwrap();
    assert!(to.iter().any(|policy| policy.ends_with("/Other")), "{to:?}");
    assert!(
        to.iter()
            .any(|policy| policy.ends_with("AmazonEKS_CNI_Policy")),
        "{to:?}"
    );
}

#[test]
fn a_role_that_is_gone_is_made_and_those_who_have_it_stay() {
    let wanted = wanted_of(GROUP);
    let mut observed = as_observed(&wanted);
    observed.retain(|thing| thing.address.kind != Kind::Role);
    let plan = plan(&origin(), &wanted, &observed).unwrap();
    assert_eq!(
        actions(&plan),
        [
            (Action::Create, "role/cluster".to_owned()),
            (Action::Create, "role/node".to_owned())
        ]
    );
}

#[test]
fn what_is_still_being_made_is_waited_for() {
    let plan = on("nat-gateway/us-west-2a", |nat| {
        nat.status = Status::Creating;
    })
    .unwrap();
    assert_eq!(
        actions(&plan),
        [(Action::Wait, "nat-gateway/us-west-2a".to_owned())]
    );
    assert!(!plan.is_empty());
}

#[test]
fn an_instance_refresh_that_is_under_way_is_waited_for_with_the_nodes_that_it_rolls() {
    let wanted = wanted_of(&GROUP.replace("}}]", "}, kind: selfManaged}]"));
    let mut observed = as_observed(&wanted);
    find(&mut observed, "auto-scaling-group/workers").status = Status::Updating;
    let plan = plan(&origin(), &wanted, &observed).unwrap();
    let group = change(&plan, "auto-scaling-group/workers");
    assert_eq!((group.action, group.rolls_nodes), (Action::Wait, Some(3)));
}

#[test]
fn what_is_still_being_deleted_is_made_when_it_is_gone() {
    let plan = on("nodegroup/workers", |group| group.status = Status::Deleting).unwrap();
    let group = change(&plan, "nodegroup/workers");
    assert_eq!(group.action, Action::Create);
    assert!(group.observed.is_some());
}

fn failed(thing: &mut Observed) {
    thing.status = Status::Failed {
        reason: "CREATE_FAILED: no quota".to_owned(),
    };
}

#[test]
fn a_group_that_failed_is_made_anew() {
    let plan = on("nodegroup/workers", failed).unwrap();
    assert_eq!(
        actions(&plan),
        [(Action::Replace, "nodegroup/workers".to_owned())]
    );
}

#[test]
fn a_cluster_that_failed_is_refused() {
    let refused = on("cluster/demo", failed).unwrap_err();
    insta::assert_snapshot!(refused, @"cluster/demo failed (CREATE_FAILED: no quota): delete it with `nodectl delete`, remove the cause and apply again");
}

#[test]
fn what_is_not_ours_is_neither_made_anew_nor_tagged_as_ours() {
    let wanted = wanted_of(&GROUP.replace("}}]", "}, instanceTypes: [m6i.large]}]"));
    let mut observed = as_observed(&wanted_of(GROUP));
    let group = find(&mut observed, "nodegroup/workers");
    group.owner = Owner::Other;
    if let Body::NodeGroup(group) = &mut group.body {
        group.tags.clear();
    }
    let refused = plan(&origin(), &wanted, &observed).unwrap_err();
    insta::assert_snapshot!(refused, @"nodegroup/workers was not made by nodectl and would have to be made anew for `instanceTypes`: keep it as it is in the document, or replace it yourself");
    assert!(
        plan(&origin(), &wanted_of(GROUP), &observed)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn what_is_not_ours_and_not_wanted_stays() {
    let mut observed = as_observed(&wanted_of(GROUP));
    find(&mut observed, "nodegroup/workers").owner = Owner::Other;
    let plan = plan(&origin(), &wanted_of(""), &observed).unwrap();
    let gone = actions(&plan);
    assert!(
        !gone
            .iter()
            .any(|(_, address)| address == "nodegroup/workers"),
        "{gone:?}"
    );
}

#[test]
fn a_property_that_cannot_be_changed_is_refused_with_the_reason() {
    let wanted = wanted_of("serviceCidr: 10.100.0.0/16");
    let refused = plan(&origin(), &wanted, &as_observed(&wanted_of(""))).unwrap_err();
    insta::assert_snapshot!(refused, @"`serviceCidr` of cluster/demo cannot go from `172.20.0.0/16` to `10.100.0.0/16`: EKS sets it when the cluster is created: make a cluster of another name and move to it");
}

/// The plan for Kubernetes 1.34 on a control plane and a group of another version.
fn from_version(version: &str) -> Result<Plan, Refused> {
    let wanted = wanted_of(GROUP);
    let mut observed = as_observed(&wanted);
    for thing in &mut observed {
        match &mut thing.body {
            Body::Cluster(cluster) => version.clone_into(&mut cluster.version),
            Body::NodeGroup(group) => group.version = Some(version.to_owned()),
            _ => {}
        }
    }
    plan(&origin(), &wanted, &observed)
}

#[test]
fn a_control_plane_goes_up_one_minor_version_before_its_nodes() {
    let plan = from_version("1.33").unwrap();
    assert_eq!(plan.warnings, Vec::<String>::new());
    assert_eq!(
        actions(&plan),
        [
            (Action::Change, "cluster/demo".to_owned()),
            (Action::Change, "nodegroup/workers".to_owned())
        ]
    );
    let group = change(&plan, "nodegroup/workers");
    assert_eq!(group.rolls_nodes, Some(3));
    assert!(group.needs.contains(&"cluster/demo".parse().unwrap()));
}

#[test]
fn two_minor_versions_take_two_plans() {
    let plan = from_version("1.32").unwrap();
    for address in ["cluster/demo", "nodegroup/workers"] {
        assert_eq!(
            change(&plan, address).fields[0].to,
            Some("1.33".into()),
            "{address}"
        );
    }
    insta::assert_snapshot!(plan.warnings.join("\n"), @"cluster/demo goes from 1.32 to 1.33 in this plan, since EKS takes one minor version at a time: plan and apply again until it is at 1.34. Node groups with an AMI of their own keep it until then");
}

#[test]
fn a_pinned_release_waits_for_its_version() {
    let wanted = wanted_of("nodeGroups: [{name: workers, ami: {releaseVersion: 1.34.0-20251103}}]");
    let mut observed = as_observed(&wanted);
    for thing in &mut observed {
        match &mut thing.body {
            Body::Cluster(cluster) => cluster.version = "1.32".to_owned(),
            Body::NodeGroup(group) => {
                group.version = Some("1.32".to_owned());
                group.release_version = Some("1.32.3-20250101".to_owned());
            }
            _ => {}
        }
    }
    let plan = plan(&origin(), &wanted, &observed).unwrap();
    let Some(Body::NodeGroup(group)) = &change(&plan, "nodegroup/workers").wanted else {
        unreachable!("its address says what it is")
    };
    assert_eq!(
        (group.version.as_deref(), group.release_version.as_deref()),
        (Some("1.33"), None)
    );
}

#[test]
fn a_group_without_an_ami_of_the_document_gets_it_when_the_control_plane_is_there() {
    let addon = "addons: [{name: coredns}]\n";
    let before = wanted_of(&format!("{addon}{GROUP}"));
    let spec = format!(
        "{addon}nodeGroups: [{{name: workers, ami: {{id: ami-0a1}}}}, {{name: new, ami: {{id: ami-0a1}}}}]"
    );
    let mut choices = choices_with_image("new");
    let image = choices.images["new"].clone();
    choices.images.insert("workers".to_owned(), image);
    let wanted = wanted(&cluster(&spec), &choices, &BTreeMap::new());
    let mut observed = as_observed(&before);
    let mut at = |version: &str| {
        for thing in &mut observed {
            if let Body::Cluster(cluster) = &mut thing.body {
                version.clone_into(&mut cluster.version);
            }
        }
        plan(&origin(), &wanted, &observed).unwrap()
    };

    let first = at("1.32");
    assert_eq!(
        actions(&first),
        [(Action::Change, "cluster/demo".to_owned())]
    );
    assert_eq!(
        first.warnings[1..],
        ["workers", "new"].map(|name| format!(
            "nodegroup/{name} waits for the plan that goes to 1.34: the AMI that the document gives it is for that version"
        ))
    );

    let last = at("1.33");
    for name in ["launch-template/new", "nodegroup/new"] {
        assert_eq!(change(&last, name).action, Action::Create);
    }
    let needs = &change(&last, "nodegroup/new").needs;
    assert!(needs.contains(&"cluster/demo".parse().unwrap()));
}

#[test]
fn a_control_plane_never_goes_down() {
    let refused = from_version("1.35").unwrap_err();
    insta::assert_snapshot!(refused, @r#"cluster/demo runs Kubernetes 1.35 and cannot go back to 1.34: set `spec.version` to "1.35""#);
}

#[test]
fn a_plan_is_stale_once_anything_that_it_looked_at_is_otherwise() {
    let wanted = wanted_of(GROUP);
    let observed = as_observed(&wanted);
    let made = plan(&origin(), &wanted, &observed).unwrap();
    assert!(!is_stale(&made, &observed));
    let mut later = observed.clone();
    find(&mut later, "launch-template/workers")
        .outputs
        .insert(Attribute::Version, "2".to_owned());
    assert!(is_stale(&made, &later));
    assert!(is_stale(&made, &observed[1..]));
    let mut edited = made;
    edited.changes[0].wanted = None;
    assert!(is_stale(&edited, &observed));
}

#[test]
fn a_plan_is_not_stale_because_an_autoscaler_did_its_work() {
    let open = wanted_of(&GROUP.replace(", desired: 3", ""));
    let observed = as_observed(&open);
    let made = plan(&origin(), &open, &observed).unwrap();
    let mut later = observed.clone();
    if let Body::NodeGroup(group) = &mut find(&mut later, "nodegroup/workers").body {
        group.scaling.desired = Some(4);
    }
    assert!(!is_stale(&made, &later));
}

fn group() -> impl Strategy<Value = String> {
    let kinds = prop_oneof![
        Just(""),
        Just("kind: selfManaged, "),
        Just("kind: selfManaged, instanceTypes: [m5.large, c5.large], "),
        Just("capacity: spot, ")
    ];
    let more = prop_oneof![
        Just(""),
        Just(", labels: {a: b, c: d}, taints: [{key: x, effect: NoExecute}]"),
        Just(", ami: {id: ami-1}, maxPods: 30, ssm: false"),
        Just(", update: {maxUnavailable: 2}, repair: {enabled: true}"),
        Just(", role: {}, securityGroups: [sg-1, sg-0]"),
        Just(", scaling: {min: 2, desired: 3}, tags: {t: u}")
    ];
    (kinds, more).prop_map(|(kind, more)| format!("{{{kind}name: workers{more}}}"))
}

fn spec() -> impl Strategy<Value = String> {
    let networks = prop_oneof![
        Just("vpc: {nat: none}"),
        Just("vpc: {nat: perZone, zoneCount: 2}"),
        Just("vpc: {subnets: {private: {none: true}}}"),
        Just("vpc: {cidr: 192.168.0.0/20}\nendpoint: {public: false}\nownSecurityGroup: true")
    ];
    let addons = prop_oneof![
        Just("addons: []"),
        Just("addons: [{name: vpc-cni, role: {}, configuration: {b: 1, a: [2]}}, {name: coredns}]"),
        Just(
            "addons: [{name: aws-ebs-csi-driver, role: {by: podIdentity}}]\nlogging: {types: [api], retentionDays: 3}"
        ),
        Just("access: {authenticationMode: CONFIG_MAP}"),
        Just(
            "access: {entries: [{principalArn: 'arn:aws:iam::1:role/a', policies: [{policy: P, namespaces: [n]}]}]}"
        )
    ];
    (networks, addons, group())
        .prop_map(|(network, addons, group)| format!("{network}\n{addons}\nnodeGroups: [{group}]"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_applied_needs_no_change(spec in spec()) {
        let choices = choices_with_image("workers");
        let wanted = wanted(&cluster(&spec), &choices, &BTreeMap::new());
        let plan = plan(&origin(), &wanted, &as_observed(&wanted)).unwrap();
        prop_assert_eq!(actions(&plan), Vec::<(Action, String)>::new());
    }
}
