//! EKS managed node groups.

use aws_sdk_eks::types::{
    AmiTypes, Nodegroup, NodegroupIssueCode, NodegroupScalingConfig, NodegroupStatus, TaintEffect,
};

use super::cluster::{joined, sentence};
use super::found::Found;
use crate::observe::tags;
use crate::resource::{
    self, Attribute, Body, NodeRepair, Outputs, Scaling, Status, Taint, TemplateVersion, Text,
    Update,
};

pub(super) fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

pub(super) fn number(number: Option<i32>) -> Option<u32> {
    number.and_then(|number| u32::try_from(number).ok())
}

/// A managed group that was found.
pub(super) fn read_managed(group: &Nodegroup) -> Found {
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

#[cfg(test)]
mod tests;
