//! The VPC that a document names, and its subnets.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, NatGateway, RouteTable, Subnet, Vpc, VpcAttributeName};

use super::{Error, ExistingSubnet, ExistingVpc};
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::ec2::filter;
use crate::observe::resources::dns_attribute;
use crate::observe::tags;
use crate::spec::{GroupSubnets, Spec, SubnetChoice};

/// Asks for the VPC that the document names, if it names one.
pub(super) async fn vpc(clients: &Clients, spec: &Spec) -> Result<Option<ExistingVpc>, Error> {
    if !spec.vpc.is_existing() {
        return Ok(None);
    }
    let vpc = one(clients, spec).await?;
    let id = vpc.vpc_id().unwrap_or_default();
    let (dns_support, dns_hostnames, subnets, gateways) = tokio::try_join!(
        dns_attribute(clients, id, VpcAttributeName::EnableDnsSupport),
        dns_attribute(clients, id, VpcAttributeName::EnableDnsHostnames),
        subnets(clients, spec, id),
        nat_gateways(clients, id),
    )?;
    let networks = vpc.cidr_block_association_set().iter();
    let mut cidrs: Vec<String> = networks
        .filter_map(|network| network.cidr_block().map(str::to_owned))
        .collect();
    if cidrs.is_empty() {
        cidrs.extend(vpc.cidr_block().map(str::to_owned));
    }
    Ok(Some(ExistingVpc {
        id: id.to_owned(),
        cidrs,
        dns_support,
        dns_hostnames,
        subnets,
        nat_addresses: gateways.iter().flat_map(public_addresses).collect(),
    }))
}

async fn one(clients: &Clients, spec: &Spec) -> Result<Vpc, Error> {
    let vpc = &spec.vpc;
    let object = match &vpc.id {
        Some(id) => format!("VPC `{id}`"),
        None => format!("VPC with {}", words(&vpc.tags)),
    };
    let request = clients
        .ec2
        .describe_vpcs()
        .set_vpc_ids(vpc.id.clone().map(|id| vec![id]))
        .set_filters(Some(tag_filters(&vpc.tags)));
    let pages = request.into_paginator().items().send();
    let mut found = pages
        .try_collect()
        .await
        .map_err(|error| aws::Error::of_call("ec2:DescribeVpcs", object.clone(), error))?;
    if found.len() > 1 {
        let found: Vec<String> = found.iter().map(described).collect();
        return Err(Error::Ambiguous {
            object: format!("VPCs with {}", words(&vpc.tags)),
            found: found.join(", "),
        });
    }
    found.pop().ok_or_else(|| Error::Absent {
        object,
        region: clients.aws.region().to_owned(),
    })
}

fn described(vpc: &Vpc) -> String {
    let tags = tags::of_ec2(vpc.tags());
    let name = tags.get("Name").map(|name| format!(" \"{name}\""));
    format!(
        "`{}`{} {}",
        vpc.vpc_id().unwrap_or_default(),
        name.unwrap_or_default(),
        vpc.cidr_block().unwrap_or_default()
    )
}

pub(super) fn words(tags: &BTreeMap<String, String>) -> String {
    let words: Vec<String> = tags
        .iter()
        .map(|(key, value)| format!("`{key}={value}`"))
        .collect();
    words.join(", ")
}

pub(super) fn tag_filters(tags: &BTreeMap<String, String>) -> Vec<Filter> {
    tags.iter()
        .map(|(key, value)| filter(format!("tag:{key}"), [value.as_str()]))
        .collect()
}

/// The subnets that the document chooses: by id, wherever they are, and by tags or all, in the VPC.
async fn subnets(
    clients: &Clients,
    spec: &Spec,
    vpc: &str,
) -> Result<BTreeMap<String, ExistingSubnet>, aws::Error> {
    let sorts = [&spec.vpc.subnets.public, &spec.vpc.subnets.private];
    let ids = sorts.iter().flat_map(|sort| sort.ids.iter().cloned());
    let mut found = by_id(clients, ids.collect()).await?;
    for filters in searches(sorts, vpc) {
        let request = clients.ec2.describe_subnets().set_filters(Some(filters));
        found.extend(described_subnets(request, &format!("VPC `{vpc}`")).await?);
    }
    let chosen: BTreeSet<String> = ids_of(&found).collect();
    let of_groups = spec
        .node_groups
        .iter()
        .filter_map(|group| match &group.subnets {
            Some(GroupSubnets::Ids(ids)) => Some(ids),
            _ => None,
        });
    let others: BTreeSet<String> = of_groups.flatten().cloned().collect();
    let others = others.difference(&chosen).cloned();
    found.extend(by_id(clients, others.collect()).await?);
    let mut subnets = with_routes(clients, &found).await?;
    for (id, subnet) in &mut subnets {
        subnet.of_groups_only = !chosen.contains(id);
    }
    Ok(subnets)
}

/// Those of the subnets with these ids that are there: what EKS and Auto Scaling remember may be gone.
pub(in crate::observe) async fn existing_subnets(
    clients: &Clients,
    ids: BTreeSet<String>,
) -> Result<BTreeMap<String, ExistingSubnet>, aws::Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    // A filter, unlike a list of ids, is no error where one is gone.
    let ids = filter("subnet-id", ids.iter().map(String::as_str));
    let request = clients.ec2.describe_subnets().filters(ids);
    let found = described_subnets(request, "the subnets of the cluster").await?;
    with_routes(clients, &found).await
}

/// Subnets with what their route tables make of them.
async fn with_routes(
    clients: &Clients,
    subnets: &[Subnet],
) -> Result<BTreeMap<String, ExistingSubnet>, aws::Error> {
    let vpcs: BTreeSet<&str> = subnets.iter().filter_map(Subnet::vpc_id).collect();
    let tables = route_tables(clients, vpcs).await?;
    Ok(subnets
        .iter()
        .filter_map(|subnet| Some((subnet.subnet_id()?.to_owned(), read(subnet, &tables))))
        .collect())
}

fn ids_of(subnets: &[Subnet]) -> impl Iterator<Item = String> {
    subnets
        .iter()
        .filter_map(|subnet| subnet.subnet_id().map(str::to_owned))
}

async fn by_id(clients: &Clients, ids: BTreeSet<String>) -> Result<Vec<Subnet>, aws::Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = clients.ec2.describe_subnets();
    let request = request.set_subnet_ids(Some(ids.into_iter().collect()));
    described_subnets(request, "the subnets that are named").await
}

/// The searches that the document makes necessary: one for each sort with tags, one for all where nothing is chosen.
fn searches(sorts: [&SubnetChoice; 2], vpc: &str) -> Vec<Vec<Filter>> {
    let in_vpc = || filter("vpc-id", [vpc]);
    if sorts
        .iter()
        .all(|sort| sort.ids.is_empty() && sort.tags.is_empty())
    {
        return vec![vec![in_vpc()]];
    }
    sorts
        .iter()
        .filter(|sort| !sort.tags.is_empty())
        .map(|sort| {
            let mut filters = tag_filters(&sort.tags);
            filters.push(in_vpc());
            filters
        })
        .collect()
}

async fn described_subnets(
    request: aws_sdk_ec2::operation::describe_subnets::builders::DescribeSubnetsFluentBuilder,
    object: &str,
) -> Result<Vec<Subnet>, aws::Error> {
    let pages = request.into_paginator().items().send();
    pages
        .try_collect()
        .await
        .map_err(|error| aws::Error::of_call("ec2:DescribeSubnets", object, error))
}

async fn route_tables(
    clients: &Clients,
    vpcs: BTreeSet<&str>,
) -> Result<Vec<RouteTable>, aws::Error> {
    if vpcs.is_empty() {
        return Ok(Vec::new());
    }
    let object = format!(
        "VPC {}",
        vpcs.iter().copied().collect::<Vec<_>>().join(", ")
    );
    let request = clients.ec2.describe_route_tables();
    let pages = request.filters(filter("vpc-id", vpcs)).into_paginator();
    pages
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws::Error::of_call("ec2:DescribeRouteTables", object, error))
}

async fn nat_gateways(clients: &Clients, vpc: &str) -> Result<Vec<NatGateway>, aws::Error> {
    let request = clients
        .ec2
        .describe_nat_gateways()
        .filter(filter("vpc-id", [vpc]))
        .filter(filter("state", ["available", "pending"]));
    let pages = request.into_paginator().items().send();
    pages.try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeNatGateways", format!("VPC `{vpc}`"), error)
    })
}

fn public_addresses(gateway: &NatGateway) -> Vec<String> {
    gateway
        .nat_gateway_addresses()
        .iter()
        .filter_map(|address| address.public_ip().map(str::to_owned))
        .collect()
}

fn read(subnet: &Subnet, tables: &[RouteTable]) -> ExistingSubnet {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    ExistingSubnet {
        vpc: text(subnet.vpc_id()),
        zone: text(subnet.availability_zone()),
        cidr: text(subnet.cidr_block()),
        free_addresses: subnet
            .available_ip_address_count()
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or_default(),
        is_public: table_of(subnet, tables).is_some_and(leads_out),
        of_groups_only: false,
        tags: tags::of_ec2(subnet.tags()),
    }
}

/// The route table that a subnet names, else the main one of its VPC.
fn table_of<'a>(subnet: &Subnet, tables: &'a [RouteTable]) -> Option<&'a RouteTable> {
    let id = subnet.subnet_id();
    let named = |table: &&RouteTable| {
        let mut links = table.associations().iter();
        links.any(|link| link.subnet_id().is_some() && link.subnet_id() == id)
    };
    let main = |table: &&RouteTable| {
        let mut links = table.associations().iter();
        table.vpc_id() == subnet.vpc_id() && links.any(|link| link.main() == Some(true))
    };
    tables
        .iter()
        .find(named)
        .or_else(|| tables.iter().find(main))
}

fn leads_out(table: &RouteTable) -> bool {
    table.routes().iter().any(|route| {
        let everywhere = route.destination_cidr_block() == Some("0.0.0.0/0")
            || route.destination_ipv6_cidr_block() == Some("::/0");
        let gateway = route.gateway_id().unwrap_or_default();
        everywhere && gateway.starts_with("igw-")
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{Route, RouteTableAssociation};

    use super::*;

    fn table(id: &str, gateway: &str, link: RouteTableAssociation) -> RouteTable {
        let route = Route::builder()
            .destination_cidr_block("0.0.0.0/0")
            .gateway_id(gateway)
            .build();
        RouteTable::builder()
            .route_table_id(id)
            .vpc_id("vpc-1")
            .routes(route)
            .associations(link)
            .build()
    }

    #[test]
    fn a_subnet_is_public_by_its_own_table_or_else_by_the_main_one() {
        let main = RouteTableAssociation::builder().main(true).build();
        let own = RouteTableAssociation::builder()
            .main(false)
            .subnet_id("subnet-1")
            .build();
        let tables = [table("rtb-1", "igw-1", main), table("rtb-2", "vgw-1", own)];
        let subnet = |id: &str, vpc: &str| {
            Subnet::builder()
                .subnet_id(id)
                .vpc_id(vpc)
                .available_ip_address_count(250)
                .build()
        };
        assert!(!read(&subnet("subnet-1", "vpc-1"), &tables).is_public);
        assert!(read(&subnet("subnet-2", "vpc-1"), &tables).is_public);
        assert!(!read(&subnet("subnet-3", "vpc-2"), &tables).is_public);
        assert_eq!(
            read(&subnet("subnet-1", "vpc-1"), &tables).free_addresses,
            250
        );
    }

    #[test]
    fn all_subnets_are_looked_for_only_where_nothing_is_chosen() {
        let none = SubnetChoice::default();
        let by_id = SubnetChoice {
            ids: BTreeSet::from(["subnet-1".to_owned()]),
            ..SubnetChoice::default()
        };
        let by_tags = SubnetChoice {
            tags: BTreeMap::from([("tier".to_owned(), "private".to_owned())]),
            ..SubnetChoice::default()
        };
        let names = |sorts| -> Vec<Vec<String>> {
            searches(sorts, "vpc-1")
                .iter()
                .map(|filters| {
                    let names = filters.iter().filter_map(|filter| filter.name());
                    names.map(str::to_owned).collect()
                })
                .collect()
        };
        assert_eq!(names([&none, &none]), [["vpc-id"]]);
        assert!(names([&by_id, &none]).is_empty());
        assert_eq!(names([&by_id, &by_tags]), [["tag:tier", "vpc-id"]]);
    }
}
