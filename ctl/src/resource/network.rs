//! The network of a cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Tags, Text};

/// A VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vpc {
    /// Its IPv4 network.
    pub cidr: String,
    /// Whether its instances can ask the resolver of AWS (`enableDnsSupport`).
    pub dns_support: bool,
    /// Whether its instances have DNS names (`enableDnsHostnames`).
    pub dns_hostnames: bool,
    /// Its tags.
    pub tags: Tags,
}

/// An internet gateway, attached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InternetGateway {
    /// Id of the VPC that it is attached to.
    pub vpc: Text,
    /// Its tags.
    pub tags: Tags,
}

/// A subnet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subnet {
    /// Id of its VPC.
    pub vpc: Text,
    /// Its IPv4 network.
    pub cidr: String,
    /// Its availability zone.
    pub zone: String,
    /// Whether instances get a public address at launch.
    pub public_addresses: bool,
    /// Its tags.
    pub tags: Tags,
}

/// Tags on a subnet that is not ours. Other tags of it are not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetTags {
    /// `subnet-…`.
    pub subnet: String,
    /// Tags that it must have.
    pub tags: Tags,
}

/// An elastic IP address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ElasticIp {
    /// Its tags.
    pub tags: Tags,
}

/// A public NAT gateway.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NatGateway {
    /// Id of the public subnet that it stands in.
    pub subnet: Text,
    /// Allocation id of its address.
    pub allocation: Text,
    /// Its tags.
    pub tags: Tags,
}

/// A route table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteTable {
    /// Id of its VPC.
    pub vpc: Text,
    /// Ids of the subnets that use it.
    pub subnets: BTreeSet<Text>,
    /// Id of the gateway (`igw-…`, `nat-…`) by destination network; the VPC's own route is not among them.
    pub routes: BTreeMap<String, Text>,
    /// Its tags.
    pub tags: Tags,
}

/// A security group. All traffic out is allowed, as in EC2's default; in, none that is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityGroup {
    /// Id of its VPC.
    pub vpc: Text,
    /// Its name.
    pub name: String,
    /// Its description, which cannot be changed.
    pub description: String,
    /// Its tags.
    pub tags: Tags,
}
