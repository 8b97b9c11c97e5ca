use std::collections::BTreeSet;

use aws_sdk_autoscaling::types::{
    DesiredConfiguration, LaunchTemplate, LaunchTemplateOverrides, TagDescription,
};

use super::*;

#[test]
fn a_group_may_have_several_instance_types() {
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
    let found = read(&group, None, "prod");
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

fn specification(version: &str) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id("lt-1")
        .launch_template_name("nodectl-prod-batch")
        .version(version)
        .build()
}

fn refresh(status: InstanceRefreshStatus) -> InstanceRefresh {
    let desired = DesiredConfiguration::builder().launch_template(specification("3"));
    InstanceRefresh::builder()
        .status(status)
        .desired_configuration(desired.build())
        .build()
}

#[test]
fn a_group_is_what_its_instance_refresh_makes_of_it_until_that_has_failed() {
    let group = AutoScalingGroup::builder()
        .auto_scaling_group_name("nodectl-prod-batch")
        .launch_template(specification("2"))
        .build();
    for (status, version, expected) in [
        (InstanceRefreshStatus::Pending, "3", Status::Updating),
        (InstanceRefreshStatus::InProgress, "3", Status::Updating),
        (InstanceRefreshStatus::Successful, "2", Status::Ready),
        (InstanceRefreshStatus::Failed, "2", Status::Ready),
        (
            InstanceRefreshStatus::RollbackInProgress,
            "2",
            Status::Ready,
        ),
    ] {
        let found = read(&group, Some(&refresh(status)), "prod");
        let Body::AutoScalingGroup(body) = &found.body else {
            panic!("{found:?}");
        };
        assert_eq!(body.launch_template.version, version.into());
        assert_eq!(found.status, expected);
    }
}
