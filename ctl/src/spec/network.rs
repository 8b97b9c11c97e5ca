//! The network of a cluster: one that is there, or one that is made.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A VPC. With `id` or `tags` it is one that is there, of which only tags of subnets are changed; else it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Vpc {
    /// `vpc-…` of one that is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Tags that only the one that is there has.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Network of one that is made. Default `10.0.0.0/16`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr: Option<String>,
    /// Availability zones of one that is made; none takes the first of the region, local zones aside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<String>,
    /// How many zones are taken when none are named. Default 3.
    pub zone_count: u32,
    /// Its subnets.
    pub subnets: Subnets,
    /// How private subnets of one that is made reach the internet. Default `single`.
    pub nat: Nat,
    /// Whether instances can ask the resolver of AWS. Default yes.
    pub dns_support: bool,
    /// Whether instances have DNS names. Default yes; a private endpoint needs it.
    pub dns_hostnames: bool,
    /// Whether subnets that are not ours get the tags that load balancers need. Default yes.
    pub tag_subnets: bool,
}

impl Default for Vpc {
    fn default() -> Self {
        Self {
            id: None,
            tags: BTreeMap::new(),
            cidr: None,
            zones: Vec::new(),
            zone_count: 3,
            subnets: Subnets::default(),
            nat: Nat::default(),
            dns_support: true,
            dns_hostnames: true,
            tag_subnets: true,
        }
    }
}

impl Vpc {
    /// Network of a VPC that is made and says none.
    pub const CIDR: &str = "10.0.0.0/16";

    /// Whether it is one that is there.
    pub fn is_existing(&self) -> bool {
        self.id.is_some() || !self.tags.is_empty()
    }
}

/// The subnets of a VPC.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Subnets {
    /// Those with a route to an internet gateway.
    pub public: SubnetChoice,
    /// Those without one.
    pub private: SubnetChoice,
}

/// Some subnets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubnetChoice {
    /// Ids, for a VPC that is there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub ids: BTreeSet<String>,
    /// Tags that they have, for a VPC that is there.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Networks, one a zone, for a VPC that is made; none divides the network of the VPC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cidrs: Vec<String>,
    /// Whether there are none of this sort, for a VPC that is made.
    pub none: bool,
}

/// How private subnets reach the internet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Nat {
    /// They do not.
    None,
    /// Through one NAT gateway, whose zone they depend on.
    #[default]
    Single,
    /// Through a NAT gateway in each zone.
    PerZone,
}
