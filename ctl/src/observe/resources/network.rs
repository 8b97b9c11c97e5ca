//! The network that was made for a cluster, as EC2 describes it.

mod read;

use aws_sdk_ec2::types::{Filter, NatGatewayState, Subnet, Vpc, VpcAttributeName};

use super::found::Found;
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::ec2::filter;
use crate::observe::parallel::each;
use crate::resource::{Body, CLUSTER_TAG, SubnetTags, Wanted};

const VPC_ATTRIBUTE: &str = "ec2:DescribeVpcAttribute";

/// Asks for what carries the owner tags of the cluster, and for the subnets whose tags are wanted.
pub(super) async fn found(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, aws::Error> {
    let (vpcs, gateways, subnets, tagged, addresses, nat_gateways, tables, groups) = tokio::try_join!(
        vpcs(clients, cluster),
        internet_gateways(clients, cluster),
        subnets(clients, cluster),
        tagged_subnets(clients, wanted),
        elastic_ips(clients, cluster),
        nat_gateways(clients, cluster),
        route_tables(clients, cluster),
        security_groups(clients, cluster),
    )?;
    Ok([
        vpcs,
        gateways,
        subnets,
        tagged,
        addresses,
        nat_gateways,
        tables,
        groups,
    ]
    .concat())
}

fn owned(cluster: &str) -> Filter {
    filter(format!("tag:{CLUSTER_TAG}"), [cluster])
}

fn object(cluster: &str) -> String {
    format!("what has the tag `{CLUSTER_TAG}={cluster}`")
}

async fn vpcs(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let pages = clients.ec2.describe_vpcs().filters(owned(cluster));
    let vpcs = pages.into_paginator().items().send().try_collect().await;
    let vpcs =
        vpcs.map_err(|error| aws::Error::of_call("ec2:DescribeVpcs", object(cluster), error))?;
    each(VPC_ATTRIBUTE, vpcs, |vpc: Vpc| {
        let clients = clients.clone();
        async move {
            let id = vpc.vpc_id().unwrap_or_default();
            let (support, hostnames) = tokio::try_join!(
                dns_attribute(&clients, id, VpcAttributeName::EnableDnsSupport),
                dns_attribute(&clients, id, VpcAttributeName::EnableDnsHostnames),
            )?;
            Ok(read::vpc(&vpc, support, hostnames))
        }
    })
    .await
}

/// Asks for one of the two DNS attributes of a VPC.
pub(in crate::observe) async fn dns_attribute(
    clients: &Clients,
    vpc: &str,
    attribute: VpcAttributeName,
) -> Result<bool, aws::Error> {
    let request = clients.ec2.describe_vpc_attribute().vpc_id(vpc);
    let answer = request.attribute(attribute).send().await;
    let answer = answer
        .map_err(|error| aws::Error::of_call(VPC_ATTRIBUTE, format!("VPC `{vpc}`"), error))?;
    // Only the one that was asked for is in the answer.
    let value = answer
        .enable_dns_support()
        .or_else(|| answer.enable_dns_hostnames());
    Ok(value
        .and_then(aws_sdk_ec2::types::AttributeBooleanValue::value)
        .unwrap_or_default())
}

async fn internet_gateways(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let request = clients.ec2.describe_internet_gateways();
    let pages = request.filters(owned(cluster)).into_paginator();
    let found = pages.items().send().try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeInternetGateways", object(cluster), error)
    })?;
    Ok(found.iter().map(read::internet_gateway).collect())
}

async fn subnets(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let pages = clients.ec2.describe_subnets().filters(owned(cluster));
    let found = pages.into_paginator().items().send().try_collect().await;
    let found = found
        .map_err(|error| aws::Error::of_call("ec2:DescribeSubnets", object(cluster), error))?;
    Ok(found.iter().map(read::subnet).collect())
}

/// Those subnets that are not ours and must have tags, as far as they have any of them.
async fn tagged_subnets(clients: &Clients, wanted: &[Wanted]) -> Result<Vec<Found>, aws::Error> {
    let wanted: Vec<&SubnetTags> = wanted
        .iter()
        .filter_map(|wanted| match &wanted.body {
            Body::SubnetTags(tags) => Some(tags),
            _ => None,
        })
        .collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    // A filter, unlike a list of ids, is no error where a subnet does not exist.
    let ids = wanted.iter().map(|tags| tags.subnet.as_str());
    let request = clients.ec2.describe_subnets();
    let pages = request.filters(filter("subnet-id", ids)).into_paginator();
    let subnets: Vec<Subnet> = pages.items().send().try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeSubnets", "the subnets of the document", error)
    })?;
    Ok(wanted
        .into_iter()
        .filter_map(|wanted| {
            let id = Some(wanted.subnet.as_str());
            let subnet = subnets.iter().find(|subnet| subnet.subnet_id() == id)?;
            read::subnet_tags(subnet, wanted)
        })
        .collect())
}

async fn elastic_ips(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let request = clients.ec2.describe_addresses().filters(owned(cluster));
    let answer = request
        .send()
        .await
        .map_err(|error| aws::Error::of_call("ec2:DescribeAddresses", object(cluster), error))?;
    Ok(answer.addresses().iter().map(read::elastic_ip).collect())
}

async fn nat_gateways(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let pages = clients.ec2.describe_nat_gateways().filter(owned(cluster));
    let found = pages.into_paginator().items().send().try_collect().await;
    let found = found
        .map_err(|error| aws::Error::of_call("ec2:DescribeNatGateways", object(cluster), error))?;
    // A deleted one is shown for another hour.
    Ok(found
        .iter()
        .filter(|gateway| gateway.state() != Some(&NatGatewayState::Deleted))
        .map(read::nat_gateway)
        .collect())
}

async fn route_tables(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let pages = clients.ec2.describe_route_tables().filters(owned(cluster));
    let found = pages.into_paginator().items().send().try_collect().await;
    let found = found
        .map_err(|error| aws::Error::of_call("ec2:DescribeRouteTables", object(cluster), error))?;
    Ok(found.iter().map(read::route_table).collect())
}

async fn security_groups(clients: &Clients, cluster: &str) -> Result<Vec<Found>, aws::Error> {
    let request = clients.ec2.describe_security_groups();
    let pages = request.filters(owned(cluster)).into_paginator();
    let found = pages.items().send().try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeSecurityGroups", object(cluster), error)
    })?;
    Ok(found.iter().map(read::security_group).collect())
}
