//! The rows of the matrix.

#[path = "table/configuration.rs"]
mod configuration;
#[path = "table/machine.rs"]
mod machine;

use std::{collections::BTreeMap, time::Duration};

use lab::{
    cloud::{gateway::Reason, imds::Effect},
    machine::Wanted,
    network::Block,
};

use super::{
    front::Front,
    row::{CANARY, Change, End, NODE_GROUPS, NODE_USERNAME, Row},
    server::{NAME_SERVER, PROXY, SILENT},
    user_data::{
        self, AUTHORITY, CIDR, ENDPOINT, FOREIGN_AUTHORITY, NAME, cluster, endpoint, hurried, node,
    },
};

/// Twice what a row takes on two cores that it has for itself.
const SOON: Duration = Duration::from_mins(1);
/// Where something is asked for a minute first.
const MINUTES: Duration = Duration::from_secs(150);

/// A row with this user data.
fn row(
    fault: &'static str,
    end: End,
    code: impl Into<Option<&'static str>>,
    user_data: impl Into<Vec<u8>>,
) -> Row {
    Row {
        fault,
        wanted: Wanted {
            user_data: user_data.into(),
            ..Wanted::default()
        },
        changes: Vec::new(),
        end,
        code: code.into(),
        deadline: SOON,
    }
}

impl Row {
    fn change(mut self, change: Change) -> Self {
        self.changes.push(change);
        self
    }

    fn imds(self, path: &'static str, times: Option<u64>, effect: Effect) -> Self {
        self.change(Change::Imds {
            path,
            method: None,
            times,
            effect,
        })
    }

    fn role(mut self, role: &str) -> Self {
        role.clone_into(&mut self.wanted.role);
        self
    }

    fn mapped(
        self,
        path: &'static str,
        username: &'static str,
        groups: &'static [&'static str],
    ) -> Self {
        self.change(Change::AwsAuth {
            path,
            username,
            groups,
        })
    }

    fn file(mut self, path: &'static str, content: impl Into<String>) -> Self {
        self.wanted.files.push((path, content.into()));
        self
    }

    /// In a VPC whose DHCP options have a domain of their own, so that EC2 is asked for the node's name.
    fn own_domain(mut self) -> Self {
        let hostname = "ip-10-88-1-1.corp.example".to_owned();
        self.wanted.metadata = BTreeMap::from([("local-hostname".to_owned(), hostname)]);
        self
    }

    fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// All rows, the slowest first.
pub(super) fn rows() -> Vec<Row> {
    [
        ec2(),
        metadata(),
        network(),
        identity(),
        machine::rows(),
        configuration::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn metadata() -> Vec<Row> {
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
        })),
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
        })),
    ]
}

/// An endpoint of no cluster, looked up with this name server.
fn nowhere(name_server: &str) -> String {
    const HOST: &str = "ffffffffffffffffffffffffffffffff.gr7.us-east-1.eks.amazonaws.com";
    let resolver = format!("    network:\n      nameservers: [{name_server}]\n");
    endpoint(&format!("https://{HOST}")) + &resolver
}

fn network() -> Vec<Row> {
    let foreign = AUTHORITY.replace("${CERTIFICATE_AUTHORITY}", FOREIGN_AUTHORITY);
    let front = |fault, code, which| row(fault, End::Waiting, code, user_data::front(which));
    vec![
        row(
            "API server: a black hole",
            End::Waiting,
            "network.api_timeout",
            node(""),
        )
        .change(Change::Blocked(443, Block::BlackHole))
        .within(MINUTES),
        row(
            "API server: connections refused",
            End::Waiting,
            "network.api_refused",
            endpoint("https://10.88.0.2:8443"),
        )
        .within(MINUTES),
        row(
            "API server: connections filtered",
            End::Waiting,
            "network.api_timeout",
            node(""),
        )
        .change(Change::Blocked(443, Block::Refused))
        .within(MINUTES),
        row(
            "API server: no route",
            End::Waiting,
            "network.no_route",
            node(""),
        )
        .file(
            "etc/systemd/network/10-host0.network.d/50-route.conf",
            "[Route]\nDestination=10.88.0.2/32\nType=unreachable\n",
        ),
        row(
            "API server: something that does not speak TLS",
            End::Waiting,
            "network.tls_failed",
            endpoint("https://10.88.0.1:4566"),
        ),
        row(
            "API server: something that accepts and is silent",
            End::Waiting,
            "network.tls_timeout",
            endpoint(&format!("https://{SILENT}")),
        ),
        row(
            "API server: no such host",
            End::Waiting,
            "network.dns_no_such_host",
            nowhere(NAME_SERVER),
        ),
        row(
            "API server: the resolver is silent",
            End::Waiting,
            "network.dns_unavailable",
            // In the subnet, and nobody's.
            nowhere("10.88.0.250"),
        )
        .within(MINUTES),
        row(
            "API server: a certificate of another authority",
            End::Failed,
            "network.ca_mismatch",
            hurried(&cluster(&[NAME, ENDPOINT, &foreign, CIDR], "")),
        ),
        front(
            "API server: an expired certificate",
            "time.cert_validity",
            Front::Expired,
        ),
        front(
            "API server: 503 to everything",
            "network.api_unavailable",
            Front::Unavailable,
        ),
        front(
            "API server: 429 to everything",
            "network.api_throttled",
            Front::Throttling,
        ),
        front(
            "clock: ten minutes ahead of the API server's",
            "time.signature_expired",
            Front::Behind,
        ),
        front(
            "clock: ten minutes behind the API server's",
            "time.signature_expired",
            Front::Ahead,
        ),
        row(
            "API server: a certificate for another name",
            End::Waiting,
            "network.cert_name",
            endpoint("https://another.example"),
        )
        .change(Change::Host("10.88.0.2 another.example\n")),
        row(
            "proxy: nobody listens",
            End::Waiting,
            "network.proxy_failed",
            node(&format!(
                "        HTTPS_PROXY: http://node:{CANARY}@10.88.0.1:3129\n"
            )),
        )
        .within(MINUTES),
        row(
            "proxy: a wrong password",
            End::Waiting,
            "network.proxy_failed",
            node(&format!(
                "        HTTPS_PROXY: http://node:{CANARY}@{PROXY}\n"
            )),
        )
        .within(MINUTES),
        row(
            "proxy: a scheme that is none of a proxy, EC2 needed",
            End::Failed,
            "network.proxy_failed",
            node(&format!(
                "        HTTPS_PROXY: ftp://node:{CANARY}@10.88.0.1:3128\n"
            )),
        )
        .own_domain(),
    ]
}

fn ec2() -> Vec<Row> {
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

fn identity() -> Vec<Row> {
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
