//! What one wants to know of a thing that is made or goes, in a few words.

use std::collections::BTreeSet;

use super::counted;
use super::value::of_text;
use crate::print::table::printable;
use crate::resource::{Body, Endpoint, LaunchTemplate, Scaling, Text};

pub(super) fn detail(body: &Body) -> String {
    let text = match body {
        Body::Vpc(vpc) => vpc.cidr.clone(),
        Body::Subnet(subnet) => format!("{}, {}", subnet.cidr, subnet.zone),
        Body::SubnetTags(tags) => pairs(tags.tags.iter()),
        Body::RouteTable(table) => pairs(table.routes.iter().map(|(to, way)| (to, source(way)))),
        Body::SecurityGroup(group) => group.name.clone(),
        Body::LogGroup(group) => match group.retention_days {
            Some(days) => format!("{}, kept {days} days", group.name),
            None => group.name.clone(),
        },
        Body::Role(role) => policies(&role.policies),
        Body::InstanceProfile(profile) => profile.name.clone(),
        Body::Cluster(cluster) => {
            format!(
                "Kubernetes {}, {}",
                cluster.version,
                endpoint(&cluster.endpoint)
            )
        }
        Body::AccessEntry(entry) => {
            let policies: BTreeSet<String> = entry.policies.keys().cloned().collect();
            listed([
                entry.entry_type.clone(),
                policies_or_groups(&policies, &entry.groups),
            ])
        }
        Body::AwsAuthRole(role) => of_text(&role.role),
        Body::Addon(addon) => addon
            .version
            .clone()
            .unwrap_or_else(|| "default version".to_owned()),
        Body::PodIdentityAssociation(association) => of_text(&association.role),
        Body::LaunchTemplate(template) => launch_template(template),
        Body::NodeGroup(group) => {
            let kind = if group.capacity_type == "SPOT" {
                "spot"
            } else {
                ""
            };
            listed([
                group.instance_types.join(" or "),
                kind.to_owned(),
                sizes(group.scaling),
                group.ami_type.clone().unwrap_or_default(),
            ])
        }
        Body::AutoScalingGroup(group) => {
            listed([group.instance_types.join(" or "), sizes(group.scaling)])
        }
        Body::InternetGateway(_) | Body::ElasticIp(_) | Body::NatGateway(_) => String::new(),
        Body::OidcProvider(provider) => match &provider.url {
            Text::Known(url) => url.clone(),
            Text::Of { .. } | Text::Join { .. } => String::new(),
        },
    };
    printable(&text)
}

fn listed<const COUNT: usize>(parts: [String; COUNT]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

fn pairs(pairs: impl Iterator<Item = (impl std::fmt::Display, impl std::fmt::Display)>) -> String {
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(", ")
}

/// A text, or the thing that it will come from.
fn source(text: &Text) -> String {
    match text {
        Text::Of { address, .. } => address.to_string(),
        text => of_text(text),
    }
}

/// Names of policies, without what is the same in the ARN of each.
fn policies(policies: &BTreeSet<String>) -> String {
    let names: Vec<&str> = policies
        .iter()
        .map(|arn| arn.rsplit('/').next().unwrap_or(arn))
        .collect();
    names.join(", ")
}

fn policies_or_groups(policies_of: &BTreeSet<String>, groups: &BTreeSet<String>) -> String {
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    listed([policies(policies_of), groups.join(", ")])
}

fn endpoint(endpoint: &Endpoint) -> String {
    let cidrs: Vec<&str> = endpoint.public_cidrs.iter().map(String::as_str).collect();
    let public = if endpoint.public {
        format!("public for {}", cidrs.join(", "))
    } else {
        String::new()
    };
    let private = if endpoint.private { "private" } else { "" };
    format!("endpoint {}", listed([private.to_owned(), public]))
}

fn launch_template(template: &LaunchTemplate) -> String {
    let disk = &template.disk;
    let encrypted = if disk.encrypted {
        ", encrypted"
    } else {
        ", not encrypted"
    };
    let user_data = if template.user_data.is_some() {
        "user data"
    } else {
        ""
    };
    listed([
        template.image.clone().unwrap_or_default(),
        template.instance_type.clone().unwrap_or_default(),
        format!("{} GiB {}{encrypted}", disk.size, disk.volume_type),
        user_data.to_owned(),
    ])
}

fn sizes(scaling: Scaling) -> String {
    let Scaling { min, max, desired } = scaling;
    match desired {
        _ if min == max => counted(min, "node"),
        Some(desired) => format!("{} ({min} to {max})", counted(desired, "node")),
        None => format!("{min} to {max} nodes"),
    }
}
