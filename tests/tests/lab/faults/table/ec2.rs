//! What is wrong with EC2, where a node needs it for its name.

use std::time::Duration;

use lab::{cloud::gateway::Reason, network::Block};

use super::{MINUTES, row};
use crate::faults::{
    row::{Change, End, NODE_GROUPS, NODE_USERNAME, Row},
    user_data::node,
};

pub(in crate::faults) fn rows() -> Vec<Row> {
    let joined = |fault, role, reason| {
        row(fault, End::Joined, None, node(""))
            .own_domain()
            .role(role)
            .mapped("", NODE_USERNAME, NODE_GROUPS)
            .change(Change::Ec2(reason, Some(3)))
            .within(MINUTES)
    };
    vec![
        row(
            "EC2 (for the node's name): a black hole",
            End::Failed,
            "bootstrap.ec2_unreachable",
            node(""),
        )
        .own_domain()
        .change(Change::Blocked(443, Block::BlackHole))
        .within(Duration::from_mins(5)),
        joined(
            "EC2 (for the node's name): throttled three times",
            "throttled",
            Reason::Throttled,
        ),
        joined(
            "EC2 (for the node's name): the instance is not known yet, three times",
            "unknown-yet",
            Reason::NotFound,
        ),
        row(
            "EC2 (for the node's name): denied",
            End::Failed,
            "bootstrap.ec2_forbidden",
            node(""),
        )
        .own_domain()
        .role("denied")
        .change(Change::Ec2(Reason::Denied, None)),
    ]
}
