//! What exists of a cluster in AWS, as bodies that can be compared with those that are wanted.
//!
//! Ours is what carries the owner tags of the cluster; its address stands in them. What is wanted may also exist under its
//! own name without them, made by a person or another tool: then it has the address of what is wanted. All else is not
//! looked at. Asked by `plan`, `apply` and `delete`.

pub(super) mod access;
pub(super) mod auto_scaling_group;
mod aws_auth;
pub(super) mod cluster;
mod error;
pub(super) mod found;
pub(super) mod identity;
pub(super) mod launch_template;
mod network;
pub(super) mod node_group;

use super::clients::Clients;
use super::eks::described::{self, Described};
use crate::resource::{Observed, Wanted};
pub use error::Error;
use found::{Found, assemble};
pub(super) use network::dns_attribute;

pub(crate) use auto_scaling_group::{current, desired, is_on_its_way};
pub(crate) use cluster::{addon_issues, cluster_issues, cluster_outputs, sentence};
pub(crate) use node_group::issues as node_group_issues;

/// Asks for everything that exists of a cluster: what is ours, and what of `wanted` exists under its own name.
pub async fn resources(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Observed>, Error> {
    let (described, beside) = tokio::try_join!(
        described::all(clients, cluster),
        beside_eks(clients, cluster, wanted),
    )?;
    observed(clients, cluster, wanted, described.as_ref(), beside).await
}

/// Asks for what other services than EKS know of a cluster. Its log group can be older and younger than itself.
pub(super) async fn beside_eks(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, super::aws::Error> {
    let (network, identity, log_group, groups) = tokio::try_join!(
        network::found(clients, cluster, wanted),
        identity::found(clients, cluster, wanted),
        cluster::log_group(clients, cluster),
        auto_scaling_group::found(clients, cluster, wanted),
    )?;
    Ok(network
        .into_iter()
        .chain(identity)
        .chain(log_group)
        .chain(groups)
        .collect())
}

/// What of all that was found is ours or wanted, and the roles of `aws-auth` that are, for which the API server is asked.
pub(super) async fn observed(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
    described: Option<&Described>,
    beside: Vec<Found>,
) -> Result<Vec<Observed>, Error> {
    let mut found = beside;
    found.extend(described.into_iter().flat_map(of_eks));
    let mut observed = assemble(found, cluster, wanted);
    let roles = aws_auth::observed(clients, cluster, &observed, wanted).await?;
    observed.extend(roles);
    observed.sort_by(|one, other| one.address.cmp(&other.address));
    Ok(observed)
}

fn of_eks(described: &Described) -> Vec<Found> {
    let entries = described.entries.iter();
    let entries = entries.map(|(entry, policies)| access::read_entry(entry, policies));
    std::iter::once(cluster::read_cluster(&described.cluster))
        .chain(described.addons.iter().map(cluster::read_addon))
        .chain(entries)
        .chain(described.associations.iter().map(access::read_association))
        .chain(described.node_groups.iter().map(node_group::read_managed))
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{Addon, Cluster, Nodegroup, PodIdentityAssociation};

    use super::*;
    use crate::resource::{ADDRESS_TAG, CLUSTER_TAG, Kind};

    #[test]
    fn what_eks_describes_is_found_with_all_that_belongs_to_it() {
        let tags = |address: &str| {
            let tags = [(CLUSTER_TAG, "prod"), (ADDRESS_TAG, address)];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Some(tags.into_iter().collect())
        };
        let described = Described {
            cluster: Cluster::builder()
                .name("prod")
                .set_tags(tags("cluster/prod"))
                .build(),
            addons: vec![
                Addon::builder()
                    .addon_name("coredns")
                    .set_tags(tags("addon/coredns"))
                    .build(),
            ],
            entries: Vec::new(),
            associations: vec![PodIdentityAssociation::builder().build()],
            node_groups: vec![
                Nodegroup::builder()
                    .nodegroup_name("workers")
                    .set_tags(tags("nodegroup/workers"))
                    .build(),
            ],
        };
        let found = of_eks(&described);
        assert_eq!(found.len(), 4);
        let kinds: Vec<Kind> = assemble(found, "prod", &[])
            .iter()
            .map(|observed| observed.address.kind)
            .collect();
        assert_eq!(kinds, [Kind::Cluster, Kind::Addon, Kind::NodeGroup]);
    }
}
