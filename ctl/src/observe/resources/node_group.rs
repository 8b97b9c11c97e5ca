//! Node groups, managed and self-managed.

use std::collections::BTreeMap;

use aws_sdk_autoscaling::types::{AutoScalingGroup, Filter, LaunchTemplateSpecification};
use aws_sdk_eks::types::{
    AmiTypes, Nodegroup, NodegroupIssueCode, NodegroupScalingConfig, NodegroupStatus, TaintEffect,
};

use super::cluster::{joined, sentence};
use super::found::Found;
use super::launch_template;
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::eks::described;
use crate::observe::tags;
use crate::resource::{
    self, Attribute, Body, CLUSTER_TAG, NodeRepair, Outputs, Scaling, Status, Taint,
    TemplateVersion, Text, Update, Wanted,
};

const DESCRIBE: &str = "autoscaling:DescribeAutoScalingGroups";
/// Auto Scaling takes this many names in one call.
const NAMES: usize = 50;

/// Asks for the managed node groups of the cluster.
pub(super) async fn managed(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let groups = described::node_groups(clients, cluster).await?;
    Ok(groups.iter().map(read_managed).collect())
}

/// Asks for the launch templates and Auto Scaling groups that are ours or have the name of a wanted one.
pub(super) async fn auto_scaling(
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
    let groups = groups.values();
    Ok(groups
        .map(|group| read_self_managed(group, cluster))
        .collect())
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

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn number(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

fn read_managed(group: &Nodegroup) -> Found {
    let body = managed_body(group);
    Found {
        tags: body.tags.clone(),
        body: Body::NodeGroup(body),
        outputs: Outputs::from([
            (Attribute::Id, owned(group.nodegroup_name())),
            (Attribute::Arn, owned(group.nodegroup_arn())),
        ]),
        status: managed_status(group),
    }
}

/// A managed group.
pub(in crate::observe) fn managed_body(group: &Nodegroup) -> resource::NodeGroup {
    // EKS says the AMI of the launch template for a release, and no version of its own.
    let is_custom = group.ami_type() == Some(&AmiTypes::Custom);
    let unless_custom = |text: Option<&str>| text.filter(|_| !is_custom).map(str::to_owned);
    let update = group.update_config();
    let template = group.launch_template();
    resource::NodeGroup {
        cluster: owned(group.cluster_name()).into(),
        name: owned(group.nodegroup_name()),
        role: owned(group.node_role()).into(),
        subnets: group.subnets().iter().cloned().map(Text::Known).collect(),
        instance_types: group.instance_types().to_vec(),
        ami_type: unless_custom(group.ami_type().map(AmiTypes::as_str)),
        version: unless_custom(group.version()),
        release_version: unless_custom(group.release_version()),
        capacity_type: group
            .capacity_type()
            .map_or("ON_DEMAND", |kind| kind.as_str())
            .to_owned(),
        scaling: scaling(group),
        labels: group
            .labels()
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
        taints: group.taints().iter().map(taint).collect(),
        update: Update {
            max_unavailable: number(
                update.and_then(aws_sdk_eks::types::NodegroupUpdateConfig::max_unavailable),
            ),
            max_unavailable_percentage: number(
                update.and_then(
                    aws_sdk_eks::types::NodegroupUpdateConfig::max_unavailable_percentage,
                ),
            ),
            strategy: update
                .and_then(|update| update.update_strategy())
                .map(|strategy| strategy.as_str().to_owned()),
        },
        repair: NodeRepair {
            enabled: group
                .node_repair_config()
                .and_then(aws_sdk_eks::types::NodeRepairConfig::enabled)
                .unwrap_or_default(),
        },
        launch_template: TemplateVersion {
            id: owned(template.and_then(|template| template.id())).into(),
            version: owned(template.and_then(|template| template.version())).into(),
        },
        tags: tags::of_map(group.tags()),
    }
}

/// How many nodes a managed group has.
pub(in crate::observe) fn scaling(group: &Nodegroup) -> Scaling {
    let scaling = group.scaling_config();
    let of = |size: fn(&NodegroupScalingConfig) -> Option<i32>| number(scaling.and_then(size));
    Scaling {
        min: of(NodegroupScalingConfig::min_size).unwrap_or_default(),
        max: of(NodegroupScalingConfig::max_size).unwrap_or_default(),
        desired: of(NodegroupScalingConfig::desired_size),
    }
}

fn taint(taint: &aws_sdk_eks::types::Taint) -> Taint {
    let effect = match taint.effect() {
        Some(TaintEffect::NoExecute) => "NoExecute",
        Some(TaintEffect::PreferNoSchedule) => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    Taint {
        key: owned(taint.key()),
        value: owned(taint.value()),
        effect: effect.to_owned(),
    }
}

/// A group that is degraded is as it should be: what ails it, such as a subnet without addresses, is not its own to mend.
fn managed_status(group: &Nodegroup) -> Status {
    match group.status() {
        Some(NodegroupStatus::Creating) => Status::Creating,
        Some(NodegroupStatus::Updating) => Status::Updating,
        Some(NodegroupStatus::Deleting) => Status::Deleting,
        Some(NodegroupStatus::CreateFailed | NodegroupStatus::DeleteFailed) => Status::Failed {
            reason: issues(group).unwrap_or_else(|| "EKS says no reason".to_owned()),
        },
        _ => Status::Ready,
    }
}

/// What EKS says of the health of a managed group; none when it is well.
pub(crate) fn issues(group: &Nodegroup) -> Option<String> {
    let issues = group.health()?.issues().iter().map(|issue| {
        let code = issue.code().map_or("issue", NodegroupIssueCode::as_str);
        sentence(code, issue.message(), issue.resource_ids())
    });
    joined(issues)
}

fn read_self_managed(group: &AutoScalingGroup, cluster: &str) -> Found {
    let body = body(group, cluster);
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
        } else {
            Status::Ready
        },
    }
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
    let mixed = group.mixed_instances_policy();
    let mixed = mixed.and_then(|policy| policy.launch_template());
    let of_mixed = mixed.and_then(|template| template.launch_template_specification());
    let overrides = mixed.map(aws_sdk_autoscaling::types::LaunchTemplate::overrides);
    let subnets = group.vpc_zone_identifier().unwrap_or_default().split(',');
    resource::AutoScalingGroup {
        name: owned(group.auto_scaling_group_name()),
        cluster: cluster.into(),
        subnets: subnets
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .map(Text::from)
            .collect(),
        launch_template: group
            .launch_template()
            .or(of_mixed)
            .map(template)
            .unwrap_or_default(),
        instance_types: overrides
            .unwrap_or_default()
            .iter()
            .filter_map(|one| one.instance_type().map(str::to_owned))
            .collect(),
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
