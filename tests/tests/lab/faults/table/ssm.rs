//! What keeps a person from getting in through SSM. The node joins all the same, and its daemon says it.

use lab::cloud::gateway::Reason;

use super::{MINUTES, row};
use crate::faults::{
    row::{Change, End, NODE_GROUPS, NODE_USERNAME, Row},
    user_data::node,
};

/// An address of the VPC at which there is nobody.
const NOBODY: &str = "10.88.0.250";

pub(in crate::faults) fn rows() -> Vec<Row> {
    let joined = |fault, finding| {
        row(fault, End::Joined, None, node(""))
            .finding(finding)
            .within(MINUTES)
    };
    vec![
        joined("SSM: the unit is masked", "ssm.not_running")
            .change(Change::Masked("amazon-ssm-agent.service")),
        joined("SSM: nobody at its endpoint", "ssm.unreachable")
            .change(Change::Moved("ssm", NOBODY)),
        joined("SSM: nobody at the endpoint of sessions", "ssm.unreachable")
            .change(Change::Moved("ssmmessages", NOBODY)),
        joined("SSM: the role may not use it", "ssm.denied")
            .role("without-ssm")
            .mapped("", NODE_USERNAME, NODE_GROUPS)
            .change(Change::Aws("ssm:UpdateInstanceInformation", Reason::Denied)),
        row(
            "SSM: no role",
            End::Waiting,
            "join.no_credentials",
            node(""),
        )
        .finding("ssm.no_role")
        .change(Change::Record(|record| {
            record.role = None;
            record.instance_profile = None;
        })),
    ]
}
