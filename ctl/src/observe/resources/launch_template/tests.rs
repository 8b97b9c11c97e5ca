use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    InstanceType, LaunchTemplateBlockDeviceMapping, LaunchTemplateEbsBlockDevice,
    LaunchTemplateIamInstanceProfileSpecification, LaunchTemplateInstanceMarketOptions,
    LaunchTemplateInstanceMetadataOptions, LaunchTemplateInstanceNetworkInterfaceSpecification,
    LaunchTemplateTagSpecification, Tag, VolumeType,
};

use super::*;
use crate::resource::Tags;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

#[test]
fn a_template_is_put_into_our_words() {
    let volume = LaunchTemplateEbsBlockDevice::builder()
        .volume_size(40)
        .volume_type(VolumeType::Gp3)
        .encrypted(true)
        .build();
    let mapping = LaunchTemplateBlockDeviceMapping::builder()
        .device_name("/dev/xvda")
        .ebs(volume)
        .build();
    let metadata = LaunchTemplateInstanceMetadataOptions::builder()
        .http_put_response_hop_limit(2)
        .instance_metadata_tags(LaunchTemplateInstanceMetadataTagsState::Enabled)
        .build();
    let specification = |kind, value| {
        LaunchTemplateTagSpecification::builder()
            .resource_type(kind)
            .tags(tag("Name", value))
            .build()
    };
    let data = ResponseLaunchTemplateData::builder()
        .image_id("ami-1")
        .instance_type(InstanceType::from("m5.large"))
        .iam_instance_profile(
            LaunchTemplateIamInstanceProfileSpecification::builder()
                .arn("arn:aws:iam::111122223333:instance-profile/path/node")
                .build(),
        )
        .security_group_ids("sg-1")
        .block_device_mappings(mapping)
        .metadata_options(metadata)
        .user_data(STANDARD.encode("MIME-Version: 1.0\n"))
        .tag_specifications(specification(ResourceType::Volume, "volume"))
        .tag_specifications(specification(ResourceType::Instance, "node"))
        .instance_market_options(
            LaunchTemplateInstanceMarketOptions::builder()
                .market_type(MarketType::Spot)
                .build(),
        )
        .build();
    let template = LaunchTemplate::builder()
        .launch_template_id("lt-1")
        .launch_template_name("nodectl-prod-workers")
        .tags(tag("team", "x"))
        .build();
    let version = LaunchTemplateVersion::builder()
        .version_number(3)
        .launch_template_data(data)
        .build();
    let found = read(&template, &version);
    let expected = resource::LaunchTemplate {
        name: "nodectl-prod-workers".to_owned(),
        image: Some("ami-1".to_owned()),
        instance_type: Some("m5.large".to_owned()),
        instance_profile: Some("node".into()),
        security_groups: BTreeSet::from(["sg-1".into()]),
        disk: Disk {
            device: "/dev/xvda".to_owned(),
            size: 40,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            ..Disk::default()
        },
        metadata: MetadataOptions {
            hop_limit: 2,
            tags: true,
        },
        user_data: Some("MIME-Version: 1.0\n".into()),
        instance_tags: Tags::from([("Name".to_owned(), "node".to_owned())]),
        spot: true,
        tags: Tags::from([("team".to_owned(), "x".to_owned())]),
    };
    assert_eq!(found.body, Body::LaunchTemplate(expected));
    assert_eq!(found.outputs[&Attribute::Version], "3");
}

#[test]
fn security_groups_may_stand_at_the_network_interface() {
    let interface = LaunchTemplateInstanceNetworkInterfaceSpecification::builder()
        .groups("sg-2")
        .build();
    let data = ResponseLaunchTemplateData::builder().network_interfaces(interface);
    let template = body("x", &data.build());
    assert_eq!(template.security_groups, BTreeSet::from(["sg-2".into()]));
}

#[test]
fn user_data_that_is_no_text_stays_encoded() {
    let compressed = STANDARD.encode([0x1f, 0x8b, 0xff]);
    assert_eq!(decoded(&compressed), compressed.as_str().into());
}
