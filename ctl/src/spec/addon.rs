//! Add-ons.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// An EKS add-on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Addon {
    /// Name, such as `vpc-cni`.
    pub name: String,
    /// Version, such as `v1.20.4-eksbuild.1`; none takes the default of the cluster's version, and stays with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Configuration values of the add-on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub configuration: Option<serde_json::Value>,
    /// How its service account gets a role; none leaves it to the node's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<AddonRole>,
}

/// How a service account gets a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddonRole {
    /// By what. Default `irsa`.
    pub by: RoleWiring,
    /// ARN of a role that is there; none makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// ARNs of the policies of one that is made; none are those that the add-on is known to need.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub policies: BTreeSet<String>,
    /// Namespace of the service account; none is the add-on's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the service account; none is the add-on's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<String>,
}

/// By what a service account gets a role.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleWiring {
    /// A token of the cluster's OIDC issuer (IAM roles for service accounts).
    #[default]
    Irsa,
    /// The pod identity agent.
    PodIdentity,
}
