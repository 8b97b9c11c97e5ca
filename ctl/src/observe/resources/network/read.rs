//! From the words of EC2 to ours. Pure.

use aws_sdk_ec2::types::{
    Address, InternetGateway, NatGateway, NatGatewayState, RouteTable, SecurityGroup, Subnet,
    SubnetState, Vpc, VpcState,
};

use crate::observe::resources::found::Found;
use crate::observe::tags;
use crate::resource::{self, Attribute, Body, Outputs, Status, Tags, Text};

fn text(text: Option<&str>) -> Text {
    Text::Known(text.unwrap_or_default().to_owned())
}

fn id(id: Option<&str>) -> Outputs {
    Outputs::from([(Attribute::Id, id.unwrap_or_default().to_owned())])
}

fn creating_if(is_pending: bool) -> Status {
    if is_pending {
        Status::Creating
    } else {
        Status::Ready
    }
}

pub(super) fn vpc(vpc: &Vpc, dns_support: bool, dns_hostnames: bool) -> Found {
    let tags = tags::of_ec2(vpc.tags());
    Found {
        body: Body::Vpc(resource::Vpc {
            cidr: vpc.cidr_block().unwrap_or_default().to_owned(),
            dns_support,
            dns_hostnames,
            tags: tags.clone(),
        }),
        outputs: id(vpc.vpc_id()),
        tags,
        status: creating_if(vpc.state() == Some(&VpcState::Pending)),
    }
}

pub(super) fn internet_gateway(gateway: &InternetGateway) -> Found {
    let tags = tags::of_ec2(gateway.tags());
    let attachment = gateway.attachments().first();
    Found {
        body: Body::InternetGateway(resource::InternetGateway {
            vpc: text(attachment.and_then(|attachment| attachment.vpc_id())),
            tags: tags.clone(),
        }),
        outputs: id(gateway.internet_gateway_id()),
        tags,
        status: Status::Ready,
    }
}

pub(super) fn subnet(subnet: &Subnet) -> Found {
    let tags = tags::of_ec2(subnet.tags());
    Found {
        body: Body::Subnet(resource::Subnet {
            vpc: text(subnet.vpc_id()),
            cidr: subnet.cidr_block().unwrap_or_default().to_owned(),
            zone: subnet.availability_zone().unwrap_or_default().to_owned(),
            public_addresses: subnet.map_public_ip_on_launch().unwrap_or_default(),
            tags: tags.clone(),
        }),
        outputs: id(subnet.subnet_id()),
        tags,
        status: creating_if(subnet.state() == Some(&SubnetState::Pending)),
    }
}

/// Those tags of a subnet that are wanted; none if it has none of them.
pub(super) fn subnet_tags(subnet: &Subnet, wanted: &resource::SubnetTags) -> Option<Found> {
    let tags = tags::of_ec2(subnet.tags());
    let present: Tags = tags
        .iter()
        .filter(|(key, _)| wanted.tags.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    (!present.is_empty()).then(|| Found {
        body: Body::SubnetTags(resource::SubnetTags {
            subnet: wanted.subnet.clone(),
            tags: present,
        }),
        outputs: id(subnet.subnet_id()),
        tags,
        status: Status::Ready,
    })
}

pub(super) fn elastic_ip(address: &Address) -> Found {
    let tags = tags::of_ec2(address.tags());
    let mut outputs = id(address.allocation_id());
    outputs.extend(
        address
            .public_ip()
            .map(|ip| (Attribute::PublicIp, ip.to_owned())),
    );
    Found {
        body: Body::ElasticIp(resource::ElasticIp { tags: tags.clone() }),
        outputs,
        tags,
        status: Status::Ready,
    }
}

pub(super) fn nat_gateway(gateway: &NatGateway) -> Found {
    let tags = tags::of_ec2(gateway.tags());
    let address = gateway.nat_gateway_addresses().first();
    let status = match gateway.state() {
        Some(NatGatewayState::Pending) => Status::Creating,
        Some(NatGatewayState::Deleting) => Status::Deleting,
        Some(NatGatewayState::Failed) => Status::Failed {
            reason: format!(
                "{}: {}",
                gateway.failure_code().unwrap_or("failed"),
                gateway.failure_message().unwrap_or("EC2 says no more")
            ),
        },
        _ => Status::Ready,
    };
    Found {
        body: Body::NatGateway(resource::NatGateway {
            subnet: text(gateway.subnet_id()),
            allocation: text(address.and_then(|address| address.allocation_id())),
            tags: tags.clone(),
        }),
        outputs: id(gateway.nat_gateway_id()),
        tags,
        status,
    }
}

/// Of its routes only those to gateways that a cluster has: others, as to a peered VPC, are none of ours.
pub(super) fn route_table(table: &RouteTable) -> Found {
    let tags = tags::of_ec2(table.tags());
    let links = table.associations().iter();
    let routes = table.routes().iter().filter_map(|route| {
        let gateway = route.nat_gateway_id().or_else(|| route.gateway_id())?;
        let is_ours = gateway.starts_with("igw-") || gateway.starts_with("nat-");
        let destination = route.destination_cidr_block()?;
        is_ours.then(|| (destination.to_owned(), gateway.into()))
    });
    Found {
        body: Body::RouteTable(resource::RouteTable {
            vpc: text(table.vpc_id()),
            subnets: links
                .filter_map(|link| link.subnet_id().map(Text::from))
                .collect(),
            routes: routes.collect(),
            tags: tags.clone(),
        }),
        outputs: id(table.route_table_id()),
        tags,
        status: Status::Ready,
    }
}

pub(super) fn security_group(group: &SecurityGroup) -> Found {
    let tags = tags::of_ec2(group.tags());
    Found {
        body: Body::SecurityGroup(resource::SecurityGroup {
            vpc: text(group.vpc_id()),
            name: group.group_name().unwrap_or_default().to_owned(),
            description: group.description().unwrap_or_default().to_owned(),
            tags: tags.clone(),
        }),
        outputs: id(group.group_id()),
        tags,
        status: Status::Ready,
    }
}

#[cfg(test)]
mod tests;
