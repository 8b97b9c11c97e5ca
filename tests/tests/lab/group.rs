//! The instances of an Auto Scaling group: machines of the lab for as long as the group has them.

use std::collections::BTreeMap;

use lab::{
    aws,
    cloud::{
        moto::{Group, LaunchTemplate, MotoError},
        record::MachineRecord,
    },
    cluster::{AtStart, NODE_ROLE},
    guard::GuardedLab,
    lifecycle::Lab,
    machine::Wanted,
    setup,
};

use super::{DEADLINE, layout, look::until, user_data};

const GROUP: &str = "eks-general-5ec7e1a5";
const PROFILE: &str = "eks-general";
const VPC: &str = "10.0.0.0/16";
const SUBNETS: [(&str, &str); 2] = [
    ("us-east-1a", "10.0.0.0/20"),
    ("us-east-1b", "10.0.16.0/20"),
];

#[test]
fn instances_of_a_group_join_and_go_as_the_group_says() {
    let Some((cache, layout)) = layout("group") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded(&layout).unwrap();
    let alone = lab.add_machine(&Wanted::default()).unwrap();

    create(&lab, 2);
    let [first, second] = ready(&lab);
    for record in [&first, &second] {
        let zone = record.availability_zone.as_str();
        assert!(SUBNETS.contains(&(zone, &record.subnet_cidr)), "{record:?}");
        assert_eq!(record.vpc_cidr, VPC);
        assert_eq!(record.instance_profile.as_deref(), Some(PROFILE));
        assert_eq!(record.role.as_deref(), Some(NODE_ROLE));
        assert_eq!(record.tags["eks:nodegroup-name"], "general");
        assert_eq!(record.tags["aws:autoscaling:groupName"], GROUP);
    }
    assert_ne!(first.subnet_id, second.subnet_id);
    reaches_kubelet(&lab, &first, &second);
    reaches_kubelet(&lab, &second, &alone);

    on_moto(&lab, || async {
        aws::moto().set_desired_capacity(GROUP, 1).await
    });
    let [left] = ready(&lab);
    let gone = if left == first { &second } else { &first };
    assert_gone(&lab, gone);

    // To the group an instance that a person removes is a failure.
    lab.remove_machine(&left).unwrap();
    let [next] = ready(&lab);
    assert_ne!(next.instance_id, left.instance_id);

    on_moto(&lab, || async { aws::moto().delete_group(GROUP).await });
    let [] = machines(&lab);
    assert_gone(&lab, &next);
    lab.wait_ready(&alone, DEADLINE).unwrap();

    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

#[test]
fn a_lab_that_goes_while_the_machines_of_a_group_boot_leaves_nothing() {
    let Some((cache, layout)) = layout("group-down") else {
        return;
    };
    setup::all(&cache).unwrap();
    let lab = Lab::up_guarded_with(&layout, AtStart::Absent(layout.name())).unwrap();
    create(&lab, 5);
    until(&lab, "a machine", || match lab.machines().unwrap().len() {
        0 => Err("none".to_owned()),
        _ => Ok(()),
    });
    let left = GuardedLab::down(lab).unwrap();
    assert_eq!(left, Vec::<String>::new(), "left behind");
}

/// A group in a VPC of its own. It names the second version of its template, whose first version would not do.
fn create(lab: &Lab, desired_capacity: u32) {
    let good = LaunchTemplate {
        image_id: lab.cluster.image_id.clone(),
        instance_type: "m5.large".to_owned(),
        instance_profile: PROFILE.to_owned(),
        user_data: lab.fill_in(&user_data("eks-managed")).unwrap(),
    };
    let bad = LaunchTemplate {
        instance_profile: "none".to_owned(),
        user_data: b"#!/bin/sh\n".to_vec(),
        ..good.clone()
    };
    on_moto(lab, || async {
        let moto = aws::moto();
        moto.create_instance_role(NODE_ROLE, PROFILE).await?;
        let mut subnet_ids = Vec::new();
        for (zone, cidr) in SUBNETS {
            subnet_ids.push(moto.create_network(VPC, cidr, zone).await?.subnet_id);
        }
        let id = moto.create_launch_template(GROUP, &bad).await?;
        let version = moto.create_launch_template_version(&id, &good).await?;
        let group = Group {
            name: GROUP.to_owned(),
            launch_template_id: id,
            launch_template_version: version,
            subnet_ids,
            desired_capacity,
            max_size: 5,
            tags: BTreeMap::from([("eks:nodegroup-name".to_owned(), "general".to_owned())]),
        };
        moto.create_group(&group).await
    });
}

fn on_moto<F>(lab: &Lab, work: impl FnOnce() -> F + Send)
where
    F: Future<Output = Result<(), MotoError>>,
{
    lab.inside(work).unwrap().unwrap();
}

/// The machines of the group once they are so many and their Nodes are Ready.
fn ready<const N: usize>(lab: &Lab) -> [MachineRecord; N] {
    let machines = machines(lab);
    for record in &machines {
        lab.wait_ready(record, DEADLINE).unwrap();
    }
    machines
}

/// The machines of the group once they are so many.
fn machines<const N: usize>(lab: &Lab) -> [MachineRecord; N] {
    until(lab, "machines of the group", || {
        let mut machines = lab.machines().unwrap();
        machines.retain(|record| record.tags.contains_key("aws:autoscaling:groupName"));
        machines
            .try_into()
            .map_err(|machines: Vec<_>| format!("{}", machines.len()))
    })
}

fn reaches_kubelet(lab: &Lab, from: &MachineRecord, to: &MachineRecord) {
    let connect = format!("exec 3<>/dev/tcp/{}/10250", to.private_ip);
    let mut command = lab.enter(from).unwrap();
    let output = command
        .args(["timeout", "5", "bash", "-c", &connect])
        .output();
    let output = output.unwrap();
    assert!(output.status.success(), "{from:?} {to:?} {output:?}");
}

/// No process, no file and no Node is left of the machine.
fn assert_gone(lab: &Lab, record: &MachineRecord) {
    assert!(!lab.group.child("machine").child(&record.name).exists());
    assert!(!lab.layout.machine(&record.name).exists());
    assert_eq!(lab.node(record).unwrap(), None);
}
