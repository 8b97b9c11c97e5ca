//! From a cluster that is there to the document that asks for just this: a plan of it changes nothing. Pure.
//!
//! What a document cannot say is left out and named; it stays as it is, since a plan never touches what nodectl did not
//! make.

mod access;
mod addon;
mod network;
mod node_group;
mod ours;
mod user_data;

use super::{
    Addon, Cluster, Encryption, Endpoint, LogType, Logging, Metadata, NodeGroup, NodeRole,
    RoleChoice, Spec, node_policies,
};
use crate::observe::existing::Existing;
use crate::resource::{Address, Attribute, Body, Kind, Tags, Text};
use ours::Ours;

/// A document, and what it does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The document.
    pub cluster: Cluster,
    /// What belongs to the cluster and is not in the document, with the reason.
    pub left_out: Vec<String>,
}

/// The document of a cluster that is there.
pub fn export(existing: &Existing) -> Export {
    let mut left_out = Vec::new();
    let found = &existing.cluster;
    let ours = Ours::new(existing);
    let common = common_tags(existing);
    let own_group = ours
        .id(&Address::new(Kind::SecurityGroup, "control-plane"))
        .map(Text::from);
    let network = network::network(existing, &ours);
    let addons = addon::addons(existing, &ours, &mut left_out);
    let node_groups = node_group::node_groups(existing, &ours, &common, &addons, &mut left_out);
    let shared = node_groups.iter().filter(|group| group.role.is_none());
    let spec = Spec {
        version: found.version.clone(),
        endpoint: endpoint(existing),
        service_cidr: found.service_cidr.clone(),
        logging: Logging {
            types: LogType::ALL
                .into_iter()
                .filter(|log| found.log_types.contains(log.name()))
                .collect(),
            retention_days: retention_days(existing),
        },
        cluster_role: cluster_role(existing, &ours),
        security_groups: found
            .security_groups
            .iter()
            .filter(|group| Some(*group) != own_group.as_ref())
            .filter_map(|group| group.known().map(str::to_owned))
            .collect(),
        own_security_group: own_group
            .as_ref()
            .is_some_and(|group| found.security_groups.contains(group)),
        access: access::access(existing),
        oidc_provider: existing.has_oidc_provider,
        secrets_encryption: found
            .encryption_key
            .clone()
            .map(|key_arn| Encryption { key_arn }),
        node_role: node_role(&ours, "node", &addons, shared),
        addons,
        node_groups,
        vpc: network,
    };
    Export {
        cluster: Cluster {
            metadata: Metadata {
                name: found.name.clone(),
                generate_name: None,
                region: Some(existing.region.clone()),
                tags: common,
            },
            spec,
        },
        left_out,
    }
}

/// The tags that everything of the cluster has; of a cluster of others none, since its things would get them.
fn common_tags(existing: &Existing) -> Tags {
    let tags = &existing.cluster.tags;
    if !existing.owns(tags) {
        return Tags::new();
    }
    without_owner(tags)
}

/// Tags without the owner tags.
fn without_owner(tags: &Tags) -> Tags {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("nodectl.dev/"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn endpoint(existing: &Existing) -> Endpoint {
    let found = &existing.cluster.endpoint;
    let mut endpoint = Endpoint {
        public: found.public,
        private: found.private,
        ..Endpoint::default()
    };
    if found.public {
        endpoint.public_cidrs.clone_from(&found.public_cidrs);
    }
    endpoint
}

/// How long logs are kept, if the log group is ours: one of EKS is left as it is.
fn retention_days(existing: &Existing) -> Option<u32> {
    existing
        .ours
        .iter()
        .find_map(|observed| match &observed.body {
            Body::LogGroup(group) => group.retention_days,
            _ => None,
        })
}

fn cluster_role(existing: &Existing, ours: &Ours<'_>) -> RoleChoice {
    let arn = existing.cluster.role.known().unwrap_or_default();
    match ours.role_with_arn(arn) {
        Some(("cluster", role)) => RoleChoice {
            arn: None,
            policies: ours::beyond(&role.policies, &["AmazonEKSClusterPolicy"]),
        },
        _ => RoleChoice {
            arn: Some(arn.to_owned()),
            ..RoleChoice::default()
        },
    }
}

/// What a node role of ours has beyond what it is made with.
fn node_role<'a>(
    ours: &Ours<'_>,
    name: &str,
    addons: &[Addon],
    groups: impl IntoIterator<Item = &'a NodeGroup>,
) -> NodeRole {
    let Some(role) = ours.role(name) else {
        return NodeRole::default();
    };
    NodeRole {
        policies: ours::beyond(&role.policies, &node_policies(addons, groups)),
        ..NodeRole::default()
    }
}

/// The security group that EKS made for the cluster.
fn cluster_security_group(existing: &Existing) -> Option<Text> {
    existing
        .outputs
        .get(&Attribute::SecurityGroup)
        .map(|id| id.as_str().into())
}

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tests;
