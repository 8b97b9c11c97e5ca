//! How many IPv4 addresses of each subnet a plan takes or frees.
//!
//! Counted as the VPC CNI does it in its default mode (<https://github.com/aws/amazon-vpc-cni-k8s/blob/master/docs/eni-and-ip-target.md>):
//! a node with pods holds all addresses of its first network interface and of one that is kept warm, and at most those of all
//! its interfaces. A control plane has up to four interfaces, a NAT gateway has one address. Nodes are spread evenly.

use std::collections::{BTreeMap, BTreeSet};

use node::max_pods::{Limits, Table};
use serde::{Deserialize, Serialize};

use super::change::{Action, Plan};
use super::side::{Group, Side};
use crate::observe::choices::ExistingVpc;
use crate::resource::{Body, Kind, Text};
use crate::spec::cidr::Cidr;

/// Interfaces that EKS makes for a control plane, at most:
/// <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>.
const CONTROL_PLANE_INTERFACES: u32 = 4;
/// Interfaces of a node with pods: the one that has addresses in use, and the one that is kept warm.
const INTERFACES_AT_ONCE: u32 = 2;
/// Addresses of a subnet that AWS keeps: <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>.
const RESERVED: u32 = 5;

/// What a plan changes in the addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// The subnets in which anything changes, by id or, while they have none, by address.
    pub subnets: BTreeMap<String, SubnetAddresses>,
    /// Instance types whose interfaces are not known, and so are not counted.
    pub unknown: BTreeSet<String>,
}

/// What a plan changes in the addresses of one subnet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubnetAddresses {
    /// How many more are taken as soon as the nodes have pods.
    pub at_once: i64,
    /// How many more are taken at most, when every group is as large and as full as it can be.
    pub at_most: i64,
    /// How many are free, as far as that is known.
    pub free: Option<u32>,
}

impl SubnetAddresses {
    /// Whether the subnet may run out of addresses.
    pub fn is_short(&self) -> bool {
        self.free.is_some_and(|free| self.at_most > i64::from(free))
    }
}

/// What the plan changes in the addresses of each subnet. `vpc` is the one that was there before the cluster, whose subnets
/// say how many addresses are free.
pub fn addresses(plan: &Plan, vpc: Option<&ExistingVpc>) -> Addresses {
    let mut count = Count::default();
    count.add(-1, &Side::before(&plan.changes));
    count.add(1, &Side::after(&plan.changes));
    let mut addresses = count.addresses;
    addresses
        .subnets
        .retain(|_, subnet| (subnet.at_once, subnet.at_most) != (0, 0));
    for (name, subnet) in &mut addresses.subnets {
        subnet.free = free(plan, vpc, name);
    }
    addresses
}

#[derive(Default)]
struct Count {
    addresses: Addresses,
}

impl Count {
    /// Adds, or takes away, what one side of the plan takes.
    fn add(&mut self, sign: i64, side: &Side<'_>) {
        for body in &side.bodies {
            match body {
                Body::Cluster(cluster) => {
                    let each = sign * spread(CONTROL_PLANE_INTERFACES, cluster.subnets.len());
                    for subnet in &cluster.subnets {
                        self.take(subnet, each, each);
                    }
                }
                Body::NatGateway(gateway) => self.take(&gateway.subnet, sign, sign),
                _ => {}
            }
        }
        for group in &side.groups {
            self.add_nodes(sign, group);
        }
    }

    fn add_nodes(&mut self, sign: i64, group: &Group<'_>) {
        let Some(instance_type) = group.instance_type else {
            return;
        };
        let Some(known) = Table::embedded().find(instance_type) else {
            self.addresses.unknown.insert(instance_type.to_owned());
            return;
        };
        let Limits { enis, ipv4_per_eni } = known.limits;
        let in_subnet = |nodes: u32, interfaces: u32| {
            let of_node = i64::from(interfaces) * i64::from(ipv4_per_eni);
            sign * spread(nodes, group.subnets.len()) * of_node
        };
        let at_once = in_subnet(group.nodes, enis.min(INTERFACES_AT_ONCE));
        let at_most = in_subnet(group.maximum, enis);
        for subnet in group.subnets {
            self.take(subnet, at_once, at_most);
        }
    }

    fn take(&mut self, subnet: &Text, at_once: i64, at_most: i64) {
        let name = match subnet {
            Text::Known(id) => id.clone(),
            Text::Of { address, .. } => address.to_string(),
            Text::Join { .. } => return,
        };
        let subnet = self.addresses.subnets.entry(name).or_default();
        subnet.at_once += at_once;
        subnet.at_most += at_most;
    }
}

/// The largest share when things are spread evenly.
fn spread(things: u32, places: usize) -> i64 {
    let places = u32::try_from(places).unwrap_or(u32::MAX).max(1);
    i64::from(things.div_ceil(places))
}

/// Addresses that are free: as EC2 says of a subnet that was there, and all of one that is made.
fn free(plan: &Plan, vpc: Option<&ExistingVpc>, name: &str) -> Option<u32> {
    if let Some(subnet) = vpc.and_then(|vpc| vpc.subnets.get(name)) {
        return Some(subnet.free_addresses);
    }
    let made = plan.changes.iter().find(|change| {
        change.address.kind == Kind::Subnet
            && change.action == Action::Create
            && change.address.to_string() == name
    })?;
    let Some(Body::Subnet(subnet)) = &made.wanted else {
        return None;
    };
    let network = Cidr::parse(&subnet.cidr).ok()?;
    let addresses = u32::try_from(network.addresses()).ok()?;
    Some(addresses.saturating_sub(RESERVED))
}

#[cfg(test)]
mod tests;
