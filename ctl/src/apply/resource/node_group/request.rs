//! What EKS is asked for. Pure.

use aws_sdk_eks::operation::create_nodegroup::builders::CreateNodegroupInputBuilder;
use aws_sdk_eks::operation::update_nodegroup_config::builders::UpdateNodegroupConfigInputBuilder;
use aws_sdk_eks::operation::update_nodegroup_version::builders::UpdateNodegroupVersionInputBuilder;
use aws_sdk_eks::types::{
    AmiTypes, CapacityTypes, LaunchTemplateSpecification, NodeRepairConfig, NodegroupScalingConfig,
    NodegroupUpdateConfig, NodegroupUpdateStrategies, Taint, TaintEffect, UpdateLabelsPayload,
    UpdateTaintsPayload,
};

use super::super::at::{plain, plains};
use super::super::fields::touches;
use super::super::tags;
use crate::plan::change::FieldChange;
use crate::resource::{self, NodeGroup, NodeRepair, TemplateVersion, Update};

/// The request that makes a group. It has a launch template, so it says nothing of disks and remote access; what the
/// template has (AMI) is not among what is wanted.
pub(super) fn creation(wanted: &NodeGroup, token: &str) -> CreateNodegroupInputBuilder {
    let types = (!wanted.instance_types.is_empty()).then(|| wanted.instance_types.clone());
    let labels = (!wanted.labels.is_empty()).then(|| wanted.labels.clone().into_iter().collect());
    let taints = (!wanted.taints.is_empty()).then(|| wanted.taints.iter().map(taint).collect());
    CreateNodegroupInputBuilder::default()
        .cluster_name(plain(&wanted.cluster))
        .nodegroup_name(&wanted.name)
        .node_role(plain(&wanted.role))
        .set_subnets(Some(plains(&wanted.subnets)))
        .set_instance_types(types)
        .set_ami_type(wanted.ami_type.as_deref().map(AmiTypes::from))
        .set_version(wanted.version.clone())
        .set_release_version(wanted.release_version.clone())
        .capacity_type(CapacityTypes::from(wanted.capacity_type.as_str()))
        .scaling_config(scaling(
            &wanted.scaling,
            Some(wanted.scaling.desired.unwrap_or(wanted.scaling.min)),
        ))
        .set_labels(labels)
        .set_taints(taints)
        .set_update_config(update_config(&wanted.update))
        .set_node_repair_config(wanted.repair.enabled.then(|| repair(&wanted.repair)))
        .launch_template(template(&wanted.launch_template))
        .client_request_token(token)
        .set_tags(Some(tags::map(&wanted.tags)))
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn scaling(wanted: &resource::Scaling, desired: Option<u32>) -> NodegroupScalingConfig {
    NodegroupScalingConfig::builder()
        .min_size(number(wanted.min))
        .max_size(number(wanted.max))
        .set_desired_size(desired.map(number))
        .build()
}

/// How many nodes there should be after a change. EKS refuses bounds that the number of nodes is outside of.
fn desired(observed: &NodeGroup, wanted: &NodeGroup) -> Option<u32> {
    let bounds = wanted.scaling;
    bounds.desired.or_else(|| {
        let now = observed.scaling.desired?;
        let within = now.max(bounds.min).min(bounds.max);
        (within != now).then_some(within)
    })
}

fn update_config(wanted: &Update) -> Option<NodegroupUpdateConfig> {
    (*wanted != Update::default()).then(|| {
        NodegroupUpdateConfig::builder()
            .set_max_unavailable(wanted.max_unavailable.map(number))
            .set_max_unavailable_percentage(wanted.max_unavailable_percentage.map(number))
            .set_update_strategy(
                wanted
                    .strategy
                    .as_deref()
                    .map(NodegroupUpdateStrategies::from),
            )
            .build()
    })
}

fn repair(wanted: &NodeRepair) -> NodeRepairConfig {
    NodeRepairConfig::builder().enabled(wanted.enabled).build()
}

fn template(wanted: &TemplateVersion) -> LaunchTemplateSpecification {
    LaunchTemplateSpecification::builder()
        .id(plain(&wanted.id))
        .version(plain(&wanted.version))
        .build()
}

/// EKS has its own spelling of the effects of Kubernetes.
fn taint(taint: &resource::Taint) -> Taint {
    let effect = match taint.effect.as_str() {
        "NoSchedule" => TaintEffect::NoSchedule,
        "NoExecute" => TaintEffect::NoExecute,
        "PreferNoSchedule" => TaintEffect::PreferNoSchedule,
        other => TaintEffect::from(other),
    };
    let value = Some(&taint.value).filter(|value| !value.is_empty());
    Taint::builder()
        .key(&taint.key)
        .set_value(value.cloned())
        .effect(effect)
        .build()
}

/// One update.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Of what EKS changes on nodes that are there.
    Config(UpdateNodegroupConfigInputBuilder),
    /// Of what takes new nodes.
    Version(UpdateNodegroupVersionInputBuilder),
}

/// The updates that lead to what is wanted, in their order.
pub(super) fn steps(observed: &NodeGroup, wanted: &NodeGroup, fields: &[FieldChange]) -> Vec<Step> {
    let config = config(observed, wanted, fields).map(Step::Config);
    let version = version(wanted, fields).map(Step::Version);
    config.into_iter().chain(version).collect()
}

fn config(
    observed: &NodeGroup,
    wanted: &NodeGroup,
    fields: &[FieldChange],
) -> Option<UpdateNodegroupConfigInputBuilder> {
    let touches = |property| touches(fields, property);
    let properties = ["scaling", "labels", "taints", "update", "repair"];
    if !properties.into_iter().any(touches) {
        return None;
    }
    let mut call = UpdateNodegroupConfigInputBuilder::default()
        .cluster_name(plain(&wanted.cluster))
        .nodegroup_name(&wanted.name);
    if touches("scaling") {
        call = call.scaling_config(scaling(&wanted.scaling, desired(observed, wanted)));
    }
    if touches("labels") {
        call = call.labels(labels(observed, wanted));
    }
    if touches("taints") {
        call = call.taints(taints(observed, wanted));
    }
    if touches("update") {
        call = call.set_update_config(update_config(&wanted.update));
    }
    if touches("repair") {
        call = call.node_repair_config(repair(&wanted.repair));
    }
    Some(call)
}

fn labels(observed: &NodeGroup, wanted: &NodeGroup) -> UpdateLabelsPayload {
    let new = wanted
        .labels
        .iter()
        .filter(|(key, value)| observed.labels.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect::<std::collections::HashMap<_, _>>();
    let gone = observed.labels.keys();
    let gone: Vec<String> = gone
        .filter(|key| !wanted.labels.contains_key(*key))
        .cloned()
        .collect();
    UpdateLabelsPayload::builder()
        .set_add_or_update_labels((!new.is_empty()).then_some(new))
        .set_remove_labels((!gone.is_empty()).then_some(gone))
        .build()
}

/// A taint is known by its key and effect: one with another value is updated, not removed.
fn taints(observed: &NodeGroup, wanted: &NodeGroup) -> UpdateTaintsPayload {
    let is_same = |one: &resource::Taint, other: &resource::Taint| {
        one.key == other.key && one.effect == other.effect
    };
    let new: Vec<Taint> = wanted
        .taints
        .difference(&observed.taints)
        .map(taint)
        .collect();
    let gone: Vec<Taint> = observed
        .taints
        .iter()
        .filter(|was| !wanted.taints.iter().any(|is| is_same(was, is)))
        .map(taint)
        .collect();
    UpdateTaintsPayload::builder()
        .set_add_or_update_taints((!new.is_empty()).then_some(new))
        .set_remove_taints((!gone.is_empty()).then_some(gone))
        .build()
}

fn version(
    wanted: &NodeGroup,
    fields: &[FieldChange],
) -> Option<UpdateNodegroupVersionInputBuilder> {
    let touches = |property| touches(fields, property);
    let properties = ["launchTemplate", "version", "releaseVersion"];
    if !properties.into_iter().any(touches) {
        return None;
    }
    let call = UpdateNodegroupVersionInputBuilder::default()
        .cluster_name(plain(&wanted.cluster))
        .nodegroup_name(&wanted.name);
    let call = if touches("launchTemplate") {
        call.launch_template(template(&wanted.launch_template))
    } else {
        call
    };
    Some(
        call.set_version(wanted.version.clone())
            .set_release_version(wanted.release_version.clone()),
    )
}

#[cfg(test)]
mod tests;
