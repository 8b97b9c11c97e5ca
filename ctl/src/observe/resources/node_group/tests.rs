use std::collections::{BTreeMap, BTreeSet};

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
