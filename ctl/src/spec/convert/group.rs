//! `managedNodeGroups` and `nodeGroups`.

use std::collections::{BTreeMap, BTreeSet};

use super::reader::Reader;
use crate::spec::{
    Ami, Capacity, Disk, Effect, GroupKind, GroupSubnets, Imds, Kubelet, NodeGroup, NodeRole,
    Repair, Scaling, Taint, Update, UserDataPart,
};

/// GiB of the root volume when eksctl is told nothing.
const DISK: u32 = 80;

pub(super) fn groups(reader: &mut Reader<'_>) -> Vec<NodeGroup> {
    let mut groups = Vec::new();
    for (list, kind) in [
        ("managedNodeGroups", GroupKind::Managed),
        ("nodeGroups", GroupKind::SelfManaged),
    ] {
        for index in reader.items(&[list]) {
            groups.push(group(reader, &[list, &index], kind));
        }
    }
    groups
}

fn group(reader: &mut Reader<'_>, path: &[&str], kind: GroupKind) -> NodeGroup {
    let at = |keys: &[&'static str]| [path, keys].concat();
    let name = reader.text(&at(&["name"])).unwrap_or_default();
    reader.note("`imds.hopLimit` is 1, which is 2 with eksctl: pods with a network of their own do not get the role of the node");
    reader.skip(&at(&["disableIMDSv1"]));
    reader.skip(&at(&["disablePodIMDS"]));
    reader.skip(&at(&["ebsOptimized"]));
    reader.skip(&at(&["propagateASGTags"]));
    if reader.flag(&at(&["ssh", "enableSsm"])) == Some(true)
        || reader.flag(&at(&["enableSsm"])).is_some()
    {
        reader.note("`ssm` is on for every group");
    }
    let mut instance_types = reader.texts(&at(&["instanceTypes"]));
    if instance_types.is_empty() {
        instance_types = reader.texts(&at(&["instancesDistribution", "instanceTypes"]));
    }
    if instance_types.is_empty() {
        instance_types.extend(reader.text(&at(&["instanceType"])));
    }
    if instance_types.is_empty() {
        instance_types = NodeGroup::default().instance_types;
    }
    let is_spot = reader.flag(&at(&["spot"])).unwrap_or(false);
    let kubelet = reader.any(&at(&["kubeletExtraConfig"]));
    NodeGroup {
        kind,
        instance_types,
        ami: ami(reader, path, &name),
        scaling: scaling(reader, path),
        disk: disk(reader, path),
        subnets: Some(subnets(reader, path)),
        security_groups: reader
            .texts(&at(&["securityGroups", "attachIDs"]))
            .into_iter()
            .collect(),
        labels: reader.texts_by_key(&at(&["labels"])),
        taints: taints(reader, path),
        tags: reader.texts_by_key(&at(&["tags"])),
        capacity: if is_spot {
            Capacity::Spot
        } else {
            Capacity::OnDemand
        },
        update: update(reader, path),
        imds: Imds::default(),
        kubelet: Kubelet {
            config: kubelet,
            flags: Vec::new(),
        },
        max_pods: reader.count(&at(&["maxPodsPerNode"])),
        user_data: user_data(reader, path),
        repair: Repair {
            enabled: reader
                .flag(&at(&["nodeRepairConfig", "enabled"]))
                .unwrap_or(false),
        },
        role: role(reader, path),
        name,
        ..NodeGroup::default()
    }
}

fn ami(reader: &mut Reader<'_>, path: &[&str], group: &str) -> Ami {
    let at = |name: &'static str| [path, &[name]].concat();
    let family = reader.text(&at("amiFamily"));
    match family.as_deref() {
        None | Some("AmazonLinux2023") => {}
        Some(_) => reader.note(format!(
            "node group `{group}` has nodes of Amazon Linux 2023, and not of `{}`",
            family.unwrap_or_default()
        )),
    }
    let id = reader
        .text(&at("ami"))
        .filter(|ami| !["auto", "auto-ssm"].contains(&ami.as_str()));
    Ami {
        id,
        release_version: reader.text(&at("releaseVersion")),
        ..Ami::default()
    }
}

fn scaling(reader: &mut Reader<'_>, path: &[&str]) -> Scaling {
    let at = |name: &'static str| [path, &[name]].concat();
    let min = reader.count(&at("minSize"));
    let max = reader.count(&at("maxSize"));
    let desired = reader.count(&at("desiredCapacity"));
    Scaling {
        // Two nodes are what eksctl makes when nothing is said.
        min: min.or(desired).or(max).unwrap_or(2),
        max,
        desired,
    }
}

fn disk(reader: &mut Reader<'_>, path: &[&str]) -> Disk {
    let at = |name: &'static str| [path, &[name]].concat();
    Disk {
        size: reader.count(&at("volumeSize")).unwrap_or(DISK),
        volume_type: reader
            .text(&at("volumeType"))
            .unwrap_or_else(|| Disk::default().volume_type),
        encrypted: reader.flag(&at("volumeEncrypted")).unwrap_or(true),
        key_arn: reader
            .text(&at("volumeKmsKeyID"))
            .filter(|key| key.starts_with("arn:")),
        iops: reader.count(&at("volumeIOPS")),
        throughput: reader.count(&at("volumeThroughput")),
    }
}

fn subnets(reader: &mut Reader<'_>, path: &[&str]) -> GroupSubnets {
    let at = |name: &'static str| [path, &[name]].concat();
    let is_private = reader.flag(&at("privateNetworking"));
    let named: BTreeSet<String> = reader.texts(&at("subnets")).into_iter().collect();
    if !named.is_empty() {
        return GroupSubnets::Ids(named);
    }
    if is_private == Some(true) {
        GroupSubnets::Private
    } else {
        GroupSubnets::Public
    }
}

/// A list of objects, or a map from key to `value:effect`.
fn taints(reader: &mut Reader<'_>, path: &[&str]) -> Vec<Taint> {
    let of_group = [path, &["taints"]].concat();
    let mut taints = Vec::new();
    for index in reader.items(&of_group) {
        let at = |name: &'static str| [of_group.as_slice(), &[&index, name]].concat();
        let effect = reader.text(&at("effect"));
        if let Some(effect) = effect.as_deref().and_then(effect_of) {
            taints.push(Taint {
                key: reader.text(&at("key")).unwrap_or_default(),
                value: reader.text(&at("value")).unwrap_or_default(),
                effect,
            });
        }
    }
    let by_key: BTreeMap<String, String> = reader.texts_by_key(&of_group);
    for (key, text) in by_key {
        let (value, effect) = text.rsplit_once(':').unwrap_or(("", &text));
        if let Some(effect) = effect_of(effect) {
            taints.push(Taint {
                key,
                value: value.to_owned(),
                effect,
            });
        }
    }
    taints
}

fn effect_of(text: &str) -> Option<Effect> {
    [
        Effect::NoSchedule,
        Effect::PreferNoSchedule,
        Effect::NoExecute,
    ]
    .into_iter()
    .find(|effect| effect.name() == text)
}

fn update(reader: &mut Reader<'_>, path: &[&str]) -> Option<Update> {
    let at = |name: &'static str| [path, &["updateConfig", name]].concat();
    let update = Update {
        max_unavailable: reader.count(&at("maxUnavailable")),
        max_unavailable_percentage: reader.count(&at("maxUnavailablePercentage")),
        strategy: None,
    };
    (update != Update::default()).then_some(update)
}

fn user_data(reader: &mut Reader<'_>, path: &[&str]) -> Vec<UserDataPart> {
    let commands = reader.texts(&[path, &["preBootstrapCommands"]].concat());
    if commands.is_empty() {
        return Vec::new();
    }
    vec![UserDataPart {
        content_type: "text/x-shellscript".to_owned(),
        content: Some(format!(
            "#!/bin/bash\nset -o errexit\n{}\n",
            commands.join("\n")
        )),
        file: None,
    }]
}

fn role(reader: &mut Reader<'_>, path: &[&str]) -> Option<NodeRole> {
    let at = |name: &'static str| [path, &["iam", name]].concat();
    let profile = reader.text(&at("instanceProfileARN"));
    let role = NodeRole {
        arn: reader.text(&at("instanceRoleARN")),
        instance_profile: profile.and_then(|arn| arn.rsplit('/').next().map(str::to_owned)),
        policies: reader.texts(&at("attachPolicyARNs")).into_iter().collect(),
    };
    (role != NodeRole::default()).then_some(role)
}
