//! Whom the cluster takes the node for.

use super::row;
use crate::faults::{
    row::{End, NODE_GROUPS, NODE_USERNAME, Row},
    user_data::{hurried, node},
};

pub(in crate::faults) fn rows() -> Vec<Row> {
    const CODE: &str = "join.unauthorized";
    vec![
        row("role: not mapped", End::Waiting, CODE, node("")).role("not-mapped"),
        row(
            "role: not mapped, until the deadline",
            End::Failed,
            CODE,
            hurried(&node("")),
        )
        .role("not-mapped-either"),
        row("role: mapped with its path", End::Waiting, CODE, node(""))
            .role("with-path")
            .mapped("team/", NODE_USERNAME, NODE_GROUPS),
        row(
            "role: mapped to another user name",
            End::Waiting,
            "join.node_name_mismatch",
            node(""),
        )
        .role("other-name")
        .mapped("", "system:node:somebody-else", NODE_GROUPS),
        row(
            "role: mapped without the group of nodes",
            End::Waiting,
            "join.groups_missing",
            node(""),
        )
        .role("no-group")
        .mapped("", NODE_USERNAME, &[]),
    ]
}
