//! `NodeConfig` of `node.eks.aws/v1alpha1`: the document that EKS, Karpenter, eksctl and terraform-aws-eks write.
//!
//! API reference: <https://awslabs.github.io/amazon-eks-ami/nodeadm/doc/api/>. Decoding is lenient, as nodeadm's is: what
//! it accepts never stops a join. Unknown fields are told by [`super::decode`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// `apiVersion` of a NodeConfig.
pub const API_VERSION: &str = "node.eks.aws/v1alpha1";
/// `kind` of a NodeConfig.
pub const KIND: &str = "NodeConfig";
/// Media type of a NodeConfig in MIME user data.
pub const MEDIA_TYPE: &str = "application/node.eks.aws";

/// The merged configuration of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeConfig {
    /// What the node is to be.
    pub spec: Spec,
}

/// What the node is to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// The cluster to join.
    pub cluster: Cluster,
    /// Settings of containerd.
    pub containerd: Containerd,
    /// Settings of the instance itself.
    pub instance: Instance,
    /// Settings of the kubelet.
    pub kubelet: Kubelet,
    /// Features by name, such as `InstanceIdNodeName`.
    pub feature_gates: BTreeMap<String, bool>,
}

/// The cluster to join.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cluster {
    /// Name of the EKS cluster.
    pub name: String,
    /// URL of the API server.
    pub api_server_endpoint: String,
    /// Base64 of the PEM bundle that signs the API server's certificate.
    pub certificate_authority: String,
    /// Service CIDR: decides the IP family and the address of the cluster's DNS.
    pub cidr: String,
    /// Local cluster on an Outpost.
    pub enable_outpost: Option<bool>,
    /// Id of the cluster; on Outposts only.
    pub id: String,
}

/// Settings of containerd.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Containerd {
    /// TOML that is merged over the generated configuration.
    pub config: String,
    /// OCI runtime specification that is merged over the generated one.
    pub base_runtime_spec: Map<String, Value>,
}

/// Settings of the instance itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Instance {
    /// Instance store volumes.
    pub local_storage: LocalStorage,
    /// Environment by systemd unit; `default` is every unit's.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
    /// Name resolution.
    pub network: Network,
}

/// Instance store volumes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LocalStorage {
    /// `RAID0`, `RAID10` or `Mount`; empty: volumes are left alone.
    pub strategy: String,
    /// Where they are mounted.
    pub mount_path: String,
    /// Directories that are not bound to them.
    pub disabled_mounts: Vec<String>,
}

/// Name resolution.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Network {
    /// `DNS=` of systemd-resolved.
    pub nameservers: Vec<String>,
    /// `Domains=` of systemd-resolved.
    pub domains: Vec<String>,
}

/// Settings of the kubelet.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kubelet {
    /// A fragment of `KubeletConfiguration`, written as a drop-in.
    pub config: Map<String, Value>,
    /// Flags that follow the generated ones.
    pub flags: Vec<String>,
    /// CEL over `default_enis`, `ips_per_eni` and `max_pods`.
    pub max_pods_expression: String,
}
