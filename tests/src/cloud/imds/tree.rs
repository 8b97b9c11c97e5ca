//! The tree of metadata of one machine: which paths there are, and what a path answers.
//!
//! A pure function of the machine's record. Directories are not kept: they are the paths that lead to something.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::document;
use crate::cloud::record::MachineRecord;

/// What a path below the version answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// A value or the listing of a directory.
    Text(String),
    /// The user data as they were given.
    UserData(Vec<u8>),
    /// The credential of the machine's role, which is not part of its record.
    RoleCredential,
    /// There is nothing.
    NotFound,
}

/// A value, not yet written out.
enum Leaf<'a> {
    Text(String),
    UserData(&'a str),
    RoleCredential,
}

/// What `path`, without the version, answers.
pub(super) fn answer(machine: &MachineRecord, path: &str) -> Answer {
    let leaves = leaves(machine);
    match leaves.get(path) {
        Some(Leaf::Text(text)) => return Answer::Text(text.clone()),
        Some(Leaf::UserData(encoded)) => return user_data(encoded),
        Some(Leaf::RoleCredential) => return Answer::RoleCredential,
        None => {}
    }
    let directory = match path.strip_suffix('/').unwrap_or(path) {
        "" => String::new(),
        path => format!("{path}/"),
    };
    let listing = list(leaves.keys().map(String::as_str), &directory);
    if listing.is_empty() {
        Answer::NotFound
    } else {
        Answer::Text(listing)
    }
}

/// The entries of a directory, one a line, directories with a slash at their end (crawlers rely on it).
fn list<'a>(paths: impl Iterator<Item = &'a str>, directory: &str) -> String {
    let entries: BTreeSet<String> = paths
        .filter_map(|path| path.strip_prefix(directory))
        .map(|rest| match rest.split_once('/') {
            Some((directory, _)) => format!("{directory}/"),
            None => rest.to_owned(),
        })
        .collect();
    entries.into_iter().collect::<Vec<_>>().join("\n")
}

fn leaves(machine: &MachineRecord) -> BTreeMap<String, Leaf<'_>> {
    let mut leaves = BTreeMap::new();
    let mut add = |path: String, text: &str| {
        leaves.insert(path, Leaf::Text(text.to_owned()));
    };
    add(
        "dynamic/instance-identity/document".to_owned(),
        &document::identity(machine),
    );
    for (path, value) in instance(machine) {
        add(format!("meta-data/{path}"), &value);
    }
    for (path, value) in primary_interface(machine) {
        let mac = &machine.mac;
        add(
            format!("meta-data/network/interfaces/macs/{mac}/{path}"),
            &value,
        );
    }
    if let Some(profile) = &machine.instance_profile {
        let text = document::profile_information(machine, profile);
        add("meta-data/iam/info".to_owned(), &text);
    }
    if machine.metadata_tags {
        for (key, value) in &machine.tags {
            // EC2 allows instance tags in metadata only where no key has a slash.
            if !key.contains('/') {
                add(format!("meta-data/tags/instance/{key}"), value);
            }
        }
    }
    if let Some(role) = &machine.role {
        let path = format!("meta-data/iam/security-credentials/{role}");
        leaves.insert(path, Leaf::RoleCredential);
    }
    for (path, value) in &machine.metadata {
        leaves.insert(format!("meta-data/{path}"), Leaf::Text(value.clone()));
    }
    if let Some(user_data) = machine.user_data.as_deref().filter(|text| !text.is_empty()) {
        leaves.insert("user-data".to_owned(), Leaf::UserData(user_data));
    }
    leaves
}

fn instance(machine: &MachineRecord) -> Vec<(&'static str, String)> {
    let (partition, domain) = partition_and_domain(&machine.region);
    vec![
        ("ami-id", machine.image_id.clone()),
        ("ami-launch-index", "0".to_owned()),
        ("hostname", machine.local_hostname.clone()),
        ("instance-action", "none".to_owned()),
        ("instance-id", machine.instance_id.clone()),
        ("instance-life-cycle", "on-demand".to_owned()),
        ("instance-type", machine.instance_type.clone()),
        ("local-hostname", machine.local_hostname.clone()),
        ("local-ipv4", machine.private_ip.to_string()),
        ("mac", machine.mac.clone()),
        (
            "placement/availability-zone",
            machine.availability_zone.clone(),
        ),
        (
            "placement/availability-zone-id",
            machine.availability_zone_id.clone(),
        ),
        ("placement/region", machine.region.clone()),
        ("services/domain", domain.to_owned()),
        ("services/partition", partition.to_owned()),
    ]
}

fn primary_interface(machine: &MachineRecord) -> Vec<(&'static str, String)> {
    let mut values = vec![
        ("device-number", "0".to_owned()),
        ("local-hostname", machine.local_hostname.clone()),
        ("local-ipv4s", machine.private_ip.to_string()),
        ("mac", machine.mac.clone()),
        ("owner-id", machine.account_id.clone()),
        ("subnet-ipv4-cidr-block", machine.subnet_cidr.clone()),
        ("vpc-ipv4-cidr-block", machine.vpc_cidr.clone()),
        ("vpc-ipv4-cidr-blocks", machine.vpc_cidr.clone()),
    ];
    let identifiers = [
        ("interface-id", &machine.interface_id),
        ("subnet-id", &machine.subnet_id),
        ("vpc-id", &machine.vpc_id),
    ];
    for (path, identifier) in identifiers {
        if !identifier.is_empty() {
            values.push((path, identifier.clone()));
        }
    }
    values
}

fn partition_and_domain(region: &str) -> (&'static str, &'static str) {
    if region.starts_with("cn-") {
        ("aws-cn", "amazonaws.com.cn")
    } else if region.starts_with("us-gov-") {
        ("aws-us-gov", "amazonaws.com")
    } else {
        ("aws", "amazonaws.com")
    }
}

/// What is no base64 in the record is the machine code's mistake; the machine then has no user data.
fn user_data(encoded: &str) -> Answer {
    BASE64
        .decode(encoded)
        .map_or(Answer::NotFound, Answer::UserData)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(machine: &MachineRecord, path: &str) -> String {
        match answer(machine, path) {
            Answer::Text(text) => text,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn directories_are_listed_with_a_slash_behind_directories() {
        let machine = MachineRecord::typical();
        assert_eq!(text(&machine, ""), "dynamic/\nmeta-data/");
        assert_eq!(
            text(&machine, "meta-data/placement"),
            text(&machine, "meta-data/placement/")
        );
        assert_eq!(
            text(&machine, "meta-data/placement/"),
            "availability-zone\navailability-zone-id\nregion"
        );
        assert_eq!(
            text(&machine, "meta-data/network/interfaces/macs/"),
            "02:88:00:00:00:0b/"
        );
        assert_eq!(
            text(&machine, "meta-data/iam/"),
            "info\nsecurity-credentials/"
        );
        assert_eq!(
            text(&machine, "meta-data/iam/security-credentials/"),
            "lab-node"
        );
    }

    #[test]
    fn a_value_is_no_directory_and_half_a_name_is_nothing() {
        let machine = MachineRecord::typical();
        for path in [
            "meta-data/instance-id/",
            "meta-data/instance",
            "user-data",
            "meta-data//mac",
        ] {
            assert_eq!(answer(&machine, path), Answer::NotFound, "{path}");
        }
    }

    #[test]
    fn an_instance_without_a_profile_has_no_iam() {
        let machine = MachineRecord {
            role: None,
            instance_profile: None,
            ..MachineRecord::typical()
        };
        assert_eq!(
            answer(&machine, "meta-data/iam/security-credentials/"),
            Answer::NotFound
        );
        assert_eq!(answer(&machine, "meta-data/iam/"), Answer::NotFound);
    }

    #[test]
    fn tags_are_shown_only_when_the_instance_allows_it() {
        let mut machine = MachineRecord::typical();
        machine
            .tags
            .insert("Name".to_owned(), "worker-1".to_owned());
        machine
            .tags
            .insert("kubernetes.io/cluster/lab".to_owned(), "owned".to_owned());
        assert_eq!(
            answer(&machine, "meta-data/tags/instance/Name"),
            Answer::NotFound
        );
        machine.metadata_tags = true;
        assert_eq!(text(&machine, "meta-data/tags/instance"), "Name");
        assert_eq!(text(&machine, "meta-data/tags/instance/Name"), "worker-1");
    }

    #[test]
    fn a_record_can_say_what_no_other_field_of_it_does() {
        let mut machine = MachineRecord::typical();
        machine
            .metadata
            .insert("instance-life-cycle".to_owned(), "spot".to_owned());
        assert_eq!(text(&machine, "meta-data/instance-life-cycle"), "spot");
        let path = format!("network/interfaces/macs/{}/ipv6s", machine.mac);
        machine.metadata.insert(path.clone(), "fd00::1".to_owned());
        assert_eq!(text(&machine, &format!("meta-data/{path}")), "fd00::1");
    }

    #[test]
    fn user_data_are_the_raw_bytes() {
        let machine = MachineRecord {
            user_data: Some(BASE64.encode([0x1f, 0x8b, 0xff])),
            ..MachineRecord::typical()
        };
        assert_eq!(
            answer(&machine, "user-data"),
            Answer::UserData(vec![0x1f, 0x8b, 0xff])
        );
        assert_eq!(text(&machine, ""), "dynamic/\nmeta-data/\nuser-data");
    }
}
