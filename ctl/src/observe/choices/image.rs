//! AMIs of the node groups whose launch template names one.

use std::collections::BTreeMap;

use aws_sdk_ec2::types;

use super::network::{tag_filters, words};
use super::{Error, Image, InstanceType};
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::ec2::filter;
use crate::observe::parallel::each;
use crate::spec::{GroupKind, NodeGroup, Spec};

const GET_PARAMETER: &str = "ssm:GetParameter";
const DESCRIBE: &str = "ec2:DescribeImages";

/// How an AMI is found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Id(String),
    Parameter(String),
    Tags(BTreeMap<String, String>),
}

/// Asks for the AMI of each node group whose launch template names one.
pub(super) async fn images(
    clients: &Clients,
    spec: &Spec,
    types: &BTreeMap<String, InstanceType>,
) -> Result<BTreeMap<String, Image>, Error> {
    let chosen = spec.node_groups.iter().filter_map(|group| {
        let choice = choice(group, &spec.version, types)?;
        Some((group.name.clone(), choice))
    });
    let images = each(DESCRIBE, chosen.collect(), |(group, choice)| {
        image(clients.clone(), group, choice)
    });
    Ok(images.await?.into_iter().collect())
}

/// How the AMI of a group is found; none where EKS chooses it. A self-managed group that says nothing has the
/// EKS-optimised one, by its public parameter ("Retrieve recommended Amazon Linux AMI IDs" of the EKS user guide).
fn choice(
    group: &NodeGroup,
    version: &str,
    types: &BTreeMap<String, InstanceType>,
) -> Option<Choice> {
    let ami = &group.ami;
    if let Some(id) = &ami.id {
        return Some(Choice::Id(id.clone()));
    }
    if let Some(parameter) = &ami.ssm_parameter {
        return Some(Choice::Parameter(parameter.clone()));
    }
    if !ami.tags.is_empty() {
        return Some(Choice::Tags(ami.tags.clone()));
    }
    if group.kind == GroupKind::Managed {
        return None;
    }
    let first = group
        .instance_types
        .first()
        .and_then(|name| types.get(name));
    let architecture = match first.map(|first| first.architecture.as_str()) {
        Some("arm64") => "arm64",
        _ => "x86_64",
    };
    let variant = match first.map_or(0, |first| first.nvidia_gpus) {
        0 => "standard",
        _ => "nvidia",
    };
    Some(Choice::Parameter(format!(
        "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{architecture}/{variant}/recommended/image_id"
    )))
}

async fn image(clients: Clients, group: String, choice: Choice) -> Result<(String, Image), Error> {
    let request = clients.ec2.describe_images();
    let (request, object) = match choice {
        Choice::Id(id) => (request.image_ids(&id), format!("AMI `{id}`")),
        Choice::Parameter(name) => {
            let id = parameter(&clients, &name).await?;
            let object = format!("AMI `{id}` of parameter `{name}`");
            (request.image_ids(id), object)
        }
        Choice::Tags(tags) => {
            let mut filters = tag_filters(&tags);
            filters.push(filter("state", ["available"]));
            let object = format!("AMI of this account with {}", words(&tags));
            (request.owners("self").set_filters(Some(filters)), object)
        }
    };
    let object = format!("{object}, for node group `{group}`,");
    let pages = request.into_paginator().items().send();
    let found = pages
        .try_collect()
        .await
        .map_err(|error| aws::Error::of_call(DESCRIBE, object.clone(), error))?;
    let newest = newest(&found).ok_or_else(|| Error::Absent {
        object,
        region: clients.aws.region().to_owned(),
    })?;
    Ok((group, newest))
}

/// The value of a parameter. That of `…/recommended` is a document with more than the id.
async fn parameter(clients: &Clients, name: &str) -> Result<String, aws::Error> {
    let answer = clients.ssm.get_parameter().name(name).send().await;
    let answer = answer.map_err(|error| {
        aws::Error::of_call(GET_PARAMETER, format!("parameter `{name}`"), error)
    })?;
    let value = answer
        .parameter()
        .and_then(|parameter| parameter.value())
        .unwrap_or_default();
    let document: serde_json::Value = serde_json::from_str(value).unwrap_or_default();
    let id = document.get("image_id").and_then(serde_json::Value::as_str);
    Ok(id.unwrap_or(value).to_owned())
}

fn newest(images: &[types::Image]) -> Option<Image> {
    let newest = images
        .iter()
        .max_by_key(|image| (image.creation_date(), image.image_id()))?;
    Some(Image {
        id: newest.image_id()?.to_owned(),
        name: newest.name().unwrap_or_default().to_owned(),
        root_device: newest.root_device_name().unwrap_or("/dev/xvda").to_owned(),
        architecture: newest
            .architecture()
            .map_or_else(String::new, |architecture| architecture.as_str().to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_image_is_taken() {
        let image = |id: &str, date: &str| {
            types::Image::builder()
                .image_id(id)
                .name("ours")
                .creation_date(date)
                .root_device_name("/dev/sda1")
                .architecture(types::ArchitectureValues::Arm64)
                .build()
        };
        let found = [
            image("ami-1", "2026-01-02T00:00:00.000Z"),
            image("ami-2", "2026-03-01T00:00:00.000Z"),
            image("ami-3", "2025-12-31T00:00:00.000Z"),
        ];
        let expected = Image {
            id: "ami-2".to_owned(),
            name: "ours".to_owned(),
            root_device: "/dev/sda1".to_owned(),
            architecture: "arm64".to_owned(),
        };
        assert_eq!(newest(&found), Some(expected));
        assert_eq!(newest(&[]), None);
    }

    #[test]
    fn a_self_managed_group_has_the_optimised_image_of_its_architecture() {
        let types = BTreeMap::from([(
            "m7g.large".to_owned(),
            InstanceType {
                architecture: "arm64".to_owned(),
                ..InstanceType::default()
            },
        )]);
        let mut group = NodeGroup {
            instance_types: vec!["m7g.large".to_owned()],
            ..NodeGroup::default()
        };
        assert_eq!(choice(&group, "1.34", &types), None);
        group.kind = GroupKind::SelfManaged;
        let expected = "/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/arm64/standard/recommended/image_id";
        assert_eq!(
            choice(&group, "1.34", &types),
            Some(Choice::Parameter(expected.to_owned()))
        );
        group.ami.id = Some("ami-1".to_owned());
        assert_eq!(
            choice(&group, "1.34", &types),
            Some(Choice::Id("ami-1".to_owned()))
        );
    }
}
