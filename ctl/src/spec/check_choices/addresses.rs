//! Whether the subnets have addresses for the nodes and their pods.
//!
//! Nothing here is an error: a cluster that is there has taken many of the addresses that it needs.

use std::collections::{BTreeMap, BTreeSet};

use super::subnets::Sorts;
use crate::observe::choices::{Choices, ExistingVpc};
use crate::spec::check::{Path, Report, capacity};
use crate::spec::{Cluster, NodeGroup};

/// Free addresses that EKS needs in a subnet of the control plane, for its interfaces and for those of an upgrade:
/// <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>.
const OF_CONTROL_PLANE: u32 = 5;

pub(super) fn check(cluster: &Cluster, choices: &Choices, report: &mut Report<'_>) {
    let Some(existing) = &choices.vpc else {
        return;
    };
    let sorts = Sorts::of(&cluster.spec.vpc, existing);
    for id in sorts.all() {
        let free = existing.subnets.get(id).map(|subnet| subnet.free_addresses);
        if let Some(free) = free.filter(|free| *free < OF_CONTROL_PLANE) {
            report.warning(
                &Path::of(&["spec", "vpc", "subnets"]),
                format!("have `{id}` with {free} free addresses, and the control plane needs {OF_CONTROL_PLANE} for an upgrade"),
                "",
            );
        }
    }
    // Groups in the same subnets share their addresses.
    let mut shared: BTreeMap<BTreeSet<&str>, Vec<(usize, &NodeGroup)>> = BTreeMap::new();
    for (index, group) in cluster.spec.node_groups.iter().enumerate() {
        shared
            .entry(sorts.of_group(group))
            .or_default()
            .push((index, group));
    }
    for (ids, groups) in shared {
        room(&ids, &groups, existing, report);
    }
}

fn room(
    ids: &BTreeSet<&str>,
    groups: &[(usize, &NodeGroup)],
    existing: &ExistingVpc,
    report: &mut Report<'_>,
) {
    let free: u64 = ids
        .iter()
        .filter_map(|id| existing.subnets.get(*id))
        .map(|subnet| u64::from(subnet.free_addresses.saturating_sub(OF_CONTROL_PLANE)))
        .sum();
    let mut needed = 0_u64;
    let mut words = Vec::new();
    for (_, group) in groups {
        let Some(pods) = pods(group) else {
            continue;
        };
        let nodes = group.scaling.first();
        needed += u64::from(nodes) * u64::from(pods);
        words.push(format!("`{}` {nodes} nodes of {pods} pods", group.name));
    }
    if let (true, Some((index, _))) = (needed > free, groups.first()) {
        let subnets: Vec<&str> = ids.iter().copied().collect();
        report.warning(
            &Path::of(&["spec", "nodeGroups"]).item(*index).key("subnets"),
            format!(
                "have {free} free addresses ({}), {OF_CONTROL_PLANE} of each left to the control plane, and full nodes take {needed}: {}",
                subnets.join(", "),
                words.join(", ")
            ),
            "take larger subnets, or fewer pods a node by `maxPods`",
        );
    }
}

/// The pods of a full node, each of which takes an address; two have the node's own.
fn pods(group: &NodeGroup) -> Option<u32> {
    let first = group.instance_types.first()?;
    let most = capacity(group, first)?.max_pods;
    Some(group.max_pods.map_or(most, |asked| asked.min(most)))
}
