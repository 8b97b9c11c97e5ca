//! `spec.endpoint` and `spec.logging`.

use super::{Path, Report};
use crate::spec::cidr::{Cidr, Fault};
use crate::spec::{Cluster, Endpoint, Nat, NodeGroup, Vpc};

/// The numbers of days that CloudWatch keeps logs:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>.
const RETENTIONS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let endpoint = &cluster.spec.endpoint;
    let path = Path::of(&["spec", "endpoint"]);
    if !endpoint.public && !endpoint.private {
        report.error(
            &path,
            "is neither public nor private, so nobody reaches the API server",
            "",
        );
    } else if !endpoint.public {
        report.warning(
            &path.key("public"),
            "is off: kubectl and nodectl reach the cluster only from its VPC, or from a network that is connected with it",
            "",
        );
    }
    networks(endpoint, &path.key("publicCidrs"), report);
    if endpoint.public && !endpoint.private {
        nodes_come_from_outside(cluster, &path, report);
    }
    retention(cluster, report);
}

/// Whether somebody is kept from the public endpoint.
pub(in crate::spec) fn is_limited(endpoint: &Endpoint) -> bool {
    !endpoint.public_cidrs.contains("0.0.0.0/0")
}

fn networks(endpoint: &Endpoint, path: &Path, report: &mut Report<'_>) {
    if !report.says(path) {
        return;
    }
    if !endpoint.public {
        report.warning(path, "has no effect without the public endpoint", "");
        return;
    }
    if endpoint.public_cidrs.is_empty() {
        report.error(
            path,
            "is empty, and EKS takes that as everybody",
            "write `public: false` to close the public endpoint",
        );
    }
    for text in &endpoint.public_cidrs {
        let path = report.item(path, text);
        match Cidr::parse(text) {
            Ok(_) => {}
            Err(Fault::NotCanonical(cidr)) => report.error(
                &path,
                format!("`{text}` has bits beyond its prefix"),
                format!("did you mean `{cidr}`?"),
            ),
            Err(Fault::Syntax) => report.error(
                &path,
                format!("`{text}` is not a network of IPv4"),
                "a single address is written `203.0.113.7/32`",
            ),
        }
    }
}

/// Without a private endpoint nodes come to the API server by their own public address or that of a NAT gateway.
fn nodes_come_from_outside(cluster: &Cluster, path: &Path, report: &mut Report<'_>) {
    let spec = &cluster.spec;
    let help = "turn `spec.endpoint.private` on";
    let vpc = &spec.vpc;
    let is_cut_off =
        !vpc.is_existing() && vpc.nat == Nat::None && has_private_nodes(&spec.node_groups, vpc);
    if is_cut_off {
        report.error(
            &path.key("private"),
            "is off, and private nodes have no way to the public endpoint with `nat: none`",
            help,
        );
    } else if is_limited(&spec.endpoint) && !spec.node_groups.is_empty() {
        if vpc.is_existing() {
            report.warning(
                &path.key("publicCidrs"),
                "decides about the nodes too: they reach the API server from the addresses of NAT gateways, or from their own",
                help,
            );
        } else {
            report.error(
                &path.key("publicCidrs"),
                "cannot have the addresses from which nodes reach the API server: those of NAT gateways that are not made yet, or of the nodes themselves",
                help,
            );
        }
    }
}

fn has_private_nodes(groups: &[NodeGroup], vpc: &Vpc) -> bool {
    use crate::spec::GroupSubnets;
    groups.iter().any(|group| match group.subnets {
        Some(GroupSubnets::Public) => false,
        Some(GroupSubnets::Private | GroupSubnets::Ids(_)) => true,
        None => !vpc.subnets.private.none,
    })
}

fn retention(cluster: &Cluster, report: &mut Report<'_>) {
    let logging = &cluster.spec.logging;
    let path = Path::of(&["spec", "logging", "retentionDays"]);
    let Some(days) = logging.retention_days else {
        return;
    };
    if !RETENTIONS.contains(&days) {
        let next = RETENTIONS.iter().find(|known| **known > days);
        let help = next.map_or_else(
            || "leave it out to keep them for ever".to_owned(),
            |next| format!("the next longer time that it knows is {next}"),
        );
        report.error(
            &path,
            format!("is {days}, which is not a number of days that CloudWatch keeps logs"),
            help,
        );
    }
    if logging.types.is_empty() {
        report.warning(&path, "has no effect without `types`", "");
    }
}
