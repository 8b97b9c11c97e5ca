//! What this machine is: gathered once, in parallel, before anything is planned. No EC2 call on a normal boot.

pub mod api_server;
pub mod cloud_init;
mod cpu;
mod device;
pub mod ec2;
pub mod instance_types;
pub mod labels;
pub mod machine;
mod memory;
mod name;
pub mod version;
pub mod warm_pool;

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};

use node::config::{NodeConfig, check};
use node::max_pods::{InstanceType, Limits};
use node::wire::Identity;
use serde::Deserialize;

use crate::host::aws;
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
    /// Whether a PCI device of NVIDIA is present.
    pub has_nvidia_device: bool,
    /// Whether NVIDIA's container runtime is installed.
    pub has_nvidia_runtime: bool,
    /// Bytes of memory that are online; known only where [`Facts::complete`] found that they matter.
    pub online_memory_bytes: Option<u64>,
    /// What a table tells of the instance type; by [`Facts::complete_from_tables`].
    pub known_type: Option<InstanceType>,
    /// Labels of the Node whose values are in the instance metadata, by name; see [`labels::fetch`].
    pub labels: BTreeMap<String, String>,
    /// Limits of the instance type as EC2 tells them; known only where [`Facts::complete_from_ec2`] found that no table knows it.
    pub instance_limits: Option<Limits>,
    /// Addresses of the API server; known only where [`Facts::complete`] found that they matter.
    pub api_server_addresses: Vec<IpAddr>,
}

impl Facts {
    /// Adds what depends on the configuration, its environment included, and what only some configurations need to know.
    pub async fn complete(
        &mut self,
        root: &Root,
        imds: &Imds,
        environment: &Environment,
        config: &NodeConfig,
    ) -> Result<(), Error> {
        self.cores = cpu::online(root, environment).map_err(|source| Error::File { source })?;
        let provider = environment.image_credential_provider.as_ref().map_or_else(
            || path::IMAGE_CREDENTIAL_PROVIDER.to_owned(),
            |path| path.display().to_string(),
        );
        self.image_credential_provider = ImageCredentialProvider {
            is_installed: root.exists(&provider),
            path: provider,
        };
        let service_network = check::cidr_address(&config.spec.cluster.cidr);
        if service_network.is_some_and(|(address, _)| address.is_ipv6()) {
            self.instance.ipv6 = ipv6(imds).await.map_err(|source| Error::Imds { source })?;
        }
        if config.spec.pulls_images_in_parallel() {
            self.online_memory_bytes =
                memory::online_bytes(root).map_err(|source| Error::File { source })?;
        }
        if config.spec.cluster.enable_outpost == Some(true)
            && let Some(host) = api_server::host(&config.spec.cluster.api_server_endpoint)
        {
            self.api_server_addresses = api_server::addresses(&host).await?;
        }
        Ok(())
    }
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
    /// Private DNS name, which is the node's name unless `InstanceIdNodeName` is set. Empty while only EC2 knows it:
    /// IMDS shows another name when the VPC's DHCP options have a domain of their own.
    pub private_dns_name: String,
    /// Primary private IPv4 address.
    pub local_ipv4: String,
    /// First IPv6 address of the primary interface; asked for when the cluster's service network is IPv6.
    pub ipv6: Option<String>,
    /// Name of the instance's role; empty when it has none.
    pub role: String,
    /// Account that the instance belongs to.
    pub account_id: String,
    /// AWS partition, `aws` in commercial regions.
    pub partition: String,
    /// State in the warm pool of its Auto Scaling group, such as `Warmed:Stopped`; none when it is to serve.
    pub warmed: Option<String>,
}

impl Instance {
    /// Who is speaking in a verdict before there is a plan.
    pub fn identity(&self, config: &NodeConfig) -> Identity {
        Identity {
            instance_id: self.id.clone(),
            instance_type: self.instance_type.clone(),
            region: self.region.clone(),
            node_name: String::new(),
            cluster: config.spec.cluster.name.clone(),
            role: self.role.clone(),
            role_arn: self.role_arn(),
        }
    }

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
    /// DNS does not know the API server.
    #[error("looking up `{host}`, the name of the API server, {attempts} times")]
    ApiServerName {
        /// The name.
        host: String,
        /// How often it was looked up.
        attempts: u32,
        /// What the resolver says.
        #[source]
        source: io::Error,
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
    /// EC2 must tell the private DNS name and does not.
    #[error("asking EC2 for the private DNS name of this instance")]
    Ec2 {
        /// What EC2 says.
        #[source]
        source: Box<aws::Error>,
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

/// Gathers what no configuration is needed for; [`Facts::complete`] adds the rest.
pub async fn gather(root: &Root, imds: &Imds) -> Result<Facts, Error> {
    let (instance, kubelet_version, containerd_version) = tokio::try_join!(
        instance(imds),
        version::kubelet(root),
        version::containerd(root)
    )?;
    Ok(Facts {
        instance,
        cores: 0,
        kubelet_version,
        containerd_version,
        memory_mebibytes: memory::total_mebibytes(root).map_err(|source| Error::File { source })?,
        image_credential_provider: ImageCredentialProvider::default(),
        has_nvidia_device: device::has_nvidia(root).map_err(|source| Error::File { source })?,
        has_nvidia_runtime: root.exists(path::NVIDIA_RUNTIME),
        online_memory_bytes: None,
        known_type: None,
        labels: BTreeMap::new(),
        instance_limits: None,
        api_server_addresses: Vec::new(),
    })
}

const META_DATA: &str = "/latest/meta-data";

async fn instance(imds: &Imds) -> Result<Instance, Error> {
    let identity = imds.required("/latest/dynamic/instance-identity/document");
    let hostname_path = format!("{META_DATA}/local-hostname");
    let address_path = format!("{META_DATA}/local-ipv4");
    let role_path = format!("{META_DATA}/iam/security-credentials/");
    let partition_path = format!("{META_DATA}/services/partition");
    let (identity, hostname, local_ipv4, role, partition, target) = tokio::try_join!(
        identity,
        imds.text(&hostname_path),
        imds.text(&address_path),
        imds.text(&role_path),
        imds.text(&partition_path),
        async { Ok(warm_pool::target(imds).await) },
    )
    .map_err(|source| Error::Imds { source })?;
    let identity: IdentityDocument =
        serde_json::from_str(&identity).map_err(|source| Error::IdentityDocument { source })?;
    let local_ipv4 = local_ipv4.unwrap_or_default();
    let private_dns_name = name::private_dns_name(
        &hostname.unwrap_or_default(),
        local_ipv4.parse::<Ipv4Addr>().ok(),
        &identity.instance_id,
        &identity.region,
    )
    .unwrap_or_default();
    Ok(Instance {
        id: identity.instance_id,
        instance_type: identity.instance_type,
        region: identity.region,
        availability_zone: identity.availability_zone,
        private_dns_name,
        local_ipv4,
        ipv6: None,
        role: role
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .to_owned(),
        account_id: identity.account_id,
        partition: partition.unwrap_or_else(|| "aws".to_owned()),
        warmed: match target {
            warm_pool::Target::Warmed(state) => Some(state),
            _ => None,
        },
    })
}

async fn ipv6(imds: &Imds) -> Result<Option<String>, imds::Error> {
    let Some(mac) = imds.text(&format!("{META_DATA}/mac")).await? else {
        return Ok(None);
    };
    let addresses = imds
        .text(&format!("{META_DATA}/network/interfaces/macs/{mac}/ipv6s"))
        .await?;
    Ok(addresses.and_then(|lines| lines.lines().next().map(str::to_owned)))
}
