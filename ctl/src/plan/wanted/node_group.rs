//! Groups of nodes, managed and self-managed.

use std::collections::BTreeSet;

use super::network::Network;
use super::scope::Scope;
use super::{Things, auto_scaling, launch_template};
use crate::resource::{
    self, Address, Body, Kind, NodeRepair, Scaling, TemplateVersion, Text, Update,
};
use crate::spec::{Capacity, GroupKind, GroupSubnets, NodeGroup, Strategy};

/// Adds every group, after what nodes need to join, and says their addresses.
pub(super) fn add(
    scope: &Scope<'_>,
    network: &Network,
    before: &BTreeSet<Address>,
    things: &mut Things,
) -> BTreeSet<Address> {
    let mut added = BTreeSet::new();
    for group in scope.groups() {
        let template = launch_template::add(scope, group, things);
        let subnets = subnets(network, group);
        let (kind, body) = match group.kind {
            GroupKind::Managed => (Kind::NodeGroup, managed(scope, group, subnets, template)),
            GroupKind::SelfManaged => (
                Kind::AutoScalingGroup,
                auto_scaling::group(scope, group, subnets, template),
            ),
        };
        let address = Address::new(kind, &group.name);
        things.add_after(address.clone(), body, before.clone());
        added.insert(address);
    }
    added
}

fn subnets(network: &Network, group: &NodeGroup) -> BTreeSet<Text> {
    match &group.subnets {
        Some(GroupSubnets::Ids(ids)) => ids.iter().map(|id| id.as_str().into()).collect(),
        Some(GroupSubnets::Public) => network.public.clone(),
        None if network.private.is_empty() => network.public.clone(),
        Some(GroupSubnets::Private) | None => network.private.clone(),
    }
}

pub(super) fn scaling(group: &NodeGroup) -> Scaling {
    Scaling {
        min: group.scaling.min,
        max: group.scaling.max(),
        desired: group.scaling.desired,
    }
}

fn managed(
    scope: &Scope<'_>,
    group: &NodeGroup,
    subnets: BTreeSet<Text>,
    launch_template: TemplateVersion,
) -> Body {
    let is_custom = group.ami.is_custom();
    let unless_custom = |text: String| (!is_custom).then_some(text);
    let update = group.update.clone().unwrap_or_default();
    let address = Address::new(Kind::NodeGroup, &group.name);
    Body::NodeGroup(resource::NodeGroup {
        cluster: scope.cluster_name(),
        name: group.name.clone(),
        role: scope
            .node_role(group)
            .map(|role| role.arn())
            .unwrap_or_default(),
        subnets,
        instance_types: group.instance_types.clone(),
        ami_type: unless_custom(ami_type(scope, group)),
        version: unless_custom(scope.spec().version.clone()),
        release_version: group.ami.release_version.clone().filter(|_| !is_custom),
        capacity_type: match group.capacity {
            Capacity::OnDemand => "ON_DEMAND",
            Capacity::Spot => "SPOT",
        }
        .to_owned(),
        scaling: scaling(group),
        labels: group.labels.clone(),
        taints: group
            .taints
            .iter()
            .map(|taint| resource::Taint {
                key: taint.key.clone(),
                value: taint.value.clone(),
                effect: taint.effect.name().to_owned(),
            })
            .collect(),
        update: Update {
            max_unavailable: update.max_unavailable,
            max_unavailable_percentage: update.max_unavailable_percentage,
            strategy: update.strategy.map(|strategy| {
                match strategy {
                    Strategy::Default => "DEFAULT",
                    Strategy::Minimal => "MINIMAL",
                }
                .to_owned()
            }),
        },
        repair: NodeRepair {
            enabled: group.repair.enabled,
        },
        launch_template,
        tags: scope.tags_with(&address, &group.tags),
    })
}

/// The EKS-optimised AMI of Amazon Linux 2023 that fits the instance type, when the document names none:
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_Nodegroup.html>.
fn ami_type(scope: &Scope<'_>, group: &NodeGroup) -> String {
    if let Some(ami_type) = &group.ami.ami_type {
        return ami_type.clone();
    }
    let known = scope.instance_type(group);
    let is_arm = known.is_some_and(|known| known.architecture == "arm64");
    let has_gpus = known.is_some_and(|known| known.nvidia_gpus > 0);
    match (is_arm, has_gpus) {
        (false, false) => "AL2023_x86_64_STANDARD",
        (false, true) => "AL2023_x86_64_NVIDIA",
        (true, false) => "AL2023_ARM_64_STANDARD",
        (true, true) => "AL2023_ARM_64_NVIDIA",
    }
    .to_owned()
}
