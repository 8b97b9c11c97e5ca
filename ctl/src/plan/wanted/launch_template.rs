//! The launch template of a group: disk, metadata service, security groups, tags and user data of its instances.

use std::collections::BTreeSet;

use super::Things;
use super::scope::Scope;
use super::user_data::user_data;
use crate::resource::{
    Address, Attribute, Body, Disk, Kind, LaunchTemplate, MetadataOptions, TemplateVersion, Text,
};
use crate::spec::{Capacity, GroupKind, NodeGroup};

/// Root device of the EKS-optimised AMIs of Amazon Linux 2023.
const ROOT_DEVICE: &str = "/dev/xvda";

/// Adds the launch template of a group, and says its latest version.
pub(super) fn add(scope: &Scope<'_>, group: &NodeGroup, things: &mut Things) -> TemplateVersion {
    let address = Address::new(Kind::LaunchTemplate, &group.name);
    let template = TemplateVersion {
        id: Text::of(&address, Attribute::Id),
        version: Text::of(&address, Attribute::Version),
    };
    let is_self_managed = group.kind == GroupKind::SelfManaged;
    let image = scope
        .choices()
        .images
        .get(&group.name)
        .filter(|_| is_self_managed || group.ami.is_custom());
    let device = image
        .map(|image| image.root_device.as_str())
        .filter(|device| !device.is_empty())
        .unwrap_or(ROOT_DEVICE);
    let body = LaunchTemplate {
        name: scope.resource_name(&group.name),
        image: image.map(|image| image.id.clone()),
        instance_type: group
            .instance_types
            .first()
            .filter(|_| is_self_managed)
            .cloned(),
        instance_profile: scope
            .node_role(group)
            .filter(|_| is_self_managed)
            .map(|role| role.instance_profile()),
        security_groups: security_groups(scope, group),
        disk: disk(group, device),
        metadata: MetadataOptions {
            hop_limit: group.imds.hop_limit,
            tags: group.imds.tags,
        },
        user_data: user_data(scope, group),
        instance_tags: scope.instance_tags(group),
        spot: is_self_managed && group.capacity == Capacity::Spot,
        tags: scope.named_tags(&address, &group.name),
    };
    things.add(address, Body::LaunchTemplate(body));
    template
}

/// A managed group whose template names none gets the one that EKS made for the cluster; as soon as it names any, EKS adds
/// nothing.
fn security_groups(scope: &Scope<'_>, group: &NodeGroup) -> BTreeSet<Text> {
    if group.kind == GroupKind::Managed && group.security_groups.is_empty() {
        return BTreeSet::new();
    }
    let own = group.security_groups.iter().map(|id| id.as_str().into());
    let of_cluster = Text::of(&scope.cluster(), Attribute::SecurityGroup);
    own.chain([of_cluster]).collect()
}

fn disk(group: &NodeGroup, device: &str) -> Disk {
    let disk = &group.disk;
    Disk {
        device: device.to_owned(),
        size: disk.size,
        volume_type: disk.volume_type.clone(),
        encrypted: disk.encrypted,
        key: disk.key_arn.clone(),
        iops: disk.iops,
        throughput: disk.throughput,
    }
}
