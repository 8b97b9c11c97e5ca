//! EC2 launch templates. Versions cannot be changed: a change is a new one, and the default follows.

use aws_sdk_ec2::types::builders::RequestLaunchTemplateDataBuilder;
use aws_sdk_ec2::types::{
    self, InstanceType, LaunchTemplateBlockDeviceMappingRequest,
    LaunchTemplateEbsBlockDeviceRequest, LaunchTemplateHttpTokensState,
    LaunchTemplateIamInstanceProfileSpecificationRequest,
    LaunchTemplateInstanceMarketOptionsRequest, LaunchTemplateInstanceMetadataEndpointState,
    LaunchTemplateInstanceMetadataOptionsRequest, LaunchTemplateInstanceMetadataTagsState,
    LaunchTemplateTagSpecificationRequest, MarketType, RequestLaunchTemplateData, ResourceType,
    VolumeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::at::{At, pending, plain, plains, unless_gone};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::{FieldChange, makes_template_version};
use crate::resource::{Attribute, Disk, LaunchTemplate, MetadataOptions, Outputs};

const CREATE: &str = "ec2:CreateLaunchTemplate";
const CREATE_VERSION: &str = "ec2:CreateLaunchTemplateVersion";

pub(super) async fn create(
    at: At<'_>,
    wanted: &LaunchTemplate,
    token: &str,
) -> Result<Outputs, Error> {
    if let Some(found) = find(at, &wanted.name).await? {
        let found_tags = found.tags().iter();
        let found_tags = found_tags.filter_map(|tag| Some((tag.key()?, tag.value()?)));
        at.ours(found_tags, &wanted.tags, &wanted.name)?;
        return Ok(outputs(&found));
    }
    let tags = tags::specification(ResourceType::LaunchTemplate, &wanted.tags);
    let answer = at
        .clients
        .ec2
        .create_launch_template()
        .client_token(token)
        .launch_template_name(&wanted.name)
        .launch_template_data(data(wanted))
        .tag_specifications(tags)
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    Ok(outputs(&at.has(
        CREATE,
        "launch template",
        answer.launch_template,
    )?))
}

fn outputs(template: &types::LaunchTemplate) -> Outputs {
    let version = template.latest_version_number();
    [
        (
            Attribute::Id,
            template.launch_template_id().map(str::to_owned),
        ),
        (
            Attribute::Version,
            version.map(|version| version.to_string()),
        ),
    ]
    .into_iter()
    .filter_map(|(attribute, value)| Some((attribute, value?)))
    .collect()
}

/// What a version says. Tokens of the metadata service are always required.
fn data(wanted: &LaunchTemplate) -> RequestLaunchTemplateData {
    let groups = plains(&wanted.security_groups);
    let profile = wanted.instance_profile.as_ref().map(|profile| {
        LaunchTemplateIamInstanceProfileSpecificationRequest::builder()
            .name(plain(profile))
            .build()
    });
    let spot = wanted.spot.then(|| {
        LaunchTemplateInstanceMarketOptionsRequest::builder()
            .market_type(MarketType::Spot)
            .build()
    });
    let user_data = wanted
        .user_data
        .as_ref()
        .map(|text| STANDARD.encode(plain(text)));
    let builder = RequestLaunchTemplateData::builder()
        .set_image_id(wanted.image.clone())
        .set_instance_type(wanted.instance_type.as_deref().map(InstanceType::from))
        .set_iam_instance_profile(profile)
        .set_security_group_ids((!groups.is_empty()).then_some(groups))
        .block_device_mappings(device(&wanted.disk))
        .metadata_options(metadata(&wanted.metadata))
        .set_user_data(user_data)
        .set_instance_market_options(spot);
    with_tags(builder, wanted).build()
}

fn with_tags(
    builder: RequestLaunchTemplateDataBuilder,
    wanted: &LaunchTemplate,
) -> RequestLaunchTemplateDataBuilder {
    if wanted.instance_tags.is_empty() {
        return builder;
    }
    let kinds = [
        ResourceType::Instance,
        ResourceType::Volume,
        ResourceType::NetworkInterface,
    ];
    let specification = |kind| {
        LaunchTemplateTagSpecificationRequest::builder()
            .resource_type(kind)
            .set_tags(Some(tags::ec2(&wanted.instance_tags)))
            .build()
    };
    builder.set_tag_specifications(Some(kinds.map(specification).into()))
}

fn device(disk: &Disk) -> LaunchTemplateBlockDeviceMappingRequest {
    let number = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let volume = LaunchTemplateEbsBlockDeviceRequest::builder()
        .volume_size(number(disk.size))
        .volume_type(VolumeType::from(disk.volume_type.as_str()))
        .encrypted(disk.encrypted)
        .set_kms_key_id(disk.key.clone())
        .set_iops(disk.iops.map(number))
        .set_throughput(disk.throughput.map(number))
        .delete_on_termination(true);
    LaunchTemplateBlockDeviceMappingRequest::builder()
        .device_name(&disk.device)
        .ebs(volume.build())
        .build()
}

fn metadata(options: &MetadataOptions) -> LaunchTemplateInstanceMetadataOptionsRequest {
    let tags = if options.tags {
        LaunchTemplateInstanceMetadataTagsState::Enabled
    } else {
        LaunchTemplateInstanceMetadataTagsState::Disabled
    };
    LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_endpoint(LaunchTemplateInstanceMetadataEndpointState::Enabled)
        .http_tokens(LaunchTemplateHttpTokensState::Required)
        .http_put_response_hop_limit(i32::try_from(options.hop_limit).unwrap_or(i32::MAX))
        .instance_metadata_tags(tags)
        .build()
}

pub(super) async fn change(
    at: At<'_>,
    known: &Outputs,
    (observed, wanted): (&LaunchTemplate, &LaunchTemplate),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let of = |attribute| known.get(&attribute).map_or("", String::as_str);
    let template = of(Attribute::Id);
    let mut outputs = Outputs::from([(Attribute::Id, template.to_owned())]);
    if makes_template_version(fields) {
        let token = token(template, of(Attribute::Version), wanted);
        let version = new_version(at, template, wanted, token).await?;
        outputs.insert(Attribute::Version, version);
    }
    ec2_tags::change(at, template, fields, (&observed.tags, &wanted.tags)).await?;
    Ok(outputs)
}

/// The client token of the version after `latest`: who asks for it again after an answer was lost gets the one that was made.
fn token(template: &str, latest: &str, wanted: &LaunchTemplate) -> String {
    const DIGITS: usize = 32;
    let wanted = serde_json::to_string(wanted).unwrap_or_default();
    let digest = Sha256::digest(format!("{template} {latest} {wanted}"));
    format!("{digest:x}").chars().take(DIGITS).collect()
}

async fn new_version(
    at: At<'_>,
    template: &str,
    wanted: &LaunchTemplate,
    token: String,
) -> Result<String, Error> {
    let ec2 = &at.clients.ec2;
    let call = ec2.create_launch_template_version();
    let call = call
        .client_token(token)
        .launch_template_id(template)
        .launch_template_data(data(wanted));
    let answer = call.send().await.map_err(at.failed(CREATE_VERSION))?;
    let version = answer
        .launch_template_version()
        .and_then(types::LaunchTemplateVersion::version_number);
    let version = at.has(CREATE_VERSION, "version", version)?.to_string();
    let call = ec2.modify_launch_template().launch_template_id(template);
    let modified = call.default_version(&version).send().await;
    modified.map_err(at.failed("ec2:ModifyLaunchTemplate"))?;
    Ok(version)
}

pub(super) async fn delete(at: At<'_>, template: &str) -> Result<(), Error> {
    let call = at.clients.ec2.delete_launch_template();
    let deleted = call.launch_template_id(template).send().await;
    deleted.map_err(at.failed("ec2:DeleteLaunchTemplate"))?;
    Ok(())
}

pub(super) async fn look(
    at: At<'_>,
    wanted: &LaunchTemplate,
    known: &Outputs,
) -> Result<Look, Error> {
    let Some(found) = find(at, &wanted.name).await? else {
        return Ok(Look::Gone);
    };
    let found = outputs(&found);
    Ok(match known.get(&Attribute::Version) {
        Some(version) if is_older(&found, version) => {
            pending(format!("version {version} is not known everywhere yet"))
        }
        _ => Look::Ready(found),
    })
}

/// Whether EC2 does not know yet of a version that it has made.
fn is_older(found: &Outputs, version: &str) -> bool {
    let number = |text: &str| text.parse::<i64>().ok();
    let latest = found.get(&Attribute::Version);
    latest.and_then(|latest| number(latest)) < number(version)
}

async fn find(at: At<'_>, name: &str) -> Result<Option<types::LaunchTemplate>, Error> {
    let call = at.clients.ec2.describe_launch_templates();
    let answer = call.launch_template_names(name).send().await;
    let answer = unless_gone(answer.map_err(at.failed("ec2:DescribeLaunchTemplates")))?;
    let templates = answer.and_then(|answer| answer.launch_templates);
    Ok(templates.into_iter().flatten().next())
}

#[cfg(test)]
mod tests {
    use super::super::fields::of_paths;
    use super::*;

    fn template() -> LaunchTemplate {
        LaunchTemplate {
            name: "nodectl-blue-workers".into(),
            disk: Disk {
                device: "/dev/xvda".into(),
                size: 80,
                volume_type: "gp3".into(),
                encrypted: true,
                ..Disk::default()
            },
            metadata: MetadataOptions {
                hop_limit: 2,
                tags: true,
            },
            user_data: Some("MIME-Version: 1.0\n".into()),
            instance_tags: [("Name".to_owned(), "workers".to_owned())].into(),
            ..LaunchTemplate::default()
        }
    }

    #[test]
    fn tokens_are_required_and_user_data_is_base64() {
        let data = data(&template());
        let metadata = data.metadata_options().unwrap();
        assert_eq!(
            metadata.http_tokens(),
            Some(&LaunchTemplateHttpTokensState::Required)
        );
        assert_eq!(metadata.http_put_response_hop_limit(), Some(2));
        assert_eq!(data.user_data(), Some("TUlNRS1WZXJzaW9uOiAxLjAK"));
    }

    #[test]
    fn what_is_left_to_eks_is_not_said() {
        let data = data(&template());
        assert_eq!(data.image_id(), None);
        assert_eq!(data.instance_type(), None);
        assert_eq!(data.iam_instance_profile(), None);
        assert_eq!(data.security_group_ids(), [] as [String; 0]);
        assert_eq!(data.instance_market_options(), None);
    }

    #[test]
    fn instances_volumes_and_interfaces_are_tagged() {
        let data = data(&template());
        let kinds: Vec<&str> = data
            .tag_specifications()
            .iter()
            .filter_map(|specification| specification.resource_type())
            .map(ResourceType::as_str)
            .collect();
        assert_eq!(kinds, ["instance", "volume", "network-interface"]);
    }

    #[test]
    fn a_version_has_the_same_token_until_another_is_the_latest() {
        let first = token("lt-1", "1", &template());
        assert_eq!(first.len(), 32);
        assert_eq!(first, token("lt-1", "1", &template()));
        assert_ne!(first, token("lt-1", "3", &template()));
        let mut other = template();
        other.disk.size += 1;
        assert_ne!(first, token("lt-1", "1", &other));
    }

    #[test]
    fn a_version_that_was_made_is_waited_for() {
        let found = |version: &str| Outputs::from([(Attribute::Version, version.to_owned())]);
        assert!(is_older(&found("9"), "10"));
        assert!(!is_older(&found("10"), "10"));
        assert!(!is_older(&found("11"), "10"));
    }

    #[test]
    fn tags_of_the_template_make_no_version() {
        assert!(!makes_template_version(&of_paths(&["tags.team", "tags"])));
        assert!(makes_template_version(&of_paths(&[
            "tags.team",
            "disk.size"
        ])));
    }
}
