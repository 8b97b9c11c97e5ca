//! The JSON documents among the metadata, in the very form in which EC2 writes them.

use std::io;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::ser::{Formatter, PrettyFormatter};

use crate::cloud::credentials::{self, MintedCredential};
use crate::cloud::record::MachineRecord;

/// `dynamic/instance-identity/document`. The order of the fields is the real one.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IdentityDocument<'a> {
    account_id: &'a str,
    architecture: &'static str,
    availability_zone: &'a str,
    billing_products: Option<()>,
    devpay_product_codes: Option<()>,
    marketplace_product_codes: Option<()>,
    image_id: &'a str,
    instance_id: &'a str,
    instance_type: &'a str,
    kernel_id: Option<()>,
    pending_time: Timestamp,
    private_ip: std::net::Ipv4Addr,
    ramdisk_id: Option<()>,
    region: &'a str,
    version: &'static str,
}

pub(super) fn identity(machine: &MachineRecord) -> String {
    render(&IdentityDocument {
        account_id: &machine.account_id,
        architecture: architecture(&machine.instance_type),
        availability_zone: &machine.availability_zone,
        billing_products: None,
        devpay_product_codes: None,
        marketplace_product_codes: None,
        image_id: &machine.image_id,
        instance_id: &machine.instance_id,
        instance_type: &machine.instance_type,
        kernel_id: None,
        pending_time: machine.launch_time,
        private_ip: machine.private_ip,
        ramdisk_id: None,
        region: &machine.region,
        version: "2017-09-30",
    })
}

/// `meta-data/iam/info`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileInformation {
    code: &'static str,
    last_updated: Timestamp,
    instance_profile_arn: String,
    instance_profile_id: String,
}

pub(super) fn profile_information(machine: &MachineRecord, profile: &str) -> String {
    let account_id = &machine.account_id;
    render(&ProfileInformation {
        code: "Success",
        last_updated: machine.launch_time,
        instance_profile_arn: format!("arn:aws:iam::{account_id}:instance-profile/{profile}"),
        instance_profile_id: credentials::unique_id("AIPA", account_id, profile),
    })
}

/// `meta-data/iam/security-credentials/ROLE`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleCredential<'a> {
    code: &'static str,
    last_updated: Timestamp,
    r#type: &'static str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: Option<Timestamp>,
}

pub(super) fn role_credential(credential: &MintedCredential) -> String {
    render(&RoleCredential {
        code: "Success",
        last_updated: credential.minted_at,
        r#type: "AWS-HMAC",
        access_key_id: &credential.access_key_id,
        secret_access_key: &credential.secret_access_key,
        token: credential.session_token.as_deref().unwrap_or_default(),
        expiration: credential.expiration,
    })
}

/// Graviton families carry a `g` behind their generation (`m7g`, `c6gn`, `im4gn`), the first one is `a1`.
fn architecture(instance_type: &str) -> &'static str {
    let family = instance_type.split('.').next().unwrap_or_default();
    let behind_generation = family.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    if family == "a1" || behind_generation.contains('g') {
        "arm64"
    } else {
        "x86_64"
    }
}

fn render(document: &impl Serialize) -> String {
    let mut text = Vec::new();
    let formatter = Ec2Formatter(PrettyFormatter::new());
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    #[expect(
        clippy::expect_used,
        reason = "structs of text, numbers and null always have a JSON form"
    )]
    document
        .serialize(&mut serializer)
        .expect("a metadata document has a JSON form");
    String::from_utf8_lossy(&text).into_owned()
}

/// Two spaces of indentation and a space on both sides of the colon.
struct Ec2Formatter(PrettyFormatter<'static>);

impl Formatter for Ec2Formatter {
    fn begin_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: io::Write + ?Sized>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b" : ")
    }

    fn end_object_value<W: io::Write + ?Sized>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_document_reads_as_that_of_ec2() {
        let machine = MachineRecord {
            launch_time: "2026-01-02T03:04:05Z".parse().unwrap(),
            ..MachineRecord::typical()
        };
        assert_eq!(
            identity(&machine),
            r#"{
  "accountId" : "111122223333",
  "architecture" : "x86_64",
  "availabilityZone" : "us-west-2a",
  "billingProducts" : null,
  "devpayProductCodes" : null,
  "marketplaceProductCodes" : null,
  "imageId" : "ami-0f1e2d3c4b5a69788",
  "instanceId" : "i-0a1b2c3d4e5f60718",
  "instanceType" : "m5.large",
  "kernelId" : null,
  "pendingTime" : "2026-01-02T03:04:05Z",
  "privateIp" : "10.88.0.11",
  "ramdiskId" : null,
  "region" : "us-west-2",
  "version" : "2017-09-30"
}"#
        );
    }

    #[test]
    fn graviton_types_are_arm64() {
        for name in [
            "a1.large",
            "m7g.large",
            "c6gn.xlarge",
            "im4gn.large",
            "g5g.xlarge",
            "t4g.nano",
        ] {
            assert_eq!(architecture(name), "arm64", "{name}");
        }
        for name in [
            "m5.large",
            "g5.xlarge",
            "inf2.xlarge",
            "u-6tb1.metal",
            "m7i-flex.large",
        ] {
            assert_eq!(architecture(name), "x86_64", "{name}");
        }
    }
}
