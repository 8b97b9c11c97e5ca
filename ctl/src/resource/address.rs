//! Names of things in the graph of a cluster.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// VPC.
    Vpc,
    /// Internet gateway, attached to the VPC.
    InternetGateway,
    /// Subnet.
    Subnet,
    /// Tags that Kubernetes needs on a subnet that is not ours.
    SubnetTags,
    /// Elastic IP address of a NAT gateway.
    ElasticIp,
    /// NAT gateway.
    NatGateway,
    /// Route table with its routes and associations.
    RouteTable,
    /// Security group with its rules.
    SecurityGroup,
    /// Log group of the control plane in CloudWatch Logs.
    LogGroup,
    /// IAM role with its policies.
    Role,
    /// IAM instance profile of nodes.
    InstanceProfile,
    /// EKS cluster.
    Cluster,
    /// IAM OIDC provider of the cluster's issuer.
    OidcProvider,
    /// EKS access entry with its access policies.
    AccessEntry,
    /// One role of the ConfigMap `kube-system/aws-auth`.
    AwsAuthRole,
    /// EKS add-on.
    Addon,
    /// EKS pod identity association.
    PodIdentityAssociation,
    /// EC2 launch template; a change is a new version.
    LaunchTemplate,
    /// EKS managed node group.
    NodeGroup,
    /// Auto Scaling group of self-managed nodes.
    AutoScalingGroup,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 20] = [
        Self::Vpc,
        Self::InternetGateway,
        Self::Subnet,
        Self::SubnetTags,
        Self::ElasticIp,
        Self::NatGateway,
        Self::RouteTable,
        Self::SecurityGroup,
        Self::LogGroup,
        Self::Role,
        Self::InstanceProfile,
        Self::Cluster,
        Self::OidcProvider,
        Self::AccessEntry,
        Self::AwsAuthRole,
        Self::Addon,
        Self::PodIdentityAssociation,
        Self::LaunchTemplate,
        Self::NodeGroup,
        Self::AutoScalingGroup,
    ];

    /// As it is written in an address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vpc => "vpc",
            Self::InternetGateway => "internet-gateway",
            Self::Subnet => "subnet",
            Self::SubnetTags => "subnet-tags",
            Self::ElasticIp => "elastic-ip",
            Self::NatGateway => "nat-gateway",
            Self::RouteTable => "route-table",
            Self::SecurityGroup => "security-group",
            Self::LogGroup => "log-group",
            Self::Role => "role",
            Self::InstanceProfile => "instance-profile",
            Self::Cluster => "cluster",
            Self::OidcProvider => "oidc-provider",
            Self::AccessEntry => "access-entry",
            Self::AwsAuthRole => "aws-auth-role",
            Self::Addon => "addon",
            Self::PodIdentityAssociation => "pod-identity",
            Self::LaunchTemplate => "launch-template",
            Self::NodeGroup => "nodegroup",
            Self::AutoScalingGroup => "auto-scaling-group",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Name of a thing within its cluster, such as `subnet/private-us-west-2a`; stable from run to run, and the value of the
/// owner tag [`super::ADDRESS_TAG`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Address {
    /// What it is.
    pub kind: Kind,
    /// Its name among those of its kind.
    pub name: String,
}

impl Address {
    /// The address of the thing of this kind and name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.kind, self.name)
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not KIND/NAME of a known kind")]
pub struct ParseAddressError {
    text: String,
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || ParseAddressError {
            text: text.to_owned(),
        };
        let (kind, name) = text.split_once('/').ok_or_else(unknown)?;
        let kind = Kind::ALL
            .into_iter()
            .find(|candidate| candidate.name() == kind)
            .ok_or_else(unknown)?;
        if name.is_empty() {
            return Err(unknown());
        }
        Ok(Self::new(kind, name))
    }
}

impl TryFrom<String> for Address {
    type Error = ParseAddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        for kind in Kind::ALL {
            let address = Address::new(kind, "a/b-c");
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_is_named() {
        for text in ["", "vpc", "vpc/", "cloud/main"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
