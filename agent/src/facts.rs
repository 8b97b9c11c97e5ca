//! What this machine is: gathered once, in parallel, before anything is planned. No EC2 call on a normal boot.

mod cpu;
mod name;
mod version;

use std::net::Ipv4Addr;

use serde::Deserialize;

use crate::host::environment::Environment;
use crate::host::imds::{self, Imds};
use crate::host::path;
use crate::host::root::{self, Root};

pub use version::Version;

/// Facts of the instance and of what is installed on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// EC2's own facts.
    pub instance: Instance,
    /// Logical CPUs that are online.
    pub cores: u32,
    /// Version of the kubelet.
    pub kubelet_version: Version,
    /// Version of containerd.
    pub containerd_version: Version,
    /// Memory of the machine in MiB; 0 when it is not known.
    pub memory_mebibytes: u64,
    /// Where the image credential provider is.
    pub image_credential_provider: ImageCredentialProvider,
}

/// EC2's own facts about an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instance {
    /// `i-…`.
    pub id: String,
    /// Instance type.
    pub instance_type: String,
    /// Region.
    pub region: String,
    /// Availability zone.
    pub availability_zone: String,
    /// Private DNS name, which is the node's name unless `InstanceIdNodeName` is set.
    pub private_dns_name: String,
    /// Primary private IPv4 address.
    pub local_ipv4: String,
    /// First IPv6 address of the primary interface.
    pub ipv6: Option<String>,
    /// Name of the instance's role; empty when it has none.
    pub role: String,
    /// Account that the instance belongs to.
    pub account_id: String,
    /// AWS partition, `aws` in commercial regions.
    pub partition: String,
}

impl Instance {
    /// ARN of the role as STS shows it: a path, which IMDS does not tell, is not part of it. Empty without a role.
    pub fn role_arn(&self) -> String {
        if self.role.is_empty() {
            return String::new();
        }
        format!(
            "arn:{}:iam::{}:role/{}",
            self.partition, self.account_id, self.role
        )
    }
}

/// The kubelet's image credential provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageCredentialProvider {
    /// Path of the program.
    pub path: String,
    /// Whether it is there.
    pub is_installed: bool,
}

/// Why a fact is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// IMDS does not tell.
    #[error("gathering facts of the instance")]
    Imds {
        /// What IMDS says.
        #[source]
        source: imds::Error,
    },
    /// The identity document is no JSON of the expected form.
    #[error("the instance identity document")]
    IdentityDocument {
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// A file cannot be read.
    #[error("gathering facts of the machine")]
    File {
        /// Which, and why.
        #[source]
        source: root::Error,
    },
    /// A program that a node needs is not installed.
    #[error(
        "{program} is not installed: there is neither `{version_file}` nor a `{program}` that tells its version"
    )]
    NotInstalled {
        /// The program.
        program: &'static str,
        /// File with its version on EKS AMIs.
        version_file: &'static str,
    },
    /// The private DNS name has no known form and EC2 must be asked.
    #[error(
        "the local hostname `{hostname}` of the instance is not the private DNS name that EC2 gives in {region}; name nodes by instance id (`featureGates: {{InstanceIdNodeName: true}}`) or give the VPC the default domain name"
    )]
    CustomDomain {
        /// `local-hostname` of IMDS.
        hostname: String,
        /// Region.
        region: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IdentityDocument {
    instance_id: String,
    instance_type: String,
    region: String,
    availability_zone: String,
    account_id: String,
}

/// Gathers all facts.
pub async fn gather(root: &Root, imds: &Imds, environment: &Environment) -> Result<Facts, Error> {
    let (instance, kubelet_version, containerd_version) = tokio::try_join!(
        instance(imds),
        version::kubelet(root),
        version::containerd(root)
    )?;
    let provider = environment.image_credential_provider.as_ref().map_or_else(
        || path::IMAGE_CREDENTIAL_PROVIDER.to_owned(),
        |path| path.display().to_string(),
    );
    Ok(Facts {
        instance,
        cores: cpu::online(root, environment).map_err(|source| Error::File { source })?,
        kubelet_version,
        containerd_version,
        memory_mebibytes: memory_mebibytes(),
        image_credential_provider: ImageCredentialProvider {
            is_installed: root.exists(&provider),
            path: provider,
        },
    })
}

async fn instance(imds: &Imds) -> Result<Instance, Error> {
    const META_DATA: &str = "/latest/meta-data";
    let identity = imds.required("/latest/dynamic/instance-identity/document");
    let hostname_path = format!("{META_DATA}/local-hostname");
    let address_path = format!("{META_DATA}/local-ipv4");
    let role_path = format!("{META_DATA}/iam/security-credentials/");
    let partition_path = format!("{META_DATA}/services/partition");
    let (identity, hostname, local_ipv4, role, partition, ipv6) = tokio::try_join!(
        identity,
        imds.required(&hostname_path),
        imds.text(&address_path),
        imds.text(&role_path),
        imds.text(&partition_path),
        ipv6(imds, META_DATA),
    )
    .map_err(|source| Error::Imds { source })?;
    let identity: IdentityDocument =
        serde_json::from_str(&identity).map_err(|source| Error::IdentityDocument { source })?;
    let local_ipv4 = local_ipv4.unwrap_or_default();
    let private_dns_name = name::private_dns_name(
        &hostname,
        local_ipv4.parse::<Ipv4Addr>().ok(),
        &identity.instance_id,
        &identity.region,
    )
    .ok_or_else(|| Error::CustomDomain {
        hostname: hostname.clone(),
        region: identity.region.clone(),
    })?;
    Ok(Instance {
        id: identity.instance_id,
        instance_type: identity.instance_type,
        region: identity.region,
        availability_zone: identity.availability_zone,
        private_dns_name,
        local_ipv4,
        ipv6,
        role: role
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
        account_id: identity.account_id,
        partition: partition.unwrap_or_else(|| "aws".to_owned()),
    })
}

/// Memory of the machine this runs on.
fn memory_mebibytes() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else {
        return 0;
    };
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
    system.total_memory() / (1024 * 1024)
}

async fn ipv6(imds: &Imds, meta_data: &str) -> Result<Option<String>, imds::Error> {
    let Some(mac) = imds.text(&format!("{meta_data}/mac")).await? else {
        return Ok(None);
    };
    let addresses = imds
        .text(&format!("{meta_data}/network/interfaces/macs/{mac}/ipv6s"))
        .await?;
    Ok(addresses.and_then(|lines| lines.lines().next().map(str::to_owned)))
}
