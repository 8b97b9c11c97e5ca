//! Who may enter a cluster.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Who may enter a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Access {
    /// Where EKS looks. Default `API_AND_CONFIG_MAP`.
    pub authentication_mode: AuthenticationMode,
    /// Whether whoever creates the cluster becomes its administrator. Default yes.
    pub creator_admin: bool,
    /// Principals that may enter, beside nodes, which get in by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            authentication_mode: AuthenticationMode::default(),
            creator_admin: true,
            entries: Vec::new(),
        }
    }
}

/// Where EKS looks for who may enter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthenticationMode {
    /// Access entries.
    Api,
    /// Access entries, then the ConfigMap `kube-system/aws-auth`.
    #[default]
    ApiAndConfigMap,
    /// The ConfigMap `kube-system/aws-auth`.
    ConfigMap,
}

impl AuthenticationMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Api, Self::ApiAndConfigMap, Self::ConfigMap];

    /// As EKS spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::ApiAndConfigMap => "API_AND_CONFIG_MAP",
            Self::ConfigMap => "CONFIG_MAP",
        }
    }
}

/// A principal that may enter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Entry {
    /// ARN of an IAM role or user.
    pub principal_arn: String,
    /// Groups of Kubernetes.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// User name in Kubernetes; none leaves the choice to EKS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Access policies of EKS.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<AccessPolicy>,
}

/// An access policy and where it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessPolicy {
    /// Name, such as `AmazonEKSClusterAdminPolicy`, or ARN.
    pub policy: String,
    /// Namespaces; none is the whole cluster.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub namespaces: BTreeSet<String>,
}
