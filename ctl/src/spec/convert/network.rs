//! `vpc` and `availabilityZones`.

use super::reader::Reader;
use crate::spec::{Endpoint, Nat, SubnetChoice, Subnets, Vpc};

/// What eksctl takes when nothing is said.
const CIDR: &str = "192.168.0.0/16";

pub(super) fn endpoint(reader: &mut Reader<'_>) -> Endpoint {
    let path = ["vpc", "clusterEndpoints"];
    let public = reader.flag(&[path[0], path[1], "publicAccess"]);
    let private = reader.flag(&[path[0], path[1], "privateAccess"]);
    if private.is_none() {
        reader.note("`spec.endpoint.private` is off as eksctl has it; turned on, nodes need no way out to join");
    }
    let cidrs = reader.texts(&["vpc", "publicAccessCIDRs"]);
    Endpoint {
        public: public.unwrap_or(true),
        private: private.unwrap_or(false),
        public_cidrs: if cidrs.is_empty() {
            Endpoint::default().public_cidrs
        } else {
            cidrs.into_iter().collect()
        },
    }
}

pub(super) fn vpc(reader: &mut Reader<'_>) -> Vpc {
    let public = subnets(reader, "public");
    let private = subnets(reader, "private");
    let has_ids = [&public, &private]
        .iter()
        .any(|found| found.iter().any(|subnet| subnet.id.is_some()));
    let id = reader.text(&["vpc", "id"]);
    let cidr = reader.text(&["vpc", "cidr"]);
    let nat = reader.text(&["vpc", "nat", "gateway"]);
    let zones = reader.texts(&["availabilityZones"]);
    if has_ids || id.is_some() {
        if id.is_none() {
            reader.note(
                "`spec.vpc.id` is missing: eksctl finds the VPC by its subnets, here you write it",
            );
        }
        return Vpc {
            // An empty id keeps the document from asking for a VPC that is made.
            id: Some(id.unwrap_or_default()),
            subnets: Subnets {
                public: by_id(public),
                private: by_id(private),
            },
            ..Vpc::default()
        };
    }
    let of_subnets: Vec<String> = private
        .iter()
        .filter_map(|subnet| subnet.zone.clone())
        .collect();
    Vpc {
        cidr: Some(cidr.unwrap_or_else(|| CIDR.to_owned())),
        zones: if zones.is_empty() { of_subnets } else { zones },
        subnets: Subnets {
            public: by_network(public),
            private: by_network(private),
        },
        nat: match nat.as_deref() {
            Some("Disable") => Nat::None,
            Some("HighlyAvailable") => Nat::PerZone,
            _ => Nat::Single,
        },
        ..Vpc::default()
    }
}

struct Subnet {
    id: Option<String>,
    cidr: Option<String>,
    zone: Option<String>,
}

/// The subnets of one sort, by zone or by a name of one's own.
fn subnets(reader: &mut Reader<'_>, sort: &'static str) -> Vec<Subnet> {
    let path = ["vpc", "subnets", sort];
    let keys = reader.keys(&path).into_iter();
    let found = keys.map(|key| {
        let at = |name: &'static str| [path[0], path[1], path[2], &key, name];
        let zone = reader.text(&at("az"));
        Subnet {
            id: reader.text(&at("id")),
            cidr: reader.text(&at("cidr")),
            zone: zone.or_else(|| Some(key.clone())),
        }
    });
    found.collect()
}

fn by_id(subnets: Vec<Subnet>) -> SubnetChoice {
    SubnetChoice {
        ids: subnets.into_iter().filter_map(|subnet| subnet.id).collect(),
        ..SubnetChoice::default()
    }
}

fn by_network(subnets: Vec<Subnet>) -> SubnetChoice {
    SubnetChoice {
        cidrs: subnets
            .into_iter()
            .filter_map(|subnet| subnet.cidr)
            .collect(),
        ..SubnetChoice::default()
    }
}
