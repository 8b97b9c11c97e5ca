//! Who may enter a cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Tags, Text};

/// An access entry. The cluster's own for its creator, and those that EKS makes for managed node groups, are not among ours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessEntry {
    /// Name of the cluster.
    pub cluster: Text,
    /// ARN of the IAM principal.
    pub principal: Text,
    /// `STANDARD`, `EC2_LINUX`, `EC2`, …
    #[serde(rename = "type")]
    pub entry_type: String,
    /// Groups of Kubernetes.
    pub groups: BTreeSet<String>,
    /// User name in Kubernetes; none leaves the choice to EKS.
    pub username: Option<String>,
    /// Where each access policy holds, by ARN of the policy.
    pub policies: BTreeMap<String, PolicyScope>,
    /// Its tags.
    pub tags: Tags,
}

/// Where an access policy holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyScope {
    /// Namespaces; none is the whole cluster.
    pub namespaces: BTreeSet<String>,
}

/// One entry of `mapRoles` in the ConfigMap `kube-system/aws-auth`. Other entries are left as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AwsAuthRole {
    /// Name of the cluster.
    pub cluster: Text,
    /// ARN of the role, without a path.
    pub role: Text,
    /// User name in Kubernetes, such as `system:node:{{EC2PrivateDNSName}}`.
    pub username: String,
    /// Groups of Kubernetes.
    pub groups: BTreeSet<String>,
}
