//! How many pods a node can hold, and what the kubelet keeps back for running them.
//!
//! The limits of each instance type are embedded ([`Table`], written by `max_pods/generate.py`), so that a boot needs no EC2
//! call. [`decide`] makes the number of them, for the agent's plan and for both `max-pods` commands.

mod calculator;
mod decision;
pub mod expression;
mod reserved;
pub mod table;

pub use calculator::{Calculator, Capacity, CniVersion, MaxPodsList};
pub use decision::{Decision, Machine, Request, decide};
pub use reserved::Reserved;
pub use table::Table;

/// What the kubelet takes when nothing is known: `maxPods` of `KubeletConfiguration`.
pub const KUBELET_DEFAULT: u32 = 110;

/// Network limits of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Elastic network interfaces of the default network card.
    pub enis: u32,
    /// IPv4 addresses that one interface can hold.
    pub ipv4_per_eni: u32,
}

/// What runs the machines of an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hypervisor {
    /// The Nitro system: <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-nitro-instances.html>.
    Nitro,
    /// Xen, under older instance types.
    Xen,
    /// Nothing: the machine is the instance. Its network cards are those of the Nitro system.
    BareMetal,
}

/// What a table knows about an instance type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceType {
    /// Network limits.
    pub limits: Limits,
    /// Virtual CPUs.
    pub vcpus: Option<u32>,
    /// What runs its machines.
    pub hypervisor: Option<Hypervisor>,
    /// Memory in MiB.
    pub memory_mebibytes: Option<u64>,
}

/// Max pods of the VPC CNI in secondary-IP mode: each interface's first address is its own, and the two pods with host
/// networking that every node runs (`aws-node`, `kube-proxy`) need none.
///
/// Formula: <https://docs.aws.amazon.com/eks/latest/userguide/choosing-instance-type.html>, `enis * (addresses - 1) + 2`.
///
/// ```
/// let m5 = node::max_pods::Table::embedded().find("m5.large").unwrap();
/// assert_eq!(node::max_pods::max_pods(m5.limits), 29);
/// ```
pub fn max_pods(limits: Limits) -> u32 {
    with_slots(limits.enis, limits.ipv4_per_eni.saturating_sub(1))
}

/// Max pods when each secondary address of an interface is a /28 prefix, which holds sixteen.
///
/// Formula: <https://docs.aws.amazon.com/eks/latest/userguide/cni-increase-ip-addresses-procedure.html>,
/// `enis * (addresses - 1) * 16 + 2`.
pub fn max_pods_with_prefixes(limits: Limits) -> u32 {
    const ADDRESSES_OF_A_PREFIX: u32 = 16;
    let prefixes = limits.ipv4_per_eni.saturating_sub(1);
    with_slots(limits.enis, prefixes.saturating_mul(ADDRESSES_OF_A_PREFIX))
}

fn with_slots(enis: u32, slots: u32) -> u32 {
    const HOST_NETWORK_PODS: u32 = 2;
    enis.saturating_mul(slots).saturating_add(HOST_NETWORK_PODS)
}

/// What Kubernetes recommends as the most pods of a node: 110, and 250 on machines with more than 30 vCPUs.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/best-practices/scale-data-plane.html>; these are the numbers of the
/// `max-pods-calculator.sh` that EKS AMIs had.
pub fn recommended_cap(vcpus: u32) -> u32 {
    const LARGE_MACHINE: u32 = 30;
    if vcpus > LARGE_MACHINE {
        250
    } else {
        KUBELET_DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn max_pods_of_known_types() {
        let limits = |name| Table::embedded().find(name).unwrap().limits;
        assert_eq!(max_pods(limits("t1.micro")), 4);
        assert_eq!(max_pods(limits("t3.small")), 11);
        assert_eq!(max_pods(limits("m5.large")), 29);
        assert_eq!(max_pods(limits("m5.24xlarge")), 737);
        assert_eq!(max_pods_with_prefixes(limits("m5.large")), 434);
    }
}
