//! `spec.cluster`, without its certificate authority.

use std::net::IpAddr;

use super::Problem;
use crate::config::node_config::Cluster;

pub(super) fn check(cluster: &Cluster) -> Vec<Problem> {
    let mut problems = Vec::new();
    let required = [
        ("name", &cluster.name),
        ("apiServerEndpoint", &cluster.api_server_endpoint),
        ("certificateAuthority", &cluster.certificate_authority),
        ("cidr", &cluster.cidr),
    ];
    for (name, value) in required {
        let path = ["spec", "cluster", name];
        let problem = match name {
            _ if value.is_empty() => Some(Problem::fatal(&path, "is missing")),
            "apiServerEndpoint" => {
                endpoint_problem(value).map(|detail| Problem::warning(&path, detail))
            }
            "cidr" if cidr_address(value).is_none() => Some(Problem::fatal(
                &path,
                format!("`{value}` is not an IPv4 or IPv6 network such as `10.100.0.0/16`"),
            )),
            _ => None,
        };
        problems.extend(problem);
    }
    if cluster.enable_outpost == Some(true) && cluster.id.is_empty() {
        problems.push(Problem::fatal(
            &["spec", "cluster", "id"],
            "is missing; a local cluster on an Outpost needs it",
        ));
    }
    problems
}

fn endpoint_problem(endpoint: &str) -> Option<String> {
    let uri: Result<http::Uri, _> = endpoint.parse();
    match uri {
        Ok(uri)
            if uri.scheme_str() == Some("https")
                && uri.host().is_some_and(|host| !host.is_empty()) =>
        {
            None
        }
        _ => Some(format!(
            "`{}` is not an https URL",
            crate::redact::text(endpoint)
        )),
    }
}

/// Address and prefix length of a CIDR.
pub fn cidr_address(cidr: &str) -> Option<(IpAddr, u8)> {
    let (address, length) = cidr.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let length: u8 = length.parse().ok()?;
    let maximum = if address.is_ipv4() { 32 } else { 128 };
    (length <= maximum).then_some((address, length))
}
