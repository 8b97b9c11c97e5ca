//! The document and its control plane.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Access, Addon, NodeGroup, Vpc};

/// One `cluster.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Who it is.
    pub metadata: Metadata,
    /// How it should be.
    pub spec: Spec,
}

/// Who a cluster is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// Its name; empty when [`Self::generate_name`] is given and no name was generated yet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Beginning of a name to which a random suffix is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate_name: Option<String>,
    /// Its region; none takes the one of the flags, the environment or the profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Tags of everything that is made for it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
}

/// How a cluster should be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Minor version of Kubernetes, such as `1.34`.
    pub version: String,
    /// Its network.
    pub vpc: Vpc,
    /// How its API server is reached.
    pub endpoint: Endpoint,
    /// Network of its services; none leaves the choice to EKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_cidr: Option<String>,
    /// Logs of its control plane.
    pub logging: Logging,
    /// The role of its control plane.
    pub cluster_role: RoleChoice,
    /// Ids of security groups of its control plane, beside the one that EKS makes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub security_groups: BTreeSet<String>,
    /// Whether a security group of its own is made for its control plane: nothing in, everything out.
    pub own_security_group: bool,
    /// Who may enter it.
    pub access: Access,
    /// Whether its OIDC issuer is made known to IAM, so that service accounts can have roles.
    pub oidc_provider: bool,
    /// What EKS installs in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub addons: Vec<Addon>,
    /// Encryption of its secrets with a key of one's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_encryption: Option<Encryption>,
    /// The node role of the groups that name none of their own.
    pub node_role: super::NodeRole,
    /// Its nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_groups: Vec<NodeGroup>,
}

/// How an API server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Endpoint {
    /// From the internet. Default yes.
    pub public: bool,
    /// From the VPC. Default yes, so that nodes need no way out to join.
    pub private: bool,
    /// Networks that may use the public endpoint. Default all.
    pub public_cidrs: BTreeSet<String>,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            public: true,
            private: true,
            public_cidrs: BTreeSet::from(["0.0.0.0/0".to_owned()]),
        }
    }
}

/// Logs of a control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Logging {
    /// What is logged. Default nothing.
    pub types: BTreeSet<LogType>,
    /// How long it is kept, in days; none is for ever, and leaves the log group to EKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
}

/// A log of a control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogType {
    /// The API server.
    Api,
    /// Who did what.
    Audit,
    /// Who was let in as whom.
    Authenticator,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
}

impl LogType {
    /// Every log.
    pub const ALL: [Self; 5] = [
        Self::Api,
        Self::Audit,
        Self::Authenticator,
        Self::ControllerManager,
        Self::Scheduler,
    ];

    /// As EKS spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Audit => "audit",
            Self::Authenticator => "authenticator",
            Self::ControllerManager => "controllerManager",
            Self::Scheduler => "scheduler",
        }
    }
}

/// A role that is there, or one that is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RoleChoice {
    /// ARN of a role that is there; none makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// ARNs of policies beside those that the role needs.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub policies: BTreeSet<String>,
}

/// Encryption of secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Encryption {
    /// ARN of a symmetric KMS key.
    pub key_arn: String,
}
