//! What the choices of a `cluster.yaml` mean in this account and region: ids behind tags, zones, AMIs, instance types.

mod error;
mod image;
mod instance_type;
mod network;
mod region;
mod role;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::clients::Clients;
use crate::resource::Tags;
use crate::spec;
pub use error::Error;
pub(super) use network::existing_subnets;
pub use region::{Caller, caller};

/// What the choices mean.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Choices {
    /// Twelve digits.
    pub account: String,
    /// ARN of who asks.
    pub caller: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Region.
    pub region: String,
    /// Availability zones of the region that need no opt-in, in their order.
    pub zones: Vec<String>,
    /// The VPC that is there, when the document names one.
    pub vpc: Option<ExistingVpc>,
    /// What the AMI of each node group is, by name of the group; only of those whose launch template names one.
    pub images: BTreeMap<String, Image>,
    /// Every instance type that is named.
    pub instance_types: BTreeMap<String, InstanceType>,
    /// ARNs of roles that are there, by the ARN that the document names.
    pub roles: BTreeMap<String, ExistingRole>,
    /// Versions of Kubernetes that EKS offers, such as `1.34`, the default first; empty when EKS does not say.
    pub versions: Vec<String>,
}

/// Asks what the choices of a document mean.
pub async fn choices(clients: &Clients, cluster: &spec::Cluster) -> Result<Choices, Error> {
    let spec = &cluster.spec;
    let (caller, zones, versions, vpc, types, roles) = tokio::try_join!(
        async { Ok::<_, Error>(caller(clients).await?) },
        async { Ok(region::zones(clients).await?) },
        async { Ok(region::versions(clients).await) },
        network::vpc(clients, spec),
        async { Ok(instance_type::instance_types(clients, spec).await?) },
        async { Ok(role::roles(clients, spec).await?) },
    )?;
    let images = image::images(clients, spec, &types).await?;
    Ok(Choices {
        account: caller.account,
        caller: caller.arn,
        partition: caller.partition,
        region: clients.aws.region().to_owned(),
        zones,
        vpc,
        images,
        instance_types: types,
        roles,
        versions,
    })
}

/// A VPC that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExistingVpc {
    /// `vpc-…`.
    pub id: String,
    /// Its IPv4 networks.
    pub cidrs: Vec<String>,
    /// Whether instances can ask the resolver of AWS.
    pub dns_support: bool,
    /// Whether instances have DNS names.
    pub dns_hostnames: bool,
    /// Those of its subnets that the document chooses, by id.
    pub subnets: BTreeMap<String, ExistingSubnet>,
    /// Public addresses of its NAT gateways.
    pub nat_addresses: Vec<String>,
}

/// A subnet that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExistingSubnet {
    /// Its VPC, which may be another one when a person names it by id.
    pub vpc: String,
    /// Its zone.
    pub zone: String,
    /// Its network.
    pub cidr: String,
    /// Addresses that are free.
    pub free_addresses: u32,
    /// Whether its route table leads to an internet gateway.
    pub is_public: bool,
    /// Whether only a node group names it, so that the control plane is not in it.
    pub of_groups_only: bool,
    /// Its tags.
    pub tags: Tags,
}

/// An AMI.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Image {
    /// `ami-…`.
    pub id: String,
    /// Its name, such as `amazon-eks-node-al2023-x86_64-standard-1.34-v20251103`; empty when EC2 does not say.
    pub name: String,
    /// Name of the root device, such as `/dev/xvda`.
    pub root_device: String,
    /// `x86_64` or `arm64`; empty when EC2 does not say.
    pub architecture: String,
}

/// An instance type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstanceType {
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// vCPUs.
    pub vcpus: u32,
    /// MiB.
    pub memory_mib: u64,
    /// GPUs of NVIDIA.
    pub nvidia_gpus: u32,
}

/// A role that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExistingRole {
    /// Its name, without the path.
    pub name: String,
    /// Services that its trust policy lets in, such as `ec2.amazonaws.com`.
    pub trusted_services: Vec<String>,
    /// Names of the managed policies that are attached.
    pub policies: Vec<String>,
    /// Names of its instance profiles.
    pub instance_profiles: Vec<String>,
}
