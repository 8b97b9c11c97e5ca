//! The network: one that is made, or tags on the subnets of one that is there.

use std::collections::{BTreeMap, BTreeSet};

use super::Things;
use super::scope::Scope;
use super::subnet_division::divide;
use crate::observe::choices::{ExistingSubnet, ExistingVpc};
use crate::resource::{
    Address, Attribute, Body, ElasticIp, InternetGateway, Kind, NatGateway, RouteTable, Subnet,
    SubnetTags, Tags, Text, Vpc,
};
use crate::spec::{Nat, SubnetChoice, Subnets};

/// Every address of IPv4.
const ANYWHERE: &str = "0.0.0.0/0";

/// What the rest of the cluster needs to know of its network.
#[derive(Debug, Clone, Default)]
pub(super) struct Network {
    /// Id of the VPC.
    pub(super) vpc: Text,
    /// Ids of subnets with a route to an internet gateway.
    pub(super) public: BTreeSet<Text>,
    /// Ids of subnets without one.
    pub(super) private: BTreeSet<Text>,
    /// What nodes need to reach the internet.
    pub(super) ways_out: BTreeSet<Address>,
}

impl Network {
    /// Ids of all subnets.
    pub(super) fn subnets(&self) -> BTreeSet<Text> {
        self.public.union(&self.private).cloned().collect()
    }
}

pub(super) fn add(scope: &Scope<'_>, things: &mut Things) -> Network {
    match &scope.choices().vpc {
        Some(vpc) if scope.spec().vpc.is_existing() => existing(scope, vpc, things),
        _ => made(scope, things),
    }
}

/// Tags that Kubernetes and load balancer controllers look for on a subnet.
fn kubernetes_tags(scope: &Scope<'_>, is_public: bool) -> Tags {
    let role = if is_public {
        "kubernetes.io/role/elb"
    } else {
        "kubernetes.io/role/internal-elb"
    };
    Tags::from([
        (role.to_owned(), "1".to_owned()),
        (
            format!("kubernetes.io/cluster/{}", scope.name()),
            "shared".to_owned(),
        ),
    ])
}

fn existing(scope: &Scope<'_>, vpc: &ExistingVpc, things: &mut Things) -> Network {
    let choice = &scope.spec().vpc;
    let mut network = Network {
        vpc: vpc.id.as_str().into(),
        ..Network::default()
    };
    for (id, subnet) in &vpc.subnets {
        let is_public = is_public(&choice.subnets, id, subnet);
        let side = if is_public {
            &mut network.public
        } else {
            &mut network.private
        };
        if !subnet.of_groups_only {
            side.insert(id.as_str().into());
        }
        if choice.tag_subnets {
            things.add(
                Address::new(Kind::SubnetTags, id),
                Body::SubnetTags(SubnetTags {
                    subnet: id.clone(),
                    tags: kubernetes_tags(scope, is_public),
                }),
            );
        }
    }
    network
}

/// Whether a subnet that is there counts as public: as the document says, by id or by tags, and else as its routes say.
fn is_public(subnets: &Subnets, id: &str, subnet: &ExistingSubnet) -> bool {
    let by_tags = |choice: &SubnetChoice| {
        !choice.tags.is_empty()
            && choice
                .tags
                .iter()
                .all(|(key, value)| subnet.tags.get(key) == Some(value))
    };
    if subnets.public.ids.contains(id) {
        true
    } else if subnets.private.ids.contains(id) {
        false
    } else {
        match (by_tags(&subnets.public), by_tags(&subnets.private)) {
            (true, false) => true,
            (false, true) => false,
            _ => subnet.is_public,
        }
    }
}

/// A VPC that is made, as far as it is there.
struct Made<'a, 'b> {
    scope: &'a Scope<'b>,
    vpc: Address,
    zones: Vec<String>,
}

fn made(scope: &Scope<'_>, things: &mut Things) -> Network {
    let choice = &scope.spec().vpc;
    let made = Made {
        scope,
        vpc: Address::new(Kind::Vpc, "main"),
        zones: zones(scope),
    };
    let cidr = choice
        .cidr
        .as_deref()
        .unwrap_or(crate::spec::Vpc::CIDR)
        .to_owned();
    let division = divide(&cidr, made.zones.len());
    things.add(
        made.vpc.clone(),
        Body::Vpc(Vpc {
            cidr,
            dns_support: choice.dns_support,
            dns_hostnames: choice.dns_hostnames,
            tags: scope.named_tags(&made.vpc, ""),
        }),
    );
    let public = made.subnets(true, &choice.subnets.public, &division.public, things);
    let private = made.subnets(false, &choice.subnets.private, &division.private, things);
    let mut ways_out = BTreeSet::new();
    let mut gateways = BTreeMap::new();
    if !public.is_empty() {
        let internet = made.internet_gateway(&public, things);
        if !private.is_empty() {
            gateways = made.nat_gateways(choice.nat, &public, &internet.0, things);
        }
        ways_out.insert(internet.1);
    }
    for (zone, subnet) in &private {
        ways_out.insert(made.private_routes(zone, subnet, &gateways, things));
    }
    Network {
        vpc: made.vpc_id(),
        public: public.values().cloned().collect(),
        private: private.values().cloned().collect(),
        ways_out,
    }
}

fn zones(scope: &Scope<'_>) -> Vec<String> {
    let choice = &scope.spec().vpc;
    if !choice.zones.is_empty() {
        return choice.zones.clone();
    }
    let count = usize::try_from(choice.zone_count).unwrap_or(usize::MAX);
    scope.choices().zones.iter().take(count).cloned().collect()
}

impl Made<'_, '_> {
    fn vpc_id(&self) -> Text {
        Text::of(&self.vpc, Attribute::Id)
    }

    /// One subnet a zone; their ids by zone.
    fn subnets(
        &self,
        is_public: bool,
        choice: &SubnetChoice,
        division: &[String],
        things: &mut Things,
    ) -> BTreeMap<String, Text> {
        let mut ids = BTreeMap::new();
        if choice.none {
            return ids;
        }
        let cidrs = if choice.cidrs.is_empty() {
            division
        } else {
            &choice.cidrs
        };
        let side = if is_public { "public" } else { "private" };
        for (zone, cidr) in self.zones.iter().zip(cidrs) {
            let name = format!("{side}-{zone}");
            let address = Address::new(Kind::Subnet, &name);
            let mut tags = kubernetes_tags(self.scope, is_public);
            tags.extend(self.scope.named_tags(&address, &name));
            ids.insert(zone.clone(), Text::of(&address, Attribute::Id));
            things.add(
                address,
                Body::Subnet(Subnet {
                    vpc: self.vpc_id(),
                    cidr: cidr.clone(),
                    zone: zone.clone(),
                    public_addresses: is_public,
                    tags,
                }),
            );
        }
        ids
    }

    /// The internet gateway and the routes of public subnets to it.
    fn internet_gateway(
        &self,
        public: &BTreeMap<String, Text>,
        things: &mut Things,
    ) -> (Address, Address) {
        let gateway = Address::new(Kind::InternetGateway, "main");
        things.add(
            gateway.clone(),
            Body::InternetGateway(InternetGateway {
                vpc: self.vpc_id(),
                tags: self.scope.named_tags(&gateway, ""),
            }),
        );
        let table = Address::new(Kind::RouteTable, "public");
        things.add(
            table.clone(),
            Body::RouteTable(RouteTable {
                vpc: self.vpc_id(),
                subnets: public.values().cloned().collect(),
                routes: BTreeMap::from([(ANYWHERE.to_owned(), Text::of(&gateway, Attribute::Id))]),
                tags: self.scope.named_tags(&table, "public"),
            }),
        );
        (gateway, table)
    }

    /// NAT gateways by zone. EC2 wants the internet gateway to be attached before them.
    fn nat_gateways(
        &self,
        nat: Nat,
        public: &BTreeMap<String, Text>,
        internet: &Address,
        things: &mut Things,
    ) -> BTreeMap<String, Address> {
        let count = match nat {
            Nat::None => 0,
            Nat::Single => 1,
            Nat::PerZone => public.len(),
        };
        let mut gateways = BTreeMap::new();
        let zones = self
            .zones
            .iter()
            .filter_map(|zone| public.get_key_value(zone));
        for (zone, subnet) in zones.take(count) {
            let ip = Address::new(Kind::ElasticIp, zone);
            things.add_after(
                ip.clone(),
                Body::ElasticIp(ElasticIp {
                    tags: self.scope.named_tags(&ip, &format!("nat-{zone}")),
                }),
                BTreeSet::from([internet.clone()]),
            );
            let gateway = Address::new(Kind::NatGateway, zone);
            things.add_after(
                gateway.clone(),
                Body::NatGateway(NatGateway {
                    subnet: subnet.clone(),
                    allocation: Text::of(&ip, Attribute::Id),
                    tags: self.scope.named_tags(&gateway, zone),
                }),
                BTreeSet::from([internet.clone()]),
            );
            gateways.insert(zone.clone(), gateway);
        }
        gateways
    }

    /// Routes of the private subnet of a zone: through the NAT gateway of the zone, or through the only one.
    fn private_routes(
        &self,
        zone: &str,
        subnet: &Text,
        gateways: &BTreeMap<String, Address>,
        things: &mut Things,
    ) -> Address {
        let name = format!("private-{zone}");
        let table = Address::new(Kind::RouteTable, &name);
        let gateway = gateways.get(zone).or_else(|| gateways.values().next());
        things.add(
            table.clone(),
            Body::RouteTable(RouteTable {
                vpc: self.vpc_id(),
                subnets: BTreeSet::from([subnet.clone()]),
                routes: gateway
                    .map(|gateway| (ANYWHERE.to_owned(), Text::of(gateway, Attribute::Id)))
                    .into_iter()
                    .collect(),
                tags: self.scope.named_tags(&table, &name),
            }),
        );
        table
    }
}
