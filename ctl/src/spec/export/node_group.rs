//! Node groups.

use std::collections::BTreeSet;

use super::ours::Ours;
use super::user_data::{Told, told};
use super::{cluster_security_group, node_role, without_owner};
use crate::observe::existing::{Existing, Group};
use crate::resource::{self, Attribute, Kind, Tags, Text};
use crate::spec::{
    Addon, Ami, Capacity, Disk, Effect, GroupKind, GroupSubnets, Imds, NodeGroup, NodeRole, Repair,
    Scaling, Strategy, Taint, Update, autoscaler_tags,
};

/// The groups that nodectl made. One of others has a launch template that a document cannot say.
pub(super) fn node_groups(
    existing: &Existing,
    ours: &Ours<'_>,
    common: &Tags,
    addons: &[Addon],
    left_out: &mut Vec<String>,
) -> Vec<NodeGroup> {
    let mut groups = Vec::new();
    let others = "made by others, with a launch template that a document cannot say";
    for Group { group, template } in &existing.node_groups {
        match template {
            Some(template) if existing.owns(&group.tags) => {
                groups.push(managed(existing, ours, common, addons, group, template));
            }
            _ => left_out.push(format!("the managed node group `{}`: {others}", group.name)),
        }
    }
    for Group { group, template } in &existing.auto_scaling_groups {
        match template {
            Some(template) if existing.owns(&group.tags) => {
                groups.push(self_managed(
                    existing, ours, common, addons, group, template,
                ));
            }
            _ => left_out.push(format!("the Auto Scaling group `{}`: {others}", group.name)),
        }
    }
    groups
}

fn managed(
    existing: &Existing,
    ours: &Ours<'_>,
    common: &Tags,
    addons: &[Addon],
    found: &resource::NodeGroup,
    template: &resource::LaunchTemplate,
) -> NodeGroup {
    let is_custom = template.image.is_some();
    let told = told(user_data(template), is_custom);
    let mut group = NodeGroup {
        name: found.name.clone(),
        instance_types: found.instance_types.clone(),
        ami: Ami {
            ami_type: found.ami_type.clone(),
            ..Ami::default()
        },
        subnets: subnets(existing, &found.subnets),
        labels: found.labels.clone(),
        taints: found.taints.iter().filter_map(taint).collect(),
        tags: own_tags(&found.tags, common),
        capacity: if found.capacity_type == "SPOT" {
            Capacity::Spot
        } else {
            Capacity::OnDemand
        },
        update: update(&found.update),
        repair: Repair {
            enabled: found.repair.enabled,
        },
        ..common_part(existing, &found.scaling, template, told)
    };
    let role = found.role.known().unwrap_or_default();
    group.role = role_of(ours, role, addons, &group);
    group
}

fn self_managed(
    existing: &Existing,
    ours: &Ours<'_>,
    common: &Tags,
    addons: &[Addon],
    found: &resource::AutoScalingGroup,
    template: &resource::LaunchTemplate,
) -> NodeGroup {
    let told = told(user_data(template), true);
    let (labels, taints) = (told.labels.clone(), told.taints.clone());
    let cluster = &existing.cluster.name;
    let name = found.node_group();
    let instance_types = if found.instance_types.is_empty() {
        template.instance_type.iter().cloned().collect()
    } else {
        found.instance_types.clone()
    };
    // All of them, or they are the user's own.
    let of_autoscaler = autoscaler_tags(cluster, &labels, &taints);
    let has_autoscaler_tags = of_autoscaler
        .iter()
        .all(|(key, value)| found.tags.get(key) == Some(value));
    let mut tags = own_tags(&found.tags, common);
    tags.retain(|key, value| {
        let is_shown_name = key == "Name" && *value == format!("{cluster}-{name}");
        let is_of_cluster = *key == format!("kubernetes.io/cluster/{cluster}");
        let is_of_autoscaler = has_autoscaler_tags && of_autoscaler.contains_key(key);
        !is_shown_name && !is_of_cluster && !is_of_autoscaler
    });
    let mut group = NodeGroup {
        name,
        kind: GroupKind::SelfManaged,
        instance_types,
        subnets: subnets(existing, &found.subnets),
        labels,
        taints,
        tags,
        capacity: if template.spot {
            Capacity::Spot
        } else {
            Capacity::OnDemand
        },
        autoscaler_tags: has_autoscaler_tags,
        ..common_part(existing, &found.scaling, template, told)
    };
    let profile = template.instance_profile.as_ref().and_then(Text::known);
    group.role = role_of_profile(ours, profile.unwrap_or_default(), addons, &group);
    group
}

/// What the launch template says for groups of both kinds. The number of nodes is left to whoever scales them.
fn common_part(
    existing: &Existing,
    scaling: &resource::Scaling,
    template: &resource::LaunchTemplate,
    told: Told,
) -> NodeGroup {
    let of_cluster = cluster_security_group(existing);
    let disk = &template.disk;
    NodeGroup {
        ami: Ami {
            id: template.image.clone(),
            ..Ami::default()
        },
        scaling: Scaling {
            min: scaling.min,
            max: Some(scaling.max),
            desired: None,
        },
        disk: Disk {
            size: disk.size,
            volume_type: disk.volume_type.clone(),
            encrypted: disk.encrypted,
            key_arn: disk.key.clone(),
            iops: disk.iops,
            throughput: disk.throughput,
        },
        security_groups: template
            .security_groups
            .iter()
            .filter(|group| Some(*group) != of_cluster.as_ref())
            .filter_map(|group| group.known().map(str::to_owned))
            .collect(),
        imds: Imds {
            hop_limit: template.metadata.hop_limit,
            tags: template.metadata.tags,
        },
        ssm: told.ssm,
        kubelet: told.kubelet,
        max_pods: told.max_pods,
        user_data: told.parts,
        agent_config: told.agent_config,
        ..NodeGroup::default()
    }
}

fn user_data(template: &resource::LaunchTemplate) -> Option<&str> {
    template.user_data.as_ref().and_then(Text::known)
}

/// Tags that only this group has.
fn own_tags(tags: &Tags, common: &Tags) -> Tags {
    let mut own = without_owner(tags);
    own.retain(|key, value| common.get(key) != Some(value));
    own
}

fn subnets(existing: &Existing, found: &BTreeSet<Text>) -> Option<GroupSubnets> {
    let found: BTreeSet<String> = found
        .iter()
        .filter_map(|id| id.known().map(str::to_owned))
        .collect();
    let of_cluster = |is_public: bool| -> BTreeSet<String> {
        let ids = existing.cluster.subnets.iter().filter_map(Text::known);
        ids.filter(|id| {
            let subnet = existing.subnets.get(*id);
            subnet.is_some_and(|subnet| subnet.is_public == is_public)
        })
        .map(str::to_owned)
        .collect()
    };
    let (public, private) = (of_cluster(true), of_cluster(false));
    if found == private || private.is_empty() && found == public {
        None
    } else if found == public {
        Some(GroupSubnets::Public)
    } else {
        Some(GroupSubnets::Ids(found))
    }
}

fn taint(taint: &resource::Taint) -> Option<Taint> {
    let effect = Effect::ALL
        .into_iter()
        .find(|known| known.name() == taint.effect)?;
    Some(Taint {
        key: taint.key.clone(),
        value: taint.value.clone(),
        effect,
    })
}

/// None for what EKS does when nothing is said.
fn update(found: &resource::Update) -> Option<Update> {
    let strategy = match found.strategy.as_deref() {
        Some("MINIMAL") => Some(Strategy::Minimal),
        _ => None,
    };
    let update = Update {
        max_unavailable: found.max_unavailable,
        max_unavailable_percentage: found.max_unavailable_percentage,
        strategy,
    };
    let usual = Update {
        max_unavailable: Some(1),
        ..Update::default()
    };
    (update != usual && update != Update::default()).then_some(update)
}

/// The role of a group by its ARN: none where it is the one that the groups share, and else its own or one of others.
fn role_of(ours: &Ours<'_>, arn: &str, addons: &[Addon], group: &NodeGroup) -> Option<NodeRole> {
    match ours.role_with_arn(arn) {
        Some(("node", _)) => None,
        Some((name, _)) if name == format!("node-{}", group.name) => {
            Some(node_role(ours, name, addons, [group]))
        }
        _ => Some(NodeRole {
            arn: Some(arn.to_owned()),
            ..NodeRole::default()
        }),
    }
}

/// The role of a group by the instance profile of its template. A profile of others names itself, since the role of nodes is
/// in no other answer.
fn role_of_profile(
    ours: &Ours<'_>,
    profile: &str,
    addons: &[Addon],
    group: &NodeGroup,
) -> Option<NodeRole> {
    let made = ours
        .all(Kind::InstanceProfile)
        .find(|observed| observed.outputs.get(&Attribute::Id).map(String::as_str) == Some(profile));
    let Some(made) = made else {
        return Some(NodeRole {
            instance_profile: Some(profile.to_owned()),
            ..NodeRole::default()
        });
    };
    match made.address.name.as_str() {
        "node" => None,
        name => Some(node_role(ours, name, addons, [group])),
    }
}
