//! Versions of Kubernetes: a control plane goes up one minor version at a time, and nodes are never ahead of it.

use std::collections::BTreeMap;

use super::Refusal;
use crate::resource::{Address, Body, Kind, Observed, Wanted};

/// What is wanted of this plan: where the document is more than one minor version ahead of the control plane, the next one,
/// and AMIs as they are, since those of the document may be for its own version.
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
    for thing in &mut wanted {
        let there = observed.get(&thing.address).map(|there| &there.body);
        match (&mut thing.body, there) {
            (Body::Cluster(cluster), _) => cluster.version = next.to_string(),
            (Body::NodeGroup(group), _) if group.version.is_some() => {
                group.version = Some(next.to_string());
                // A release that is pinned is of the last version.
                group.release_version = None;
            }
            (Body::LaunchTemplate(template), Some(Body::LaunchTemplate(there)))
                if template.image.is_some() && there.image.is_some() =>
            {
                template.image.clone_from(&there.image);
            }
            _ => {}
        }
    }
    wanted
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

/// A minor version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Minor {
    major: u32,
    minor: u32,
}

impl Minor {
    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
        })
    }

    fn next(self) -> Self {
        Self {
            minor: self.minor + 1,
            ..self
        }
    }
}

impl std::fmt::Display for Minor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}
