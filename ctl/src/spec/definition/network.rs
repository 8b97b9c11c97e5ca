//! `spec.vpc` and `spec.endpoint`.

use node::config::schema::{Field, Kind, field, with_default};

pub(super) const VPC: &[Field] = &[
    field(
        "id",
        Kind::Text,
        "`vpc-…` of one that is there. Only tags of its subnets are changed.",
    ),
    field(
        "tags",
        Kind::Map(&Kind::Text),
        "Tags that of all VPCs only the one that is there has.",
    ),
    with_default(
        "cidr",
        Kind::Text,
        "10.0.0.0/16",
        "Network of one that is made, from /16 to /28.",
    ),
    field(
        "zones",
        Kind::List(&Kind::Text),
        "Availability zones of one that is made; by default the first `zoneCount` of the region that need no opt-in, so no local zones.",
    ),
    with_default(
        "zoneCount",
        Kind::Count,
        "3",
        "How many zones are taken when none are named.",
    ),
    field(
        "subnets",
        Kind::Object(SUBNETS),
        "Its subnets. EKS wants them in two zones at least.",
    ),
    with_default(
        "nat",
        Kind::Words(&["none", "single", "perZone"]),
        "single",
        "How private subnets of one that is made reach the internet: not at all, through one NAT gateway, or through one in each zone.",
    ),
    with_default(
        "dnsSupport",
        Kind::Flag,
        "true",
        "Whether instances of one that is made can ask the resolver of AWS.",
    ),
    with_default(
        "dnsHostnames",
        Kind::Flag,
        "true",
        "Whether instances of one that is made have DNS names; a private endpoint needs it.",
    ),
    with_default(
        "tagSubnets",
        Kind::Flag,
        "true",
        "Whether subnets that are there get the tags by which load balancers find them: `kubernetes.io/role/elb` or `kubernetes.io/role/internal-elb`, and `kubernetes.io/cluster/NAME`.",
    ),
];

const SUBNETS: &[Field] = &[
    field(
        "public",
        Kind::Object(SUBNET_CHOICE),
        "Those with a route to an internet gateway.",
    ),
    field("private", Kind::Object(SUBNET_CHOICE), "Those without one."),
];

const SUBNET_CHOICE: &[Field] = &[
    field(
        "ids",
        Kind::List(&Kind::Text),
        "Ids, in a VPC that is there.",
    ),
    field(
        "tags",
        Kind::Map(&Kind::Text),
        "Tags that those subnets have, in a VPC that is there.",
    ),
    field(
        "cidrs",
        Kind::List(&Kind::Text),
        "Networks, one for each zone, in a VPC that is made; by default the network of the VPC is divided.",
    ),
    with_default(
        "none",
        Kind::Flag,
        "false",
        "Whether a VPC that is made has no such subnets.",
    ),
];

pub(super) const ENDPOINT: &[Field] = &[
    with_default(
        "public",
        Kind::Flag,
        "true",
        "Whether it is reached from the internet.",
    ),
    with_default(
        "private",
        Kind::Flag,
        "true",
        "Whether it is reached from the VPC, so that nodes need no way out to join.",
    ),
    with_default(
        "publicCidrs",
        Kind::List(&Kind::Text),
        "[\"0.0.0.0/0\"]",
        "Networks that may use the public endpoint.",
    ),
];
