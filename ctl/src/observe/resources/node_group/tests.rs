use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{
    LaunchTemplate, LaunchTemplateOverrides, MixedInstancesPolicy, TagDescription,
};
use aws_sdk_eks::types::{CapacityTypes, Issue, NodegroupHealth, NodegroupUpdateConfig};

use super::*;

fn managed_group() -> aws_sdk_eks::types::builders::NodegroupBuilder {
    Nodegroup::builder()
        .cluster_name("prod")
        .nodegroup_name("workers")
        .nodegroup_arn("arn:aws:eks:us-west-2:1:nodegroup/prod/workers/x")
        .node_role("arn:aws:iam::1:role/node")
        .subnets("subnet-1")
        .instance_types("m5.large")
        .capacity_type(CapacityTypes::Spot)
        .version("1.34")
        .release_version("1.34.0-20251103")
        .scaling_config(
            NodegroupScalingConfig::builder()
                .min_size(1)
                .max_size(3)
                .desired_size(2)
                .build(),
        )
        .update_config(NodegroupUpdateConfig::builder().max_unavailable(1).build())
        .taints(
            aws_sdk_eks::types::Taint::builder()
                .key("dedicated")
                .value("gpu")
                .effect(TaintEffect::NoExecute)
                .build(),
        )
        .launch_template(
            aws_sdk_eks::types::LaunchTemplateSpecification::builder()
                .id("lt-1")
                .version("3")
                .build(),
        )
}

#[test]
fn a_managed_group_is_put_into_our_words() {
    let group = managed_group()
        .ami_type(AmiTypes::Al2023X8664Standard)
        .labels("tier", "web")
        .build();
    let expected = resource::NodeGroup {
        cluster: "prod".into(),
        name: "workers".to_owned(),
        role: "arn:aws:iam::1:role/node".into(),
        subnets: BTreeSet::from(["subnet-1".into()]),
        instance_types: vec!["m5.large".to_owned()],
        ami_type: Some("AL2023_x86_64_STANDARD".to_owned()),
        version: Some("1.34".to_owned()),
        release_version: Some("1.34.0-20251103".to_owned()),
        capacity_type: "SPOT".to_owned(),
        scaling: Scaling {
            min: 1,
            max: 3,
            desired: Some(2),
        },
        labels: BTreeMap::from([("tier".to_owned(), "web".to_owned())]),
        taints: BTreeSet::from([Taint {
            key: "dedicated".to_owned(),
            value: "gpu".to_owned(),
            effect: "NoExecute".to_owned(),
        }]),
        update: Update {
            max_unavailable: Some(1),
            ..Update::default()
        },
        repair: NodeRepair::default(),
        launch_template: TemplateVersion {
            id: "lt-1".into(),
            version: "3".into(),
        },
        tags: resource::Tags::new(),
    };
    assert_eq!(managed_body(&group), expected);
}

#[test]
fn a_group_whose_template_has_the_ami_has_no_version_of_its_own() {
    let group = managed_group()
        .ami_type(AmiTypes::Custom)
        .release_version("ami-1")
        .build();
    let group = managed_body(&group);
    assert_eq!(
        (group.ami_type, group.version, group.release_version),
        (None, None, None)
    );
}

#[test]
fn a_group_that_failed_says_why_and_a_degraded_one_is_there() {
    let issue = Issue::builder()
        .code(NodegroupIssueCode::NodeCreationFailure)
        .message("Instances failed to join the kubernetes cluster")
        .resource_ids("i-1")
        .resource_ids("i-2");
    let health = NodegroupHealth::builder().issues(issue.build()).build();
    let with = |status| {
        managed_group()
            .status(status)
            .health(health.clone())
            .build()
    };
    let reason = "NodeCreationFailure: Instances failed to join the kubernetes cluster (i-1, i-2)"
        .to_owned();
    assert_eq!(
        managed_status(&with(NodegroupStatus::CreateFailed)),
        Status::Failed { reason }
    );
    assert_eq!(
        managed_status(&with(NodegroupStatus::Degraded)),
        Status::Ready
    );
}

#[test]
fn a_self_managed_group_may_have_several_instance_types() {
    let specification = LaunchTemplateSpecification::builder()
        .launch_template_id("lt-1")
        .version("2")
        .build();
    let one = |kind: &str| {
        LaunchTemplateOverrides::builder()
            .instance_type(kind)
            .build()
    };
    let template = LaunchTemplate::builder()
        .launch_template_specification(specification)
        .overrides(one("m5.large"))
        .overrides(one("m5a.large"))
        .build();
    let policy = MixedInstancesPolicy::builder()
        .launch_template(template)
        .build();
    let tag = TagDescription::builder().key("team").value("x").build();
    let group = AutoScalingGroup::builder()
        .auto_scaling_group_name("nodectl-prod-batch")
        .vpc_zone_identifier("subnet-1,subnet-2")
        .mixed_instances_policy(policy)
        .min_size(0)
        .max_size(4)
        .desired_capacity(1)
        .status("Delete in progress")
        .tags(tag)
        .build();
    let found = read_self_managed(&group, "prod");
    let expected = resource::AutoScalingGroup {
        name: "nodectl-prod-batch".to_owned(),
        cluster: "prod".into(),
        subnets: BTreeSet::from(["subnet-1".into(), "subnet-2".into()]),
        launch_template: TemplateVersion {
            id: "lt-1".into(),
            version: "2".into(),
        },
        instance_types: vec!["m5.large".to_owned(), "m5a.large".to_owned()],
        scaling: Scaling {
            min: 0,
            max: 4,
            desired: Some(1),
        },
        tags: resource::Tags::from([("team".to_owned(), "x".to_owned())]),
    };
    assert_eq!(found.body, Body::AutoScalingGroup(expected));
    assert_eq!(found.status, Status::Deleting);
}
