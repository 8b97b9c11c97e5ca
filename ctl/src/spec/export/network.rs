//! The VPC: one that was made with the cluster, or one that was there.

use std::collections::{BTreeMap, BTreeSet};

use super::ours::Ours;
use crate::observe::choices::ExistingSubnet;
use crate::observe::existing::Existing;
use crate::resource::{self, Body, Kind};
use crate::spec::{Nat, SubnetChoice, Subnets, Vpc};

pub(super) fn network(existing: &Existing, ours: &Ours<'_>) -> Vpc {
    let made = ours
        .all(Kind::Vpc)
        .find_map(|observed| match &observed.body {
            Body::Vpc(vpc) => Some(vpc),
            _ => None,
        });
    match made {
        Some(vpc) => made_with(vpc, ours),
        None => found(existing),
    }
}

fn made_with(vpc: &resource::Vpc, ours: &Ours<'_>) -> Vpc {
    let subnets = |side: &str| -> BTreeMap<String, String> {
        ours.all(Kind::Subnet)
            .filter(|observed| observed.address.name.starts_with(side))
            .filter_map(|observed| match &observed.body {
                Body::Subnet(subnet) => Some((subnet.zone.clone(), subnet.cidr.clone())),
                _ => None,
            })
            .collect()
    };
    let (public, private) = (subnets("public-"), subnets("private-"));
    let zones: BTreeSet<String> = public.keys().chain(private.keys()).cloned().collect();
    let choice = |networks: BTreeMap<String, String>| SubnetChoice {
        none: networks.is_empty(),
        cidrs: networks.into_values().collect(),
        ..SubnetChoice::default()
    };
    let gateways = ours.all(Kind::NatGateway).count();
    Vpc {
        cidr: Some(vpc.cidr.clone()),
        nat: match gateways {
            0 => Nat::None,
            1 => Nat::Single,
            _ => Nat::PerZone,
        },
        zones: zones.into_iter().collect(),
        subnets: Subnets {
            public: choice(public),
            private: choice(private),
        },
        dns_support: vpc.dns_support,
        dns_hostnames: vpc.dns_hostnames,
        ..Vpc::default()
    }
}

fn found(existing: &Existing) -> Vpc {
    let of_cluster = |id: &String| {
        let mut ids = existing.cluster.subnets.iter();
        ids.any(|known| known.known() == Some(id))
    };
    let choice = |is_public: bool| SubnetChoice {
        ids: existing
            .subnets
            .iter()
            .filter(|(id, subnet)| of_cluster(id) && subnet.is_public == is_public)
            .map(|(id, _)| id.clone())
            .collect(),
        ..SubnetChoice::default()
    };
    let mut subnets = existing.subnets.values();
    Vpc {
        id: Some(existing.vpc.clone()),
        subnets: Subnets {
            public: choice(true),
            private: choice(false),
        },
        tag_subnets: subnets.all(|subnet| has_tags(subnet, &existing.cluster.name)),
        ..Vpc::default()
    }
}

/// Whether a subnet has the tags that load balancers need, as a plan would set them.
fn has_tags(subnet: &ExistingSubnet, cluster: &str) -> bool {
    let role = if subnet.is_public {
        "kubernetes.io/role/elb"
    } else {
        "kubernetes.io/role/internal-elb"
    };
    let has = |key: &str, value: &str| subnet.tags.get(key).map(String::as_str) == Some(value);
    has(role, "1") && has(&format!("kubernetes.io/cluster/{cluster}"), "shared")
}
