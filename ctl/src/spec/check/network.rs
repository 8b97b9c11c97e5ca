//! `spec.vpc` and `spec.serviceCidr`.

use super::arn::id_problem;
use super::{Path, Report, did_you_mean};
use crate::spec::cidr::{Cidr, Fault};
use crate::spec::{Cluster, Nat, Spec, SubnetChoice, Vpc};

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let vpc = &cluster.spec.vpc;
    let path = Path::of(&["spec", "vpc"]);
    if vpc.is_existing() {
        existing(vpc, &path, report);
    } else {
        made(vpc, &path, report);
        zones(cluster, &path, report);
    }
    private_endpoint_needs_dns(&cluster.spec, &path, report);
    service_network(&cluster.spec, report);
}

/// The two sorts of subnets with their names.
fn sorts(vpc: &Vpc) -> [(&'static str, &SubnetChoice); 2] {
    [
        ("public", &vpc.subnets.public),
        ("private", &vpc.subnets.private),
    ]
}

fn existing(vpc: &Vpc, path: &Path, report: &mut Report<'_>) {
    if let Some(id) = &vpc.id {
        if let Some(detail) = id_problem(id, "vpc") {
            report.error(&path.key("id"), detail, "");
        }
        if !vpc.tags.is_empty() {
            report.error(
                &path.key("tags"),
                "looks for a VPC that `id` names already",
                "leave one of them out",
            );
        }
    }
    for key in [
        "cidr",
        "zones",
        "zoneCount",
        "nat",
        "dnsSupport",
        "dnsHostnames",
    ] {
        if report.says(&path.key(key)) {
            report.error(
                &path.key(key),
                "is of a VPC that is made, and this one is there",
                "leave it out: a VPC that is there is not changed",
            );
        }
    }
    let mut ids = 0;
    for (name, choice) in sorts(vpc) {
        let path = path.key("subnets").key(name);
        for id in &choice.ids {
            let path = report.item(&path.key("ids"), id);
            if let Some(detail) = id_problem(id, "subnet") {
                report.error(&path, detail, "");
            }
            if name == "private" && vpc.subnets.public.ids.contains(id) {
                report.error(
                    &path,
                    format!("`{id}` is one of the public subnets already"),
                    "",
                );
            }
        }
        if !choice.ids.is_empty() && !choice.tags.is_empty() {
            report.error(
                &path.key("tags"),
                "looks for subnets that `ids` names already",
                "leave one of them out",
            );
        }
        for key in ["cidrs", "none"] {
            if report.says(&path.key(key)) {
                report.error(
                    &path.key(key),
                    "is of a VPC that is made, and this one is there",
                    "name the subnets by `ids` or `tags`",
                );
            }
        }
        ids += choice.ids.len();
    }
    if ids == 1 && sorts(vpc).iter().all(|(_, choice)| choice.tags.is_empty()) {
        report.error(
            &path.key("subnets"),
            "names one subnet, and EKS needs subnets in two zones at least",
            "",
        );
    }
}

fn made(vpc: &Vpc, path: &Path, report: &mut Report<'_>) {
    let said = vpc.cidr.as_deref().unwrap_or(Vpc::CIDR);
    let network = network(said, &path.key("cidr"), (16, 28), report);
    let zones = if vpc.zones.is_empty() {
        vpc.zone_count as usize
    } else {
        vpc.zones.len()
    };
    if vpc.subnets.public.none && vpc.subnets.private.none {
        report.error(&path.key("subnets"), "leaves no subnets at all", "");
    }
    let mut seen: Vec<(Path, Cidr)> = Vec::new();
    for (name, choice) in sorts(vpc) {
        let path = path.key("subnets").key(name);
        for key in ["ids", "tags"] {
            if report.says(&path.key(key)) {
                report.error(
                    &path.key(key),
                    "chooses subnets that are there, and this VPC is made",
                    "name the VPC by `spec.vpc.id`, or leave it out",
                );
            }
        }
        if choice.none && !choice.cidrs.is_empty() {
            report.error(
                &path.key("cidrs"),
                format!("are networks of {name} subnets, and `none` says that there are none"),
                "",
            );
        }
        if !choice.cidrs.is_empty() && choice.cidrs.len() != zones {
            report.error(
                &path.key("cidrs"),
                format!("are {} networks for {zones} zones", choice.cidrs.len()),
                "give one for each zone, in the order of the zones",
            );
        }
        for (index, said) in choice.cidrs.iter().enumerate() {
            let path = path.key("cidrs").item(index);
            let Some(found) = self::network(said, &path, (16, 28), report) else {
                continue;
            };
            if network.is_some_and(|network| !network.contains(found)) {
                report.error(
                    &path,
                    format!(
                        "is outside of the VPC's `{}`",
                        vpc.cidr.as_deref().unwrap_or(Vpc::CIDR)
                    ),
                    "",
                );
            }
            if let Some((other, cidr)) = seen.iter().find(|(_, cidr)| cidr.overlaps(found)) {
                report.error(
                    &path,
                    format!("has addresses of `{cidr}`, which is `{other}`"),
                    "",
                );
            }
            seen.push((path, found));
        }
    }
    let has_private = !vpc.subnets.private.none;
    if vpc.nat != Nat::None && vpc.subnets.public.none && has_private {
        report.error(
            &path.key("nat"),
            "puts NAT gateways into public subnets, of which there are none",
            "write `nat: none`",
        );
    }
    if vpc.nat == Nat::None && has_private {
        report.warning(
            &path.key("nat"),
            "leaves private subnets without a way out: their nodes pull images and call EC2 only through VPC endpoints",
            "",
        );
    }
}

fn zones(cluster: &Cluster, path: &Path, report: &mut Report<'_>) {
    let vpc = &cluster.spec.vpc;
    if vpc.zones.is_empty() {
        if vpc.zone_count < 2 {
            report.error(
                &path.key("zoneCount"),
                "is less than two, and EKS needs subnets in two zones at least",
                "",
            );
        }
        return;
    }
    let path = path.key("zones");
    if report.says(&Path::of(&["spec", "vpc", "zoneCount"])) {
        report.warning(
            &Path::of(&["spec", "vpc", "zoneCount"]),
            "has no effect beside `zones`",
            "",
        );
    }
    if vpc.zones.len() < 2 {
        report.error(&path, "names one zone, and EKS needs two at least", "");
    }
    for (index, zone) in vpc.zones.iter().enumerate() {
        let path = path.item(index);
        if vpc.zones.iter().take(index).any(|other| other == zone) {
            report.error(&path, format!("names `{zone}` again"), "");
        }
        let region = cluster.metadata.region.as_deref();
        if let Some((detail, help)) = zone_problem(zone, region) {
            report.error(&path, detail, help);
        }
    }
}

/// Why a zone cannot be one of a region's availability zones.
fn zone_problem(zone: &str, region: Option<&str>) -> Option<(String, String)> {
    if let Some((_, number)) = zone.split_once("-az")
        && number.parse::<u8>().is_ok()
    {
        return Some((
            format!("`{zone}` is the id of a zone"),
            "write its name, such as `us-west-2a`; which it is differs from account to account"
                .to_owned(),
        ));
    }
    let own = zone.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let parts = own.split('-').count();
    if parts > 3 && own.ends_with(|last: char| last.is_ascii_digit()) && own.len() + 1 == zone.len()
    {
        let is_city = own.split('-').nth(3).is_some_and(|part| !part.is_empty());
        if is_city && !zone.starts_with("us-gov-") && !zone.starts_with("us-iso") {
            return Some((
                format!("`{zone}` is a local zone, in which EKS has no control plane"),
                "name availability zones, such as `us-west-2a`".to_owned(),
            ));
        }
    }
    let region = region?;
    let letter = zone.strip_prefix(region);
    let is_of_region = letter.is_some_and(|letter| {
        letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase())
    });
    (!is_of_region).then(|| {
        let candidates: Vec<String> = ('a'..='f')
            .map(|letter| format!("{region}{letter}"))
            .collect();
        let candidates: Vec<&str> = candidates.iter().map(String::as_str).collect();
        (
            format!("`{zone}` is not a zone of region `{region}`"),
            did_you_mean(zone, &candidates),
        )
    })
}

fn private_endpoint_needs_dns(spec: &Spec, path: &Path, report: &mut Report<'_>) {
    let vpc = &spec.vpc;
    if vpc.is_existing() || !spec.endpoint.private {
        return;
    }
    for (key, is_on) in [
        ("dnsSupport", vpc.dns_support),
        ("dnsHostnames", vpc.dns_hostnames),
    ] {
        if !is_on {
            report.error(
                &path.key(key),
                "is off, and the names of a private endpoint are resolved only with it",
                "turn it on, or `spec.endpoint.private` off",
            );
        }
    }
}

/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_KubernetesNetworkConfigRequest.html>.
fn service_network(spec: &Spec, report: &mut Report<'_>) {
    let Some(said) = &spec.service_cidr else {
        return;
    };
    let path = Path::of(&["spec", "serviceCidr"]);
    let Some(service) = network(said, &path, (12, 24), report) else {
        return;
    };
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let is_private = private
        .iter()
        .any(|private| Cidr::parse(private).is_ok_and(|private| private.contains(service)));
    if !is_private {
        report.error(
            &path,
            "is not private",
            "take a part of `10.0.0.0/8`, `172.16.0.0/12` or `192.168.0.0/16`",
        );
    }
    let own = spec.vpc.cidr.as_deref().unwrap_or(Vpc::CIDR);
    if !spec.vpc.is_existing() && Cidr::parse(own).is_ok_and(|own| own.overlaps(service)) {
        report.error(
            &path,
            format!("has addresses of the VPC's `{own}`"),
            "take a network that the VPC and what it is connected with do not have",
        );
    }
}

/// The network that a text is, of a size that AWS allows.
fn network(
    text: &str,
    path: &Path,
    (largest, smallest): (u8, u8),
    report: &mut Report<'_>,
) -> Option<Cidr> {
    match Cidr::parse(text) {
        Ok(cidr) if (largest..=smallest).contains(&cidr.length()) => Some(cidr),
        Ok(_) => {
            report.error(
                path,
                format!("`{text}` is not between /{largest} and /{smallest}"),
                "",
            );
            None
        }
        Err(Fault::NotCanonical(cidr)) => {
            report.error(
                path,
                format!("`{text}` has bits beyond its prefix"),
                format!("did you mean `{cidr}`?"),
            );
            None
        }
        Err(Fault::Syntax) => {
            report.error(
                path,
                format!("`{text}` is not a network of IPv4 such as `10.0.0.0/16`"),
                "",
            );
            None
        }
    }
}
