//! What is wrong with the metadata service.

use lab::{cloud::imds::Effect, cluster::NODE_ROLE, network::Block};

use super::{MINUTES, row};
use crate::faults::{
    lift::Lift,
    row::{Change, End, Row},
    user_data::node,
};

pub(in crate::faults) fn rows() -> Vec<Row> {
    const CODE: &str = "bootstrap.imds_unreachable";
    let failed = |fault| row(fault, End::Failed, CODE, node("")).within(MINUTES);
    let joined = |fault| row(fault, End::Joined, None, node("")).within(MINUTES);
    vec![
        failed("IMDS: the token's reply is lost").imds("api/token", None, Effect::Hang),
        failed("IMDS: refuses connections").file(
            "etc/systemd/network/05-lo.network",
            "[Match]\nName=lo\n\n[Network]\nAddress=169.254.169.254/32\n",
        ),
        failed("IMDS: 401 whatever token is used").imds("meta-data", None, Effect::Status(401)),
        failed("IMDS: 500 to everything").imds("", None, Effect::Status(500)),
        failed("IMDS: the user data breaks off half way").imds("user-data", None, Effect::HalfBody),
        failed("IMDS: a black hole").change(Change::Blocked(80, Block::BlackHole)),
        failed("IMDS: disabled").imds("api/token", None, Effect::Status(403)),
        joined("IMDS: each answer takes half a second").imds(
            "",
            None,
            Effect::DelayMilliseconds(500),
        ),
        joined("IMDS: 503 to the first five requests").imds("", Some(5), Effect::Status(503)),
        joined("IMDS: the user data breaks off once").imds("user-data", Some(1), Effect::HalfBody),
        row(
            "IMDS: no role",
            End::Waiting,
            "join.no_credentials",
            node(""),
        )
        .change(Change::Record(|record| {
            record.role = None;
            record.instance_profile = None;
        }))
        .lift(Lift::Role(NODE_ROLE)),
        row(
            "IMDS: EC2 may not assume the role",
            End::Waiting,
            "join.no_credentials",
            node(""),
        )
        .change(Change::Record(|record| {
            let role = record.role.take().unwrap();
            let document = r#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume the role"}"#;
            record.metadata.insert(
                format!("iam/security-credentials/{role}"),
                document.to_owned(),
            );
        }))
        .lift(Lift::Role(NODE_ROLE)),
    ]
}
