//! What a cluster consists of in AWS and in Kubernetes, as data: the words that observation, plan and apply share.
//!
//! A [`Body`] says how one thing should be, or how it is: the same types on both sides, so that a plan is the difference of
//! two documents. Its values may point at what only another thing will know, once it exists ([`Text`]); such references
//! are also the edges of the graph. Nothing here touches the world.

mod access;
mod address;
mod cluster;
mod effect;
mod identity;
mod network;
mod node_group;
mod observed;
mod text;

pub use access::{AccessEntry, AwsAuthRole, PolicyScope};
pub use address::{Address, Kind, ParseAddressError};
pub use cluster::{Addon, Cluster, Endpoint, LogGroup, OidcProvider, PodIdentityAssociation};
pub use effect::{Effect, effect};
pub use identity::{InstanceProfile, Role};
pub use network::{
    ElasticIp, InternetGateway, NatGateway, RouteTable, SecurityGroup, Subnet, SubnetTags, Vpc,
};
pub use node_group::{
    AutoScalingGroup, Disk, LaunchTemplate, MANAGED_TAG, MetadataOptions, NodeGroup, NodeRepair,
    Scaling, Taint, TemplateVersion, Update, node_group_of,
};
pub use observed::{Observed, Owner, Status};
pub use text::{Attribute, Outputs, Text, outputs_of, references, resolve};

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Tags of one thing.
pub type Tags = BTreeMap<String, String>;

/// Owner tag: name of the cluster that a thing was made for.
pub const CLUSTER_TAG: &str = "nodectl.dev/cluster";
/// Owner tag: the [`Address`] of a thing within its cluster.
pub const ADDRESS_TAG: &str = "nodectl.dev/resource";

/// One thing that is wanted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wanted {
    /// Its name in the graph.
    pub address: Address,
    /// How it should be.
    #[serde(flatten)]
    pub body: Body,
    /// What must exist before it, beside what its values refer to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<Address>,
}

impl Wanted {
    /// Everything that must exist before it.
    pub fn needs(&self) -> BTreeSet<Address> {
        let mut needs = references(&self.body.to_json());
        needs.extend(self.after.iter().cloned());
        needs
    }
}

/// How one thing should be, or how it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "properties", rename_all = "camelCase")]
#[expect(
    missing_docs,
    reason = "each variant is named after the type that it holds"
)]
pub enum Body {
    Vpc(Vpc),
    InternetGateway(InternetGateway),
    Subnet(Subnet),
    SubnetTags(SubnetTags),
    ElasticIp(ElasticIp),
    NatGateway(NatGateway),
    RouteTable(RouteTable),
    SecurityGroup(SecurityGroup),
    LogGroup(LogGroup),
    Role(Role),
    InstanceProfile(InstanceProfile),
    Cluster(Cluster),
    OidcProvider(OidcProvider),
    AccessEntry(AccessEntry),
    AwsAuthRole(AwsAuthRole),
    Addon(Addon),
    PodIdentityAssociation(PodIdentityAssociation),
    LaunchTemplate(LaunchTemplate),
    NodeGroup(NodeGroup),
    AutoScalingGroup(AutoScalingGroup),
}

impl Body {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Vpc(_) => Kind::Vpc,
            Self::InternetGateway(_) => Kind::InternetGateway,
            Self::Subnet(_) => Kind::Subnet,
            Self::SubnetTags(_) => Kind::SubnetTags,
            Self::ElasticIp(_) => Kind::ElasticIp,
            Self::NatGateway(_) => Kind::NatGateway,
            Self::RouteTable(_) => Kind::RouteTable,
            Self::SecurityGroup(_) => Kind::SecurityGroup,
            Self::LogGroup(_) => Kind::LogGroup,
            Self::Role(_) => Kind::Role,
            Self::InstanceProfile(_) => Kind::InstanceProfile,
            Self::Cluster(_) => Kind::Cluster,
            Self::OidcProvider(_) => Kind::OidcProvider,
            Self::AccessEntry(_) => Kind::AccessEntry,
            Self::AwsAuthRole(_) => Kind::AwsAuthRole,
            Self::Addon(_) => Kind::Addon,
            Self::PodIdentityAssociation(_) => Kind::PodIdentityAssociation,
            Self::LaunchTemplate(_) => Kind::LaunchTemplate,
            Self::NodeGroup(_) => Kind::NodeGroup,
            Self::AutoScalingGroup(_) => Kind::AutoScalingGroup,
        }
    }

    /// Its properties as a JSON object, references and all.
    pub fn to_json(&self) -> serde_json::Value {
        let document = serde_json::to_value(self).unwrap_or_default();
        document.get("properties").cloned().unwrap_or_default()
    }

    /// The same thing with other properties, such as those of [`Self::to_json`] after [`resolve`].
    ///
    /// # Errors
    /// The properties are not those of this kind.
    pub fn with_properties(
        &self,
        properties: serde_json::Value,
    ) -> Result<Self, serde_json::Error> {
        let mut document = serde_json::to_value(self)?;
        document["properties"] = properties;
        serde_json::from_value(document)
    }
}
