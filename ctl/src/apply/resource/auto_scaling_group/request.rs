//! What Auto Scaling is asked for. Pure.

use aws_sdk_autoscaling::operation::create_auto_scaling_group::builders::CreateAutoScalingGroupInputBuilder;
use aws_sdk_autoscaling::operation::start_instance_refresh::builders::StartInstanceRefreshInputBuilder;
use aws_sdk_autoscaling::operation::update_auto_scaling_group::builders::UpdateAutoScalingGroupInputBuilder;
use aws_sdk_autoscaling::types::{
    DesiredConfiguration, LaunchTemplate, LaunchTemplateOverrides, LaunchTemplateSpecification,
    MixedInstancesPolicy, RefreshPreferences, Tag,
};

use super::super::at::{plain, plains};
use super::super::fields::touches;
use crate::plan::change::FieldChange;
use crate::resource::{AutoScalingGroup, Tags};

/// As Auto Scaling names the kind of what its tags are on.
const KIND: &str = "auto-scaling-group";
/// Instances are replaced one by one, and a new one serves before an old one goes.
const LEAST_HEALTHY_PERCENT: i32 = 100;
const MOST_HEALTHY_PERCENT: i32 = 110;

/// The request that makes a group.
pub(super) fn creation(wanted: &AutoScalingGroup) -> CreateAutoScalingGroupInputBuilder {
    let bounds = wanted.scaling;
    CreateAutoScalingGroupInputBuilder::default()
        .auto_scaling_group_name(&wanted.name)
        .min_size(number(bounds.min))
        .max_size(number(bounds.max))
        .desired_capacity(number(bounds.desired.unwrap_or(bounds.min)))
        .vpc_zone_identifier(plains(&wanted.subnets).join(","))
        .set_launch_template(template(wanted))
        .set_mixed_instances_policy(mixed(wanted))
        .set_tags(Some(tags(&wanted.name, &wanted.tags)))
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn specification(wanted: &AutoScalingGroup) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .launch_template_id(plain(&wanted.launch_template.id))
        .version(plain(&wanted.launch_template.version))
        .build()
}

/// The template, when it says the instance type itself.
fn template(wanted: &AutoScalingGroup) -> Option<LaunchTemplateSpecification> {
    wanted
        .instance_types
        .is_empty()
        .then(|| specification(wanted))
}

/// The template and the instance types that take the place of its own.
fn mixed(wanted: &AutoScalingGroup) -> Option<MixedInstancesPolicy> {
    if wanted.instance_types.is_empty() {
        return None;
    }
    let overrides = wanted.instance_types.iter().map(|name| {
        LaunchTemplateOverrides::builder()
            .instance_type(name)
            .build()
    });
    let template = LaunchTemplate::builder()
        .launch_template_specification(specification(wanted))
        .set_overrides(Some(overrides.collect()));
    let policy = MixedInstancesPolicy::builder().launch_template(template.build());
    Some(policy.build())
}

/// Tags of a group, which its instances get too.
pub(super) fn tags(group: &str, tags: &Tags) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| {
        Tag::builder()
            .resource_id(group)
            .resource_type(KIND)
            .key(key)
            .value(value)
            .propagate_at_launch(true)
            .build()
    };
    tags.iter().map(tag).collect()
}

/// Tags that go from a group.
pub(super) fn keys(group: &str, keys: &[String]) -> Vec<Tag> {
    let tag = |key: &String| {
        Tag::builder()
            .resource_id(group)
            .resource_type(KIND)
            .key(key)
            .build()
    };
    keys.iter().map(tag).collect()
}

/// The update that a difference needs; none when it is one of tags, or of what an instance refresh changes.
pub(super) fn update(
    observed: &AutoScalingGroup,
    wanted: &AutoScalingGroup,
    fields: &[FieldChange],
) -> Option<UpdateAutoScalingGroupInputBuilder> {
    let touches = |property| touches(fields, property);
    if !["scaling", "subnets"].into_iter().any(touches) {
        return None;
    }
    let mut call =
        UpdateAutoScalingGroupInputBuilder::default().auto_scaling_group_name(&wanted.name);
    if touches("scaling") {
        // Auto Scaling moves the number of instances into new bounds by itself.
        call = call
            .min_size(number(wanted.scaling.min))
            .max_size(number(wanted.scaling.max))
            .set_desired_capacity(wanted.scaling.desired.map(number));
    }
    if touches("subnets") && observed.subnets != wanted.subnets {
        call = call.vpc_zone_identifier(plains(&wanted.subnets).join(","));
    }
    Some(call)
}

/// The instance refresh that a difference needs. The group gets the template with it, once it has succeeded: one that never began
/// is still a difference.
pub(super) fn refresh(
    wanted: &AutoScalingGroup,
    fields: &[FieldChange],
) -> Option<StartInstanceRefreshInputBuilder> {
    if !touches(fields, "launchTemplate") && !touches(fields, "instanceTypes") {
        return None;
    }
    let desired = DesiredConfiguration::builder()
        .set_launch_template(template(wanted))
        .set_mixed_instances_policy(mixed(wanted));
    let preferences = RefreshPreferences::builder()
        .min_healthy_percentage(LEAST_HEALTHY_PERCENT)
        .max_healthy_percentage(MOST_HEALTHY_PERCENT)
        .skip_matching(true);
    let call = StartInstanceRefreshInputBuilder::default()
        .auto_scaling_group_name(&wanted.name)
        .desired_configuration(desired.build())
        .preferences(preferences.build());
    Some(call)
}

#[cfg(test)]
mod tests {
    use super::super::super::fields::of_paths;
    use super::*;
    use crate::resource::{Scaling, TemplateVersion};

    fn group() -> AutoScalingGroup {
        AutoScalingGroup {
            name: "nodectl-blue-workers".into(),
            cluster: "blue".into(),
            subnets: ["subnet-a".into(), "subnet-b".into()].into(),
            launch_template: TemplateVersion {
                id: "lt-1".into(),
                version: "2".into(),
            },
            scaling: Scaling {
                min: 1,
                max: 3,
                desired: None,
            },
            tags: [("kubernetes.io/cluster/blue".to_owned(), "owned".to_owned())].into(),
            ..AutoScalingGroup::default()
        }
    }

    #[test]
    fn instances_get_the_tags_of_the_group() {
        let request = creation(&group()).build().unwrap();
        let tag = &request.tags()[0];
        assert_eq!(tag.key(), Some("kubernetes.io/cluster/blue"));
        assert_eq!(tag.propagate_at_launch(), Some(true));
        assert_eq!(tag.resource_type(), Some("auto-scaling-group"));
        assert_eq!(request.vpc_zone_identifier(), Some("subnet-a,subnet-b"));
        assert_eq!(request.desired_capacity(), Some(1));
        assert!(request.launch_template().is_some());
        assert_eq!(request.mixed_instances_policy(), None);
    }

    #[test]
    fn instance_types_take_the_place_of_the_templates() {
        let mut wanted = group();
        wanted.instance_types = vec!["m7i.large".into(), "m6i.large".into()];
        let request = creation(&wanted).build().unwrap();
        assert_eq!(request.launch_template(), None);
        let template = request.mixed_instances_policy().unwrap().launch_template();
        let types: Vec<_> = template.unwrap().overrides().iter().collect();
        assert_eq!(types[0].instance_type(), Some("m7i.large"));
        assert_eq!(types.len(), 2);
    }

    #[test]
    fn only_what_differs_is_updated() {
        let (observed, mut wanted) = (group(), group());
        wanted.scaling.max = 5;
        let call = update(&observed, &wanted, &of_paths(&["scaling.max"])).unwrap();
        let request = call.build().unwrap();
        assert_eq!((request.min_size(), request.max_size()), (Some(1), Some(5)));
        assert_eq!(request.desired_capacity(), None);
        assert_eq!(request.launch_template(), None);
        assert_eq!(request.vpc_zone_identifier(), None);
        assert!(update(&observed, &wanted, &of_paths(&["tags.team"])).is_none());
    }

    #[test]
    fn a_template_is_the_refreshs_to_set_since_a_group_that_has_it_would_never_roll() {
        let (observed, mut wanted) = (group(), group());
        wanted.launch_template.version = "3".into();
        let fields = of_paths(&["launchTemplate.version"]);
        assert!(update(&observed, &wanted, &fields).is_none());
        let request = refresh(&wanted, &fields).unwrap().build().unwrap();
        let desired = request.desired_configuration().unwrap();
        let template = desired.launch_template().unwrap();
        assert_eq!(template.version(), Some("3"));
        let preferences = request.preferences().unwrap();
        assert_eq!(preferences.skip_matching(), Some(true));
        assert!(refresh(&wanted, &of_paths(&["scaling.max"])).is_none());
    }
}
