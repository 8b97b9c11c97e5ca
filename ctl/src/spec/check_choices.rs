//! What is wrong with a cluster in this account and region: the document against what AWS says that its choices mean.

mod addresses;
mod image;
mod network;
mod role;
mod subnets;

use node::config::problem::Problem;
use node::config::yaml::Node;

use super::Cluster;
use super::check::{Minor, Path, Report};
use crate::observe::choices::Choices;

/// Everything that is wrong with the choices. `tree` is what the cluster was read from.
pub fn check_choices(cluster: &Cluster, tree: &Node, choices: &Choices) -> Vec<Problem> {
    let mut report = Report::new(tree);
    version(cluster, choices, &mut report);
    network::check(cluster, choices, &mut report);
    role::check(cluster, choices, &mut report);
    image::check(cluster, choices, &mut report);
    addresses::check(cluster, choices, &mut report);
    report.into_problems()
}

fn version(cluster: &Cluster, choices: &Choices, report: &mut Report<'_>) {
    let version = &cluster.spec.version;
    if choices.versions.is_empty() || choices.versions.contains(version) {
        return;
    }
    let mut offered: Vec<(Minor, &str)> = choices
        .versions
        .iter()
        .filter_map(|offered| Some((Minor::parse(offered)?, offered.as_str())))
        .collect();
    offered.sort_unstable();
    let offered: Vec<&str> = offered.into_iter().map(|(_, offered)| offered).collect();
    report.error(
        &Path::of(&["spec", "version"]),
        format!("is `{version}`, which EKS does not offer"),
        format!("there are {}", offered.join(", ")),
    );
}
