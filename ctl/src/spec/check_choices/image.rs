//! Instance types and AMIs: that they are there and fit each other and the cluster.

use std::collections::BTreeMap;

use node::max_pods::Table;

use super::super::check::{Minor, Path, Report, architecture_of_type, did_you_mean, skew};
use crate::observe::choices::Choices;
use crate::spec::{Cluster, NodeGroup};

pub(super) fn check(cluster: &Cluster, choices: &Choices, report: &mut Report<'_>) {
    for (index, group) in cluster.spec.node_groups.iter().enumerate() {
        let path = Path::of(&["spec", "nodeGroups"]).item(index);
        unknown(group, choices, &path.key("instanceTypes"), report);
        let architectures = architectures(group, choices);
        if let [(first, of_first), (second, of_second), ..] = architectures.as_slice() {
            report.error(
                &path.key("instanceTypes"),
                format!("mix architectures, and a group has one AMI: `{of_first}` is {first}, `{of_second}` is {second}"),
                "make two groups of it",
            );
        } else if let Some((architecture, name)) = architectures.first() {
            of_image(group, architecture, name, choices, &path.key("ami"), report);
        }
        accelerators(group, choices, &path.key("ami"), report);
        pinned_version(group, cluster, choices, &path.key("ami"), report);
    }
}

fn unknown(group: &NodeGroup, choices: &Choices, path: &Path, report: &mut Report<'_>) {
    let table = Table::embedded();
    for (index, name) in group.instance_types.iter().enumerate() {
        if !choices.instance_types.contains_key(name) {
            let known: Vec<&str> = table
                .instance_types()
                .map(|(known, _)| known)
                .filter(|known| known != name)
                .collect();
            report.error(
                &path.item(index),
                format!(
                    "`{name}` is not an instance type of region `{}`",
                    choices.region
                ),
                did_you_mean(name, &known),
            );
        }
    }
}

/// Each architecture of a group's types, with the first type that has it.
fn architectures<'a>(group: &'a NodeGroup, choices: &'a Choices) -> Vec<(&'a str, &'a str)> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for name in &group.instance_types {
        if let Some(known) = choices.instance_types.get(name)
            && !known.architecture.is_empty()
        {
            found.entry(&known.architecture).or_insert(name);
        }
    }
    found.into_iter().collect()
}

fn of_image(
    group: &NodeGroup,
    architecture: &str,
    instance_type: &str,
    choices: &Choices,
    path: &Path,
    report: &mut Report<'_>,
) {
    let ami = &group.ami;
    let (path, what, of_image) = match (&ami.ami_type, choices.images.get(&group.name)) {
        (Some(ami_type), _) => (
            path.key("type"),
            format!("`{ami_type}`"),
            architecture_of_type(ami_type),
        ),
        (None, Some(image)) if ami.is_custom() => {
            let key = if ami.id.is_some() {
                "id"
            } else if ami.ssm_parameter.is_some() {
                "ssmParameter"
            } else {
                "tags"
            };
            (
                path.key(key),
                format!("`{}`", image.id),
                image.architecture.as_str(),
            )
        }
        _ => return,
    };
    if !of_image.is_empty() && of_image != architecture {
        report.error(
            &path,
            format!("is {what}, an AMI for {of_image}, and `{instance_type}` is {architecture}"),
            match &ami.ami_type {
                Some(ami_type) if architecture == "arm64" => {
                    format!("did you mean `{}`?", ami_type.replace("x86_64", "ARM_64"))
                }
                Some(ami_type) => {
                    format!("did you mean `{}`?", ami_type.replace("ARM_64", "x86_64"))
                }
                None => format!("take an AMI for {architecture}, or other instance types"),
            },
        );
    }
}

/// GPUs that the AMI has no driver for, and drivers for GPUs that are not there.
fn accelerators(group: &NodeGroup, choices: &Choices, path: &Path, report: &mut Report<'_>) {
    let Some(ami_type) = group
        .ami
        .ami_type
        .as_deref()
        .filter(|name| name.starts_with("AL2023_"))
    else {
        return;
    };
    let path = path.key("type");
    let gpus = |name: &String| {
        choices
            .instance_types
            .get(name)
            .map(|known| known.nvidia_gpus)
    };
    let mut types = group.instance_types.iter();
    if ami_type.ends_with("_NVIDIA") {
        if types.all(|name| gpus(name) == Some(0)) && !group.instance_types.is_empty() {
            report.warning(
                &path,
                "has drivers for GPUs, which the instance types do not have",
                "",
            );
        }
    } else if let Some(name) = types.find(|name| gpus(name).is_some_and(|gpus| gpus > 0)) {
        report.warning(
            &path,
            format!("has no driver for the GPUs of `{name}`"),
            format!("did you mean `{}`?", ami_type.replace("STANDARD", "NVIDIA")),
        );
    }
}

/// The AMIs of EKS have the version in their name.
fn pinned_version(
    group: &NodeGroup,
    cluster: &Cluster,
    choices: &Choices,
    path: &Path,
    report: &mut Report<'_>,
) {
    let Some(id) = &group.ami.id else {
        return;
    };
    let Some(image) = choices.images.get(&group.name) else {
        return;
    };
    let of_image = Minor::within(&image.name);
    if let (Some(nodes), Some(version)) = (of_image, Minor::parse(&cluster.spec.version))
        && let Some(detail) = skew(nodes, version)
    {
        report.error(
            &path.key("id"),
            format!("is `{id}`, which {detail}"),
            format!("pin an AMI of Kubernetes {version}"),
        );
    }
}
