//! Whom the cluster takes the node for.

use std::time::Duration;

use lab::{
    cloud::gateway::Reason,
    network::{Block, GATEWAY},
};

use super::row;
use crate::faults::{
    lift::Lift,
    row::{Change, End, NODE_GROUPS, NODE_USERNAME, Row},
    user_data::{AUTHORITY, CIDR, ENDPOINT, cluster, hurried, node},
};

/// A NodeConfig that is right but for the name of the cluster.
fn wrong_name() -> String {
    cluster(
        &["    name: of-no-cluster\n", ENDPOINT, AUTHORITY, CIDR],
        "",
    )
}

pub(in crate::faults) fn rows() -> Vec<Row> {
    const CODE: &str = "join.unauthorized";
    vec![
        row("role: not mapped", End::Waiting, CODE, node(""))
            .role("not-mapped")
            .lift(Lift::AwsAuth),
        row(
            "role: not mapped, until the deadline",
            End::Failed,
            CODE,
            hurried(&node("")),
        )
        .role("not-mapped-either"),
        row("role: mapped with its path", End::Waiting, CODE, node(""))
            .role("with-path")
            .mapped("team/", NODE_USERNAME, NODE_GROUPS)
            .lift(Lift::AwsAuth),
        row(
            "role: mapped to another user name",
            End::Waiting,
            "join.node_name_mismatch",
            node(""),
        )
        .role("other-name")
        .mapped("", "system:node:somebody-else", NODE_GROUPS)
        .lift(Lift::AwsAuth),
        row(
            "role: mapped without the group of nodes",
            End::Waiting,
            "join.groups_missing",
            node(""),
        )
        .role("no-group")
        .mapped("", NODE_USERNAME, &[])
        .lift(Lift::AwsAuth),
        row(
            "role: not mapped, and no way to AWS",
            End::Waiting,
            CODE,
            node(""),
        )
        .role("not-mapped-nor-heard")
        .change(Change::BlockedAt(GATEWAY, 443, Block::BlackHole)),
        row(
            "role: credentials expired",
            End::Waiting,
            "join.credentials_expired",
            node(""),
        )
        .change(Change::ExpiredCredentials),
        row(
            "cluster name: of no cluster",
            End::Waiting,
            "join.cluster_name_mismatch",
            wrong_name(),
        ),
        row(
            "cluster name: of no cluster, and the role may not ask",
            End::Waiting,
            CODE,
            wrong_name(),
        )
        .role("may-not-describe")
        .mapped("", NODE_USERNAME, NODE_GROUPS)
        .change(Change::Aws("eks:DescribeCluster", Reason::Denied)),
        row(
            "STS: not activated in the region",
            End::Waiting,
            "join.sts_region_disabled",
            node(""),
        )
        .role("region-disabled")
        .mapped("", NODE_USERNAME, NODE_GROUPS)
        .change(Change::Aws("sts:GetCallerIdentity", Reason::RegionDisabled)),
        row("STS: no route from the node", End::Joined, None, node("")).change(Change::BlockedAt(
            GATEWAY,
            443,
            Block::Refused,
        )),
        row(
            "node name: the Node of another instance has it",
            End::Joined,
            "join.node_name_taken",
            node(""),
        )
        .change(Change::Node("aws:///us-east-1a/i-00000000000000000")),
        row(
            "serving certificate: never approved",
            End::Joined,
            None,
            node(""),
        )
        .change(Change::Unapproved)
        .finding("join.serving_cert_pending")
        .within(Duration::from_mins(4)),
        row(
            "API server: a policy of admission keeps the Node out",
            End::Waiting,
            "join.registration_forbidden",
            node(""),
        )
        .change(Change::NodePolicy),
    ]
}
