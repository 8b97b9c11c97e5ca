//! The control plane and what EKS runs in it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Tags, Text};

/// A log group of CloudWatch Logs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LogGroup {
    /// Its name: `/aws/eks/CLUSTER/cluster`.
    pub name: String,
    /// How long its events are kept; none is for ever.
    pub retention_days: Option<u32>,
    /// Its tags.
    pub tags: Tags,
}

/// An EKS cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// Minor version of Kubernetes, such as `1.34`.
    pub version: String,
    /// ARN of its role.
    pub role: Text,
    /// Ids of its subnets.
    pub subnets: BTreeSet<Text>,
    /// Ids of security groups beside the one that EKS makes.
    pub security_groups: BTreeSet<Text>,
    /// How its API server is reached.
    pub endpoint: Endpoint,
    /// Log types that are on: `api`, `audit`, `authenticator`, `controllerManager`, `scheduler`.
    pub log_types: BTreeSet<String>,
    /// `API`, `API_AND_CONFIG_MAP` or `CONFIG_MAP`.
    pub authentication_mode: String,
    /// Whether whoever creates it becomes its administrator; only said at creation.
    pub creator_admin: bool,
    /// Whether EKS puts copies of vpc-cni, coredns and kube-proxy of its own into it, which are no add-ons; only said at
    /// creation.
    pub self_managed_addons: bool,
    /// Network of its services; none leaves the choice to EKS.
    pub service_cidr: Option<String>,
    /// ARN of the KMS key that encrypts its secrets beside EKS's own.
    pub encryption_key: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// How an API server is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Endpoint {
    /// From the internet.
    pub public: bool,
    /// From the VPC.
    pub private: bool,
    /// Networks that may use the public endpoint.
    pub public_cidrs: BTreeSet<String>,
}

/// An OIDC provider of IAM.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OidcProvider {
    /// URL of the issuer.
    pub url: Text,
    /// Audiences: `sts.amazonaws.com`.
    pub audiences: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An EKS add-on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Addon {
    /// Name of the cluster.
    pub cluster: Text,
    /// Its name, such as `vpc-cni`.
    pub name: String,
    /// Its version, such as `v1.20.4-eksbuild.1`; none is the default of the cluster's version.
    pub version: Option<String>,
    /// ARN of the role of its service account, by IRSA.
    pub service_account_role: Option<Text>,
    /// Its configuration values, a JSON document.
    pub configuration: Option<String>,
    /// `NONE`, `OVERWRITE` or `PRESERVE`.
    pub resolve_conflicts: String,
    /// Its tags.
    pub tags: Tags,
}

/// A pod identity association.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PodIdentityAssociation {
    /// Name of the cluster.
    pub cluster: Text,
    /// Namespace of the service account.
    pub namespace: String,
    /// Name of the service account.
    pub service_account: String,
    /// ARN of the role.
    pub role: Text,
    /// Its tags.
    pub tags: Tags,
}
