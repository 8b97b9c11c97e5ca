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
    let (network, identity, eks, groups) = tokio::try_join!(
        network::found(clients, cluster, wanted),
        identity::found(clients, cluster, wanted),
        eks(clients, cluster),
        auto_scaling_group::found(clients, cluster, wanted),
    )?;
    let found = [network, identity, eks, groups].concat();
    let mut observed = assemble(found, cluster, wanted);
    let roles = aws_auth::observed(clients, cluster, &observed, wanted).await?;
    observed.extend(roles);
    observed.sort_by(|one, other| one.address.cmp(&other.address));
    Ok(observed)
}

/// What EKS knows of the cluster, and its log group, which can be older and younger than the cluster.
async fn eks(clients: &Clients, cluster: &str) -> Result<Vec<Found>, super::aws::Error> {
    let (control_plane, log_group) = tokio::try_join!(
        cluster::found(clients, cluster),
        cluster::log_group(clients, cluster),
    )?;
    let Some(control_plane) = control_plane else {
        return Ok(log_group.into_iter().collect());
    };
    let (addons, access, groups) = tokio::try_join!(
        cluster::addons(clients, cluster),
        access::found(clients, cluster),
        node_group::managed(clients, cluster),
    )?;
    let mut found = [addons, access, groups].concat();
    found.push(control_plane);
    found.extend(log_group);
    Ok(found)
}
