//! Zones, the VPC that is there, its subnets, and the way of nodes to the API server.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use super::subnets::Sorts;
use crate::observe::choices::{Choices, ExistingVpc};
use crate::spec::check::{Path, Report, did_you_mean, is_limited};
use crate::spec::cidr::Cidr;
use crate::spec::{Cluster, GroupSubnets, Vpc};

pub(super) fn check(cluster: &Cluster, choices: &Choices, report: &mut Report<'_>) {
    let vpc = &cluster.spec.vpc;
    let path = Path::of(&["spec", "vpc"]);
    match &choices.vpc {
        Some(existing) if vpc.is_existing() => {
            let sorts = Sorts::of(vpc, existing);
            foreign(cluster, existing, report);
            zones_of_subnets(&sorts, existing, choices, &path.key("subnets"), report);
            resolution(cluster, existing, &path, report);
            routes(vpc, &sorts, existing, &path.key("subnets"), report);
            groups(cluster, &sorts, existing, report);
            if !vpc.tag_subnets {
                tags(&sorts, existing, &path, report);
            }
            way_to_the_endpoint(cluster, &sorts, existing, report);
        }
        _ => zones(vpc, choices, &path, report),
    }
}

fn zones(vpc: &Vpc, choices: &Choices, path: &Path, report: &mut Report<'_>) {
    let known: Vec<&str> = choices.zones.iter().map(String::as_str).collect();
    if vpc.zones.is_empty() && vpc.zone_count as usize > known.len() {
        report.error(
            &path.key("zoneCount"),
            format!(
                "is {}, and region `{}` has {}: {}",
                vpc.zone_count,
                choices.region,
                known.len(),
                known.join(", ")
            ),
            "",
        );
    }
    for (index, zone) in vpc.zones.iter().enumerate() {
        if !known.contains(&zone.as_str()) {
            let near = did_you_mean(zone, &known);
            let help = format!("there are {}", known.join(", "));
            report.error(
                &path.key("zones").item(index),
                format!(
                    "`{zone}` is not an availability zone of region `{}`",
                    choices.region
                ),
                if near.is_empty() || zone.len() > choices.region.len() + 1 {
                    help
                } else {
                    format!("{near} {}", help.replacen("there", "There", 1))
                },
            );
        }
    }
}

/// Subnets of another VPC.
fn foreign(cluster: &Cluster, existing: &ExistingVpc, report: &mut Report<'_>) {
    let vpc = &cluster.spec.vpc;
    let path = Path::of(&["spec", "vpc", "subnets"]);
    let mut named = vec![
        (path.key("public").key("ids"), &vpc.subnets.public.ids),
        (path.key("private").key("ids"), &vpc.subnets.private.ids),
    ];
    for (index, group) in cluster.spec.node_groups.iter().enumerate() {
        if let Some(GroupSubnets::Ids(ids)) = &group.subnets {
            let path = Path::of(&["spec", "nodeGroups"]).item(index).key("subnets");
            named.push((path, ids));
        }
    }
    for (path, ids) in named {
        for id in ids {
            let Some(subnet) = existing.subnets.get(id) else {
                continue;
            };
            if subnet.vpc != existing.id {
                let path = report.item(&path, id);
                report.error(
                    &path,
                    format!(
                        "`{id}` is a subnet of `{}`, and the cluster is in `{}`",
                        subnet.vpc, existing.id
                    ),
                    "",
                );
            }
        }
    }
}

fn zones_of_subnets(
    sorts: &Sorts<'_>,
    existing: &ExistingVpc,
    choices: &Choices,
    path: &Path,
    report: &mut Report<'_>,
) {
    let mut zones = BTreeSet::new();
    for id in sorts.all() {
        let Some(subnet) = existing.subnets.get(id) else {
            continue;
        };
        if choices.zones.contains(&subnet.zone) {
            zones.insert(subnet.zone.as_str());
        } else {
            report.error(
                path,
                format!(
                    "have `{id}` in `{}`, which is a local zone or needs an opt-in: EKS has no control plane there",
                    subnet.zone
                ),
                "name the others by id; a self-managed group can name it in its own `subnets`",
            );
        }
    }
    if zones.len() < 2 {
        let what = match zones.first() {
            Some(zone) => format!("are all in zone `{zone}`"),
            None => format!("are none that `{}` has", existing.id),
        };
        report.error(
            path,
            format!("{what}, and EKS needs subnets in two zones at least"),
            "",
        );
    }
}

fn resolution(cluster: &Cluster, existing: &ExistingVpc, path: &Path, report: &mut Report<'_>) {
    if !cluster.spec.endpoint.private {
        return;
    }
    for (is_on, name, flag) in [
        (existing.dns_support, "DNS support", "--enable-dns-support"),
        (
            existing.dns_hostnames,
            "DNS hostnames",
            "--enable-dns-hostnames",
        ),
    ] {
        if !is_on {
            report.error(
                &path.key("id"),
                format!("is `{}`, which has no {name}: nodes cannot resolve the name of a private endpoint", existing.id),
                format!("aws ec2 modify-vpc-attribute --vpc-id {} {flag}", existing.id),
            );
        }
    }
}

/// Whether subnets are of the sort that they are listed as.
fn routes(
    vpc: &Vpc,
    sorts: &Sorts<'_>,
    existing: &ExistingVpc,
    path: &Path,
    report: &mut Report<'_>,
) {
    for (name, ids, is_public) in [
        ("public", &sorts.public, true),
        ("private", &sorts.private, false),
    ] {
        for id in ids {
            let Some(subnet) = existing.subnets.get(*id) else {
                continue;
            };
            if subnet.is_public == is_public {
                continue;
            }
            let choice = path.key(name);
            let path =
                if vpc.subnets.public.ids.contains(*id) || vpc.subnets.private.ids.contains(*id) {
                    report.item(&choice.key("ids"), id)
                } else {
                    choice.key("tags")
                };
            let detail = if is_public {
                format!("`{id}` is listed as public, and has no route to an internet gateway")
            } else {
                format!("`{id}` is listed as private, and has a route to an internet gateway")
            };
            report.warning(&path, detail, "");
        }
    }
}

/// Groups whose own subnets are of both sorts.
fn groups(cluster: &Cluster, sorts: &Sorts<'_>, existing: &ExistingVpc, report: &mut Report<'_>) {
    for (index, group) in cluster.spec.node_groups.iter().enumerate() {
        let path = Path::of(&["spec", "nodeGroups"]).item(index).key("subnets");
        let ids = sorts.of_group(group);
        if ids.is_empty() {
            report.error(
                &path,
                format!("leave node group `{}` without a subnet", group.name),
                "name them by id, or choose some in `spec.vpc.subnets`",
            );
        }
        let found = ids.iter().filter_map(|id| existing.subnets.get(*id));
        let kinds: BTreeSet<bool> = found.map(|subnet| subnet.is_public).collect();
        if kinds.len() > 1 && matches!(group.subnets, Some(GroupSubnets::Ids(_))) {
            report.warning(
                &path,
                "are public and private ones: whether a node has a public address is a matter of chance",
                "make two groups of it",
            );
        }
    }
}

fn tags(sorts: &Sorts<'_>, existing: &ExistingVpc, path: &Path, report: &mut Report<'_>) {
    for (ids, tag, load_balancers) in [
        (&sorts.public, "kubernetes.io/role/elb", "public"),
        (
            &sorts.private,
            "kubernetes.io/role/internal-elb",
            "internal",
        ),
    ] {
        let without: Vec<&str> = ids
            .iter()
            .copied()
            .filter(|id| {
                let subnet = existing.subnets.get(*id);
                subnet.is_some_and(|subnet| !subnet.tags.contains_key(tag))
            })
            .collect();
        if !without.is_empty() {
            report.warning(
                &path.key("tagSubnets"),
                format!(
                    "is off, and {} lack the tag `{tag}=1` by which {load_balancers} load balancers find their subnets",
                    without.join(", ")
                ),
                "",
            );
        }
    }
}

/// With a public endpoint only, nodes come to it from the addresses of NAT gateways, or from their own.
fn way_to_the_endpoint(
    cluster: &Cluster,
    sorts: &Sorts<'_>,
    existing: &ExistingVpc,
    report: &mut Report<'_>,
) {
    let endpoint = &cluster.spec.endpoint;
    if !endpoint.public || endpoint.private || !is_limited(endpoint) {
        return;
    }
    let path = Path::of(&["spec", "endpoint", "publicCidrs"]);
    let help = "add them, or turn `spec.endpoint.private` on";
    let networks: Vec<Cidr> = endpoint
        .public_cidrs
        .iter()
        .filter_map(|text| Cidr::parse(text).ok())
        .collect();
    let is_let_in = |address: &str| {
        address
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| networks.iter().any(|network| network.holds(address)))
    };
    let of_nodes: BTreeSet<bool> = cluster
        .spec
        .node_groups
        .iter()
        .flat_map(|group| sorts.of_group(group))
        .filter_map(|id| existing.subnets.get(id))
        .map(|subnet| subnet.is_public)
        .collect();
    if of_nodes.contains(&true) {
        report.error(
            &path,
            "cannot have the public addresses of nodes that are not there yet, so nodes in public subnets do not join",
            "turn `spec.endpoint.private` on",
        );
    }
    if !of_nodes.contains(&false) {
        return;
    }
    let kept_out: Vec<&str> = existing
        .nat_addresses
        .iter()
        .map(String::as_str)
        .filter(|address| !is_let_in(address))
        .collect();
    if !kept_out.is_empty() {
        let written: Vec<String> = kept_out
            .iter()
            .map(|address| format!("{address}/32"))
            .collect();
        report.error(
            &path,
            format!(
                "lack {} of the VPC's NAT gateways, from which private nodes reach the API server: they do not join",
                written.join(", ")
            ),
            help,
        );
    } else if existing.nat_addresses.is_empty() {
        report.warning(
            &path,
            format!(
                "must have the addresses from which private nodes reach the internet, and `{}` has no NAT gateway that would tell",
                existing.id
            ),
            help,
        );
    }
}
