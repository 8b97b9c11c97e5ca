//! Launch templates, as their latest versions say.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    Filter, LaunchTemplate, LaunchTemplateInstanceMetadataTagsState, LaunchTemplateVersion,
    MarketType, ResourceType, ResponseLaunchTemplateData,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::found::Found;
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::ec2::filter;
use crate::observe::parallel::each;
use crate::observe::tags;
use crate::resource::{
    self, Attribute, Body, CLUSTER_TAG, Disk, MetadataOptions, Outputs, Status, Text, Wanted,
};

const DESCRIBE: &str = "ec2:DescribeLaunchTemplates";
const DESCRIBE_VERSIONS: &str = "ec2:DescribeLaunchTemplateVersions";
/// Hops that EC2 lets an answer of the metadata service take when a template says nothing.
const HOP_LIMIT: u32 = 1;

/// Asks for the launch templates that are ours or have the name of a wanted one.
pub(super) async fn found(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, aws::Error> {
    let names: Vec<&str> = wanted
        .iter()
        .filter_map(|wanted| match &wanted.body {
            Body::LaunchTemplate(template) => Some(template.name.as_str()),
            _ => None,
        })
        .collect();
    let owned = filter(format!("tag:{CLUSTER_TAG}"), [cluster]);
    let mut templates = described(clients, owned).await?;
    if !names.is_empty() {
        let named = filter("launch-template-name", names);
        templates.extend(described(clients, named).await?);
    }
    let templates: BTreeMap<String, LaunchTemplate> = templates
        .into_iter()
        .filter_map(|template| Some((template.launch_template_id()?.to_owned(), template)))
        .collect();
    let found = each(
        DESCRIBE_VERSIONS,
        templates.into_iter().collect(),
        |(id, template)| {
            let clients = clients.clone();
            async move {
                let version = version(&clients, &id, "$Latest").await?;
                Ok::<_, aws::Error>(version.map(|version| read(&template, &version)))
            }
        },
    );
    Ok(found.await?.into_iter().flatten().collect())
}

async fn described(clients: &Clients, filter: Filter) -> Result<Vec<LaunchTemplate>, aws::Error> {
    let request = clients.ec2.describe_launch_templates();
    let pages = request.filters(filter).into_paginator().items().send();
    pages
        .try_collect()
        .await
        .map_err(|error| aws::Error::of_call(DESCRIBE, "launch templates", error))
}

/// One version of a launch template: a number, `$Latest` or `$Default`. None when it was deleted meanwhile.
pub(in crate::observe) async fn version(
    clients: &Clients,
    id: &str,
    version: &str,
) -> Result<Option<LaunchTemplateVersion>, aws::Error> {
    let request = clients.ec2.describe_launch_template_versions();
    let request = request.launch_template_id(id).versions(version);
    match request.send().await {
        Ok(answer) => Ok(answer.launch_template_versions().first().cloned()),
        Err(error) => {
            let object = format!("launch template `{id}`");
            let error = aws::Error::of_call(DESCRIBE_VERSIONS, object, error);
            let is_gone = error
                .code()
                .is_some_and(|code| code.starts_with("InvalidLaunchTemplateId."));
            if is_gone { Ok(None) } else { Err(error) }
        }
    }
}

fn read(template: &LaunchTemplate, version: &LaunchTemplateVersion) -> Found {
    let tags = tags::of_ec2(template.tags());
    let name = template.launch_template_name().unwrap_or_default();
    let number = version.version_number().unwrap_or_default();
    let body = version.launch_template_data().map_or_else(
        || resource::LaunchTemplate {
            name: name.to_owned(),
            ..resource::LaunchTemplate::default()
        },
        |data| body(name, data),
    );
    Found {
        body: Body::LaunchTemplate(resource::LaunchTemplate {
            tags: tags.clone(),
            ..body
        }),
        outputs: Outputs::from([
            (
                Attribute::Id,
                template.launch_template_id().unwrap_or_default().to_owned(),
            ),
            (Attribute::Version, number.to_string()),
        ]),
        tags,
        status: Status::Ready,
    }
}

/// What a version says, without the tags of the template.
pub(in crate::observe) fn body(
    name: &str,
    data: &ResponseLaunchTemplateData,
) -> resource::LaunchTemplate {
    let profile = data.iam_instance_profile().and_then(|profile| {
        let of_arn = || profile.arn()?.rsplit('/').next();
        profile.name().or_else(of_arn)
    });
    let interface = data.network_interfaces().first();
    let of_interface = interface
        .map(aws_sdk_ec2::types::LaunchTemplateInstanceNetworkInterfaceSpecification::groups);
    let groups = match data.security_group_ids() {
        [] => of_interface.unwrap_or_default(),
        groups => groups,
    };
    let instance_tags = data
        .tag_specifications()
        .iter()
        .find(|tags| tags.resource_type() == Some(&ResourceType::Instance));
    let market = data.instance_market_options();
    resource::LaunchTemplate {
        name: name.to_owned(),
        image: data.image_id().map(str::to_owned),
        instance_type: data.instance_type().map(|kind| kind.as_str().to_owned()),
        instance_profile: profile.map(Text::from),
        security_groups: groups.iter().map(|id| Text::Known(id.clone())).collect(),
        disk: disk(data).unwrap_or_default(),
        metadata: metadata(data),
        user_data: data
            .user_data()
            .filter(|text| !text.is_empty())
            .map(decoded),
        instance_tags: instance_tags
            .map(|tags| tags::of_ec2(tags.tags()))
            .unwrap_or_default(),
        spot: market.and_then(|market| market.market_type()) == Some(&MarketType::Spot),
        tags: resource::Tags::new(),
    }
}

fn disk(data: &ResponseLaunchTemplateData) -> Option<Disk> {
    let mapping = data.block_device_mappings().first()?;
    let volume = mapping.ebs()?;
    let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    Some(Disk {
        device: mapping.device_name().unwrap_or_default().to_owned(),
        size: number(volume.volume_size()).unwrap_or_default(),
        volume_type: volume
            .volume_type()
            .map_or_else(String::new, |kind| kind.as_str().to_owned()),
        encrypted: volume.encrypted().unwrap_or_default(),
        key: volume.kms_key_id().map(str::to_owned),
        iops: number(volume.iops()),
        throughput: number(volume.throughput()),
    })
}

fn metadata(data: &ResponseLaunchTemplateData) -> MetadataOptions {
    let options = data.metadata_options();
    let enabled = LaunchTemplateInstanceMetadataTagsState::Enabled;
    MetadataOptions {
        hop_limit: options
            .and_then(aws_sdk_ec2::types::LaunchTemplateInstanceMetadataOptions::http_put_response_hop_limit)
            .and_then(|limit| u32::try_from(limit).ok())
            .unwrap_or(HOP_LIMIT),
        tags: options.and_then(|options| options.instance_metadata_tags()) == Some(&enabled),
    }
}

/// User data as the instance reads it; as EC2 gives it when it is no text.
fn decoded(user_data: &str) -> Text {
    let bytes = STANDARD.decode(user_data).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.unwrap_or_else(|| user_data.to_owned()).into()
}

#[cfg(test)]
mod tests;
