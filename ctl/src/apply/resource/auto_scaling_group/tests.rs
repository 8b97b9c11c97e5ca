use aws_sdk_autoscaling::types::{
    Activity, DesiredConfiguration, Instance, InstanceRefresh, LaunchTemplateSpecification,
};

use super::*;

fn group(desired: i32, instances: &[LifecycleState]) -> types::AutoScalingGroup {
    let instance =
        |state: &LifecycleState| Instance::builder().lifecycle_state(state.clone()).build();
    types::AutoScalingGroup::builder()
        .auto_scaling_group_name("nodectl-blue-workers")
        .desired_capacity(desired)
        .set_instances(Some(instances.iter().map(instance).collect()))
        .build()
}

#[test]
fn a_group_is_ready_when_all_its_instances_are_in_service() {
    let waiting = group(2, &[LifecycleState::InService, LifecycleState::Pending]);
    assert_eq!(
        state(&waiting),
        pending("1 of 2 instances of nodectl-blue-workers are in service")
    );
    let full = group(2, &[LifecycleState::InService, LifecycleState::InService]);
    assert!(matches!(state(&full), Look::Ready(_)));
    assert!(matches!(state(&group(0, &[])), Look::Ready(_)));
}

#[test]
fn only_an_activity_that_failed_says_why() {
    let activity = |status| {
        Activity::builder()
            .status_code(status)
            .status_message("We currently do not have sufficient m7i.large capacity")
            .build()
    };
    assert_eq!(
        why(&activity(ScalingActivityStatusCode::Failed)).as_deref(),
        Some("We currently do not have sufficient m7i.large capacity")
    );
    assert_eq!(why(&activity(ScalingActivityStatusCode::Successful)), None);
}

#[test]
fn a_refresh_is_waited_for_and_its_failure_is_the_groups() {
    let refresh = |status| {
        InstanceRefresh::builder()
            .status(status)
            .status_reason("Waiting for remaining instances")
            .percentage_complete(40)
            .build()
    };
    assert_eq!(
        refresh_state(&refresh(InstanceRefreshStatus::InProgress)),
        Some(pending(
            "the instance refresh is InProgress (40 %): Waiting for remaining instances"
        ))
    );
    assert_eq!(
        refresh_state(&refresh(InstanceRefreshStatus::Successful)),
        None
    );
    assert!(matches!(
        refresh_state(&refresh(InstanceRefreshStatus::Cancelled)),
        Some(Look::Failed { .. })
    ));
}

fn refresh_to(version: &str, status: InstanceRefreshStatus) -> InstanceRefresh {
    let template = LaunchTemplateSpecification::builder()
        .launch_template_id("lt-1")
        .launch_template_name("nodectl-blue-workers")
        .version(version);
    let desired = DesiredConfiguration::builder().launch_template(template.build());
    InstanceRefresh::builder()
        .instance_refresh_id("r-1")
        .status(status)
        .desired_configuration(desired.build())
        .build()
}

#[test]
fn a_refresh_that_an_earlier_run_has_started_is_joined_and_another_one_waited_for() {
    let wanted = AutoScalingGroup {
        launch_template: TemplateVersion {
            id: "lt-1".into(),
            version: "3".into(),
        },
        ..AutoScalingGroup::default()
    };
    let turn = |version, status| turn(Some(&refresh_to(version, status)), &wanted);
    assert_eq!(
        turn("3", InstanceRefreshStatus::InProgress),
        Turn::Join("r-1".into())
    );
    assert_eq!(
        turn("2", InstanceRefreshStatus::InProgress),
        Turn::Wait("the instance refresh is InProgress (0 %)".into())
    );
    assert!(matches!(
        turn("3", InstanceRefreshStatus::Cancelling),
        Turn::Wait(_)
    ));
    assert_eq!(turn("3", InstanceRefreshStatus::Failed), Turn::Start);
    assert_eq!(turn("2", InstanceRefreshStatus::Successful), Turn::Start);
    assert_eq!(super::turn(None, &wanted), Turn::Start);
}
