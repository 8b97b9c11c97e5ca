//! What is wrong on the way to the API server.

use lab::{cloud::gateway::Reason, network::Block};

use super::{MINUTES, row};
use crate::faults::{
    front::Front,
    lift::Lift,
    row::{CANARY, Change, End, Row},
    server::{NAME_SERVER, PROXY, PROXY_LATER, SILENT},
    user_data::{
        self, AUTHORITY, CIDR, ENDPOINT, FOREIGN_AUTHORITY, NAME, cluster, endpoint, hurried, node,
    },
};

/// An endpoint of no cluster, looked up with this name server.
fn nowhere(name_server: &str) -> String {
    const HOST: &str = "ffffffffffffffffffffffffffffffff.gr7.us-east-1.eks.amazonaws.com";
    let resolver = format!("    network:\n      nameservers: [{name_server}]\n");
    endpoint(&format!("https://{HOST}")) + &resolver
}

pub(in crate::faults) fn rows() -> Vec<Row> {
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
        .lift(Lift::Unblocked(443, Block::BlackHole))
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
        .lift(Lift::Unblocked(443, Block::Refused))
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
        )
        .lift(Lift::Inside("ip route delete unreachable 10.88.0.2")),
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
            "API server: large packets from it are lost (path MTU)",
            End::Waiting,
            "network.tls_timeout",
            node(""),
        )
        .change(Change::Short(443, 600))
        .lift(Lift::Long(443, 600))
        .within(MINUTES),
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
        row(
            "kubelet: newer than the API server",
            End::Joined,
            "kubelet.version_skew",
            user_data::front(Front::Older),
        ),
        front(
            "clock: ten minutes ahead of the API server's and AWS'",
            "time.signature_expired",
            Front::Behind,
        )
        .role("clock-ahead")
        .change(Change::Aws(
            "sts:GetCallerIdentity",
            Reason::SignatureNotYetCurrent,
        ))
        .change(Change::Aws(
            "eks:DescribeCluster",
            Reason::SignatureNotYetCurrent,
        )),
        front(
            "clock: ten minutes behind the API server's and AWS'",
            "time.signature_expired",
            Front::Ahead,
        )
        .role("clock-behind")
        .change(Change::Aws(
            "sts:GetCallerIdentity",
            Reason::SignatureExpired,
        ))
        .change(Change::Aws("eks:DescribeCluster", Reason::SignatureExpired)),
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
                "        HTTPS_PROXY: http://node:{CANARY}@{PROXY_LATER}\n"
            )),
        )
        .lift(Lift::Proxy)
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
