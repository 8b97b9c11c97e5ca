//! Versions of Kubernetes: a control plane goes up one minor version at a time, and nodes are never ahead of it.

use std::collections::{BTreeMap, BTreeSet};

use super::Refusal;
use crate::resource::{Address, Body, Kind, LaunchTemplate, Observed, Wanted};
use crate::spec::Minor;

/// What is wanted of this plan: where the document is more than one minor version ahead of the control plane, the next one.
/// An AMI of the document is for its own version, and so nodes have it when the control plane is there: groups keep the one
/// that they have until then, and those that have none are made or changed then.
pub(super) fn step(
    wanted: &[Wanted],
    observed: &BTreeMap<&Address, &Observed>,
    warnings: &mut Vec<String>,
    refusals: &mut Vec<Refusal>,
) -> Vec<Wanted> {
    let mut wanted = wanted.to_vec();
    let Some(versions) = versions(&wanted, observed) else {
        return wanted;
    };
    let Versions { cluster, from, to } = versions;
    if to < from {
        refusals.push(Refusal::OlderVersion {
            cluster,
            from: from.to_string(),
            to: to.to_string(),
        });
        return wanted;
    }
    let next = from.next();
    if to <= next {
        return wanted;
    }
    warnings.push(format!(
        "cluster/{cluster} goes from {from} to {next} in this plan, since EKS takes one minor version at a time: plan and apply again until it is at {to}. Node groups with an AMI of their own keep it until then"
    ));
    let later = later(&wanted, observed);
    let mut left_out = BTreeSet::new();
    for thing in &wanted {
        if is_group(thing.address.kind) && later.contains(&thing.address.name) {
            warnings.push(format!(
                "{} waits for the plan that goes to {to}: the AMI that the document gives it is for that version",
                thing.address
            ));
        }
    }
    for thing in &mut wanted {
        let there = observed.get(&thing.address).map(|there| &there.body);
        let address = &thing.address;
        let is_of_group = is_group(address.kind) || address.kind == Kind::LaunchTemplate;
        let is_later = is_of_group && later.contains(&address.name);
        match (&mut thing.body, there) {
            (body, Some(there)) if is_later => body.clone_from(there),
            (_, None) if is_later => {
                left_out.insert(thing.address.clone());
            }
            (Body::Cluster(cluster), _) => cluster.version = next.to_string(),
            (Body::NodeGroup(group), _) if group.version.is_some() => {
                group.version = Some(next.to_string());
                // A release that is pinned is of the last version.
                group.release_version = None;
            }
            (Body::LaunchTemplate(template), Some(Body::LaunchTemplate(there)))
                if template.image.is_some() =>
            {
                template.image.clone_from(&there.image);
            }
            _ => {}
        }
    }
    wanted.retain(|thing| !left_out.contains(&thing.address));
    for thing in &mut wanted {
        thing.after.retain(|address| !left_out.contains(address));
    }
    wanted
}

/// Names of the groups that get an AMI of the document and have none so far; their launch templates are called as they are.
fn later(wanted: &[Wanted], observed: &BTreeMap<&Address, &Observed>) -> BTreeSet<String> {
    let image = |body: &Body| match body {
        Body::LaunchTemplate(LaunchTemplate { image, .. }) => image.is_some(),
        _ => false,
    };
    wanted
        .iter()
        .filter(|thing| image(&thing.body))
        .filter(|thing| {
            let there = observed.get(&thing.address);
            !there.is_some_and(|there| image(&there.body))
        })
        .map(|thing| thing.address.name.clone())
        .collect()
}

fn is_group(kind: Kind) -> bool {
    matches!(kind, Kind::NodeGroup | Kind::AutoScalingGroup)
}

struct Versions {
    cluster: String,
    from: Minor,
    to: Minor,
}

fn versions(wanted: &[Wanted], observed: &BTreeMap<&Address, &Observed>) -> Option<Versions> {
    let thing = wanted
        .iter()
        .find(|thing| thing.address.kind == Kind::Cluster)?;
    let Body::Cluster(cluster) = &thing.body else {
        return None;
    };
    let Body::Cluster(there) = &observed.get(&thing.address)?.body else {
        return None;
    };
    Some(Versions {
        cluster: cluster.name.clone(),
        from: Minor::parse(&there.version)?,
        to: Minor::parse(&cluster.version)?,
    })
}
