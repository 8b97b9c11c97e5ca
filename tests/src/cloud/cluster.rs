//! The lab's EKS cluster as the EKS API describes it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What `DescribeCluster` says. The lab fills it in once its control plane stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterDescription {
    /// The cluster's name.
    pub name: String,
    /// `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`.
    pub arn: String,
    /// Minor version of Kubernetes, such as `1.34`.
    pub version: String,
    /// URL of the API server.
    pub endpoint: String,
    /// ARN of the cluster's role.
    pub role_arn: String,
    /// Base64 of the PEM text of the cluster's certificate authority.
    pub certificate_authority: String,
    /// Network of the services.
    pub service_ipv4_cidr: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// `subnet-…`.
    pub subnet_ids: Vec<String>,
    /// `sg-…` that EKS made for the cluster.
    pub cluster_security_group_id: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The cluster's tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl ClusterDescription {
    /// The `cluster` of a `DescribeCluster` answer.
    pub fn to_eks_json(&self) -> Value {
        json!({
            "name": self.name,
            "arn": self.arn,
            "createdAt": self.created_at.as_second(),
            "version": self.version,
            "endpoint": self.endpoint,
            "roleArn": self.role_arn,
            "resourcesVpcConfig": {
                "subnetIds": self.subnet_ids,
                "securityGroupIds": [],
                "clusterSecurityGroupId": self.cluster_security_group_id,
                "vpcId": self.vpc_id,
                "endpointPublicAccess": true,
                "endpointPrivateAccess": true,
                "publicAccessCidrs": ["0.0.0.0/0"],
            },
            "kubernetesNetworkConfig": {
                "serviceIpv4Cidr": self.service_ipv4_cidr,
                "serviceIpv6Cidr": null,
                "ipFamily": "ipv4",
                "elasticLoadBalancing": { "enabled": false },
            },
            "logging": { "clusterLogging": [{
                "types": ["api", "audit", "authenticator", "controllerManager", "scheduler"],
                "enabled": false,
            }] },
            "identity": null,
            "status": "ACTIVE",
            "certificateAuthority": { "data": self.certificate_authority },
            "clientRequestToken": null,
            "platformVersion": "eks.1",
            "tags": self.tags,
            "encryptionConfig": null,
            "health": { "issues": [] },
            "accessConfig": {
                "bootstrapClusterCreatorAdminPermissions": null,
                "authenticationMode": "API_AND_CONFIG_MAP",
            },
            "upgradePolicy": { "supportType": "EXTENDED" },
            "deletionProtection": false,
        })
    }
}
