use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{NatGatewayAddress, Route, RouteTableAssociation, Tag};

use super::*;

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn tags<const N: usize>(tags: [(&str, &str); N]) -> Tags {
    tags.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn a_route_table_has_its_routes_out_and_its_subnets() {
    let route = || Route::builder();
    let table = RouteTable::builder()
        .route_table_id("rtb-1")
        .vpc_id("vpc-1")
        .routes(
            route()
                .destination_cidr_block("10.0.0.0/16")
                .gateway_id("local")
                .build(),
        )
        .routes(
            route()
                .destination_cidr_block("0.0.0.0/0")
                .nat_gateway_id("nat-1")
                .build(),
        )
        .routes(
            route()
                .destination_prefix_list_id("pl-1")
                .gateway_id("vpce-1")
                .build(),
        )
        .routes(
            route()
                .destination_cidr_block("172.16.0.0/12")
                .vpc_peering_connection_id("pcx-1")
                .build(),
        )
        .associations(
            RouteTableAssociation::builder()
                .subnet_id("subnet-1")
                .build(),
        )
        .associations(RouteTableAssociation::builder().main(true).build())
        .build();
    let found = route_table(&table);
    let expected = resource::RouteTable {
        vpc: "vpc-1".into(),
        subnets: BTreeSet::from(["subnet-1".into()]),
        routes: BTreeMap::from([("0.0.0.0/0".to_owned(), "nat-1".into())]),
        tags: Tags::new(),
    };
    assert_eq!(found.body, Body::RouteTable(expected));
    assert_eq!(found.outputs[&Attribute::Id], "rtb-1");
}

#[test]
fn a_failed_nat_gateway_says_why() {
    let address = NatGatewayAddress::builder()
        .allocation_id("eipalloc-1")
        .build();
    let gateway = NatGateway::builder()
        .nat_gateway_id("nat-1")
        .subnet_id("subnet-1")
        .nat_gateway_addresses(address)
        .state(NatGatewayState::Failed)
        .failure_code("Gateway.NotAttached")
        .failure_message("Network vpc-1 has no Internet gateway attached")
        .tags(tag("aws:x", "y"))
        .build();
    let found = nat_gateway(&gateway);
    let expected = resource::NatGateway {
        subnet: "subnet-1".into(),
        allocation: "eipalloc-1".into(),
        tags: Tags::new(),
    };
    assert_eq!(found.body, Body::NatGateway(expected));
    let reason = "Gateway.NotAttached: Network vpc-1 has no Internet gateway attached".to_owned();
    assert_eq!(found.status, Status::Failed { reason });
}

#[test]
fn of_a_subnet_that_is_not_ours_only_the_tags_that_are_wanted_count() {
    let wanted = resource::SubnetTags {
        subnet: "subnet-1".to_owned(),
        tags: tags([
            ("kubernetes.io/role/elb", "1"),
            ("kubernetes.io/cluster/prod", "shared"),
        ]),
    };
    let with = |tags: &[Tag]| {
        let subnet = Subnet::builder().subnet_id("subnet-1");
        subnet.set_tags(Some(tags.to_vec())).build()
    };
    assert_eq!(subnet_tags(&with(&[tag("Name", "x")]), &wanted), None);
    let found = subnet_tags(
        &with(&[tag("Name", "x"), tag("kubernetes.io/role/elb", "0")]),
        &wanted,
    );
    let Some(Body::SubnetTags(present)) = found.map(|found| found.body) else {
        panic!("nothing was found");
    };
    assert_eq!(present.tags, tags([("kubernetes.io/role/elb", "0")]));
}
