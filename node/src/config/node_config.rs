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

impl Spec {
    /// Whether the Node is named after the instance id and not after the private DNS name: `InstanceIdNodeName`.
    pub fn names_nodes_by_instance_id(&self) -> bool {
        self.has_feature("InstanceIdNodeName")
    }

    /// Whether the SOCI snapshotter is to pull images in parallel, on a machine that is large enough: `FastImagePull`.
    pub fn pulls_images_in_parallel(&self) -> bool {
        self.has_feature("FastImagePull")
    }

    fn has_feature(&self, gate: &str) -> bool {
        self.feature_gates.get(gate) == Some(&true)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_on_only_when_its_gate_is_true() {
        let spec = |text: &str| serde_json::from_str::<Spec>(text).unwrap();
        let unset = spec("{}");
        assert!(!unset.names_nodes_by_instance_id() && !unset.pulls_images_in_parallel());
        let one = spec(r#"{"featureGates": {"InstanceIdNodeName": true, "FastImagePull": false}}"#);
        assert!(one.names_nodes_by_instance_id() && !one.pulls_images_in_parallel());
        let other = spec(r#"{"featureGates": {"FastImagePull": true}}"#);
        assert!(!other.names_nodes_by_instance_id() && other.pulls_images_in_parallel());
    }
}
