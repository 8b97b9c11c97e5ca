//! What the cloud knows of one machine: the contract between the code that runs machines and the AWS side.
//!
//! The machine code writes one file a machine, `RUN/machines/<instance-id>.json`; IMDS and the gateway read it again
//! for each request, so that machines come and go without a restart of anything. RUN is the lab's run directory.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json_file::{self, JsonFileError};

/// One machine, in the terms of EC2. [`MachineRecord::typical`] gives one to start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineRecord {
    /// The lab's own name of the machine, such as `worker-1`.
    pub name: String,
    /// `i-` and 17 hexadecimal digits.
    pub instance_id: String,
    /// `ami-…`.
    pub image_id: String,
    /// Such as `m5.large`; the architecture of the identity document follows from it.
    pub instance_type: String,
    /// Such as `us-west-2`.
    pub region: String,
    /// Such as `us-west-2a`.
    pub availability_zone: String,
    /// Such as `usw2-az1`.
    pub availability_zone_id: String,
    /// Twelve digits.
    pub account_id: String,
    /// The source address by which IMDS tells the machine from others.
    pub private_ip: Ipv4Addr,
    /// Address of the primary interface, lower case with colons.
    pub mac: String,
    /// The private DNS name.
    pub local_hostname: String,
    /// Network of the subnet, such as `10.88.0.0/24`.
    pub subnet_cidr: String,
    /// Network of the VPC.
    pub vpc_cidr: String,
    /// `subnet-…` as EC2 knows it.
    #[serde(default)]
    pub subnet_id: String,
    /// `vpc-…` as EC2 knows it.
    #[serde(default)]
    pub vpc_id: String,
    /// `eni-…` of the primary interface as EC2 knows it.
    #[serde(default)]
    pub interface_id: String,
    /// Name of the role whose credentials IMDS hands out; `None` for an instance without an instance profile.
    pub role: Option<String>,
    /// Name of the instance profile that carries the role.
    pub instance_profile: Option<String>,
    /// Base64 of the raw bytes that `user-data` answers; `None` for an instance without user data.
    pub user_data: Option<String>,
    /// File with everything that the machine has written to its console.
    pub console: PathBuf,
    /// Tags of the instance.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Whether IMDS shows the tags (`InstanceMetadataTags`; EC2's default is no).
    #[serde(default)]
    pub metadata_tags: bool,
    /// Values by their path below `meta-data/`, beside or in the place of those that follow from the rest.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// When the instance was started: `pendingTime` of its identity document.
    pub launch_time: Timestamp,
}

impl MachineRecord {
    /// A worker of `us-west-2` as the suites start from: with a role, without user data. Change what matters.
    #[must_use]
    pub fn typical() -> Self {
        Self {
            name: "worker-1".to_owned(),
            instance_id: "i-0a1b2c3d4e5f60718".to_owned(),
            image_id: "ami-0f1e2d3c4b5a69788".to_owned(),
            instance_type: "m5.large".to_owned(),
            region: "us-west-2".to_owned(),
            availability_zone: "us-west-2a".to_owned(),
            availability_zone_id: "usw2-az2".to_owned(),
            account_id: "111122223333".to_owned(),
            private_ip: Ipv4Addr::new(10, 88, 0, 11),
            mac: "02:88:00:00:00:0b".to_owned(),
            local_hostname: "ip-10-88-0-11.us-west-2.compute.internal".to_owned(),
            subnet_cidr: "10.88.0.0/24".to_owned(),
            vpc_cidr: "10.88.0.0/16".to_owned(),
            subnet_id: "subnet-0c1d2e3f405162738".to_owned(),
            vpc_id: "vpc-0b1c2d3e4f5061728".to_owned(),
            interface_id: "eni-0d1e2f30415263748".to_owned(),
            role: Some("lab-node".to_owned()),
            instance_profile: Some("lab-node".to_owned()),
            user_data: None,
            console: PathBuf::new(),
            tags: BTreeMap::new(),
            metadata_tags: false,
            metadata: BTreeMap::new(),
            launch_time: Timestamp::UNIX_EPOCH,
        }
    }
}

/// Every machine that is running, in the order of the instance ids.
pub fn read_all(run: &Path) -> Result<Vec<MachineRecord>, JsonFileError> {
    json_file::read_directory(&directory(run))
}

/// The machine with this private address.
pub fn find_by_ip(run: &Path, address: IpAddr) -> Result<Option<MachineRecord>, JsonFileError> {
    let mut records = read_all(run)?.into_iter();
    Ok(records.find(|record| IpAddr::V4(record.private_ip) == address))
}

/// The machine of this instance; `None` as well for what is no instance id.
pub fn find_by_instance_id(
    run: &Path,
    instance_id: &str,
) -> Result<Option<MachineRecord>, JsonFileError> {
    // The id becomes part of a path, and callers pass on what a request said.
    if !is_instance_id(instance_id) {
        return Ok(None);
    }
    json_file::read(&path(run, instance_id))
}

/// Adds a machine or replaces what was known of it.
pub fn write(run: &Path, record: &MachineRecord) -> Result<(), JsonFileError> {
    json_file::write(&path(run, &record.instance_id), record)
}

/// Forgets a machine; one that is unknown is no error.
pub fn remove(run: &Path, instance_id: &str) -> Result<(), JsonFileError> {
    json_file::remove(&path(run, instance_id))
}

/// Whether the text has the form of an instance id: `i-` and 8 or 17 hexadecimal digits.
pub fn is_instance_id(text: &str) -> bool {
    text.strip_prefix("i-").is_some_and(|digits| {
        matches!(digits.len(), 8 | 17)
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

fn directory(run: &Path) -> PathBuf {
    run.join("machines")
}

fn path(run: &Path, instance_id: &str) -> PathBuf {
    directory(run).join(format!("{instance_id}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_come_and_go_by_their_files() {
        let run = tempfile::tempdir().unwrap();
        assert_eq!(read_all(run.path()).unwrap(), []);

        let record = MachineRecord::typical();
        write(run.path(), &record).unwrap();
        let address = IpAddr::V4(record.private_ip);
        assert_eq!(
            find_by_ip(run.path(), address).unwrap(),
            Some(record.clone())
        );
        assert_eq!(
            find_by_instance_id(run.path(), &record.instance_id).unwrap(),
            Some(record.clone())
        );

        remove(run.path(), &record.instance_id).unwrap();
        remove(run.path(), &record.instance_id).unwrap();
        assert_eq!(find_by_ip(run.path(), address).unwrap(), None);
    }

    #[test]
    fn an_instance_id_is_never_a_path() {
        let run = tempfile::tempdir().unwrap();
        std::fs::write(run.path().join("secret.json"), "{}").unwrap();
        assert_eq!(find_by_instance_id(run.path(), "../secret").unwrap(), None);
        assert!(is_instance_id("i-0a1b2c3d4e5f60718"));
        assert!(!is_instance_id("i-0A1B2C3D4E5F60718"));
        assert!(!is_instance_id("i-../../../etc/pass"));
    }
}
