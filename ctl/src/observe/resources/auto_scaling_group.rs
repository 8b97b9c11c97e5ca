//! Auto Scaling groups of self-managed nodes.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{
    AutoScalingGroup, Filter, InstanceRefresh, InstanceRefreshStatus, LaunchTemplateSpecification,
    MixedInstancesPolicy,
};

use super::found::Found;
use super::launch_template;
use super::node_group::{number, owned};
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::parallel::each;
use crate::observe::tags;
use crate::resource::{
    self, Attribute, Body, CLUSTER_TAG, Outputs, Scaling, Status, TemplateVersion, Text, Wanted,
};

const DESCRIBE: &str = "autoscaling:DescribeAutoScalingGroups";
const DESCRIBE_REFRESHES: &str = "autoscaling:DescribeInstanceRefreshes";
/// Auto Scaling takes this many names in one call.
const NAMES: usize = 50;

/// Asks for the launch templates and Auto Scaling groups that are ours or have the name of a wanted one.
pub(super) async fn found(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, aws::Error> {
    let (templates, groups) = tokio::try_join!(
        launch_template::found(clients, cluster, wanted),
        self_managed(clients, cluster, wanted),
    )?;
    Ok([templates, groups].concat())
}

async fn self_managed(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, aws::Error> {
    let names: Vec<String> = wanted
        .iter()
        .filter_map(|wanted| match &wanted.body {
            Body::AutoScalingGroup(group) => Some(group.name.clone()),
            _ => None,
        })
        .collect();
    let mut groups = tagged(clients, CLUSTER_TAG, cluster).await?;
    for names in names.chunks(NAMES) {
        let request = clients.autoscaling.describe_auto_scaling_groups();
        let request = request.set_auto_scaling_group_names(Some(names.to_vec()));
        let pages = request.into_paginator().items().send();
        let found = pages.try_collect().await.map_err(|error| {
            aws::Error::of_call(DESCRIBE, format!("`{}`", names.join("`, `")), error)
        })?;
        groups.extend(found);
    }
    let groups: BTreeMap<String, AutoScalingGroup> = groups
        .into_iter()
        .filter_map(|group| Some((group.auto_scaling_group_name()?.to_owned(), group)))
        .collect();
    let (client, cluster) = (clients.autoscaling.clone(), cluster.to_owned());
    each(
        DESCRIBE_REFRESHES,
        groups.into_iter().collect(),
        |(name, group)| {
            let (client, cluster) = (client.clone(), cluster.clone());
            async move {
                let refresh = last_refresh(&client, &name).await?;
                Ok(read(&group, refresh.as_ref(), &cluster))
            }
        },
    )
    .await
}

/// The last instance refresh of a group; none when there was none, or the group is gone meanwhile.
async fn last_refresh(
    client: &aws_sdk_autoscaling::Client,
    name: &str,
) -> Result<Option<InstanceRefresh>, aws::Error> {
    let request = client.describe_instance_refreshes();
    let request = request.auto_scaling_group_name(name).max_records(1);
    match request.send().await {
        Ok(answer) => Ok(answer.instance_refreshes.into_iter().flatten().next()),
        Err(error) => {
            let error = aws::Error::of_call(DESCRIBE_REFRESHES, format!("`{name}`"), error);
            let is_gone = error.refusal() == Some(aws::Refusal::Gone);
            if is_gone { Ok(None) } else { Err(error) }
        }
    }
}

/// The Auto Scaling groups that have a tag.
pub(in crate::observe) async fn tagged(
    clients: &Clients,
    key: &str,
    value: &str,
) -> Result<Vec<AutoScalingGroup>, aws::Error> {
    let filter = Filter::builder()
        .name(format!("tag:{key}"))
        .values(value)
        .build();
    let request = clients.autoscaling.describe_auto_scaling_groups();
    let pages = request.filters(filter).into_paginator().items().send();
    pages.try_collect().await.map_err(|error| {
        aws::Error::of_call(
            DESCRIBE,
            format!("groups with the tag `{key}={value}`"),
            error,
        )
    })
}

/// A group. While an instance refresh makes it something else, it is what it becomes, and is being changed.
fn read(group: &AutoScalingGroup, refresh: Option<&InstanceRefresh>, cluster: &str) -> Found {
    let mut body = body(group, cluster);
    let refresh = refresh.filter(|refresh| is_on_its_way(refresh));
    if let Some((launch_template, instance_types)) = refresh.and_then(desired) {
        body.launch_template = launch_template;
        body.instance_types = instance_types;
    }
    let is_going = group
        .status()
        .is_some_and(|status| status.starts_with("Delete"));
    Found {
        tags: body.tags.clone(),
        body: Body::AutoScalingGroup(body),
        outputs: Outputs::from([
            (Attribute::Id, owned(group.auto_scaling_group_name())),
            (Attribute::Arn, owned(group.auto_scaling_group_arn())),
        ]),
        status: if is_going {
            Status::Deleting
        } else if refresh.is_some() {
            Status::Updating
        } else {
            Status::Ready
        },
    }
}

/// Whether an instance refresh goes on towards what it was asked for.
pub(crate) fn is_on_its_way(refresh: &InstanceRefresh) -> bool {
    matches!(
        refresh.status(),
        Some(
            InstanceRefreshStatus::Pending
                | InstanceRefreshStatus::InProgress
                | InstanceRefreshStatus::Baking
        )
    )
}

/// The launch template and the instance types that a group has once an instance refresh has succeeded; none when it keeps
/// its own.
pub(crate) fn desired(refresh: &InstanceRefresh) -> Option<(TemplateVersion, Vec<String>)> {
    let desired = refresh.desired_configuration()?;
    configuration(desired.launch_template(), desired.mixed_instances_policy())
}

/// The launch template and the instance types of a group as it is.
pub(crate) fn current(group: &AutoScalingGroup) -> Option<(TemplateVersion, Vec<String>)> {
    configuration(group.launch_template(), group.mixed_instances_policy())
}

fn configuration(
    launch_template: Option<&LaunchTemplateSpecification>,
    mixed: Option<&MixedInstancesPolicy>,
) -> Option<(TemplateVersion, Vec<String>)> {
    let mixed = mixed.and_then(|policy| policy.launch_template());
    let of_mixed = mixed.and_then(|template| template.launch_template_specification());
    let overrides = mixed.map(aws_sdk_autoscaling::types::LaunchTemplate::overrides);
    let instance_types = overrides
        .unwrap_or_default()
        .iter()
        .filter_map(|one| one.instance_type().map(str::to_owned))
        .collect();
    Some((template(launch_template.or(of_mixed)?), instance_types))
}

/// An Auto Scaling group of a cluster.
pub(in crate::observe) fn body(
    group: &AutoScalingGroup,
    cluster: &str,
) -> resource::AutoScalingGroup {
    let tags = group
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())));
    let (launch_template, instance_types) = current(group).unwrap_or_default();
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',');
    resource::AutoScalingGroup {
        name: owned(group.auto_scaling_group_name()),
        cluster: cluster.into(),
        subnets: subnets
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(Text::from)
            .collect(),
        launch_template,
        instance_types,
        scaling: Scaling {
            min: number(group.min_size()).unwrap_or_default(),
            max: number(group.max_size()).unwrap_or_default(),
            desired: number(group.desired_capacity()),
        },
        tags: tags::of_pairs(tags),
    }
}

fn template(template: &LaunchTemplateSpecification) -> TemplateVersion {
    TemplateVersion {
        id: owned(template.launch_template_id()).into(),
        version: owned(template.version()).into(),
    }
}

#[cfg(test)]
mod tests;
