//! Whether a node can be made of a NodeConfig: what is missing or cannot be right, all at once.
//!
//! [`check`] asks the values; [`all`] also asks what is decided elsewhere at boot (TOML, CEL) and says where each thing
//! stands in the documents.

mod certificate;
mod cluster;
mod containerd;
mod flags;
mod instance;
mod kubelet;
#[cfg(test)]
mod tests;
mod watch;

pub use certificate::certificate_authority;
pub use cluster::cidr_address;
pub use flags::{taint_problem, words};
pub use instance::is_unit_name;
pub use watch::not_disabled;

pub use super::problem::Problem;

use super::node_config::Kubelet;
use super::problem::bounded;
use super::yaml::Node;
use super::{AgentConfig, Document, NodeConfig, label};

/// All problems of the values of a merged NodeConfig, in the order of its fields.
pub fn check(config: &NodeConfig) -> Vec<Problem> {
    let mut problems = cluster::check(&config.spec.cluster);
    problems.extend(certificate::check(config));
    problems.extend(instance::check(&config.spec.instance));
    problems.extend(kubelet_settings(&config.spec.kubelet));
    bounded(problems)
}

/// All problems of `spec.kubelet`.
pub fn kubelet_settings(settings: &Kubelet) -> Vec<Problem> {
    let mut problems = kubelet::check(settings);
    problems.extend(flags::check(&settings.flags));
    problems
}

/// All problems of a merged NodeConfig, each with the place in `documents` of the field it is about.
pub fn all(config: &NodeConfig, tree: &Node, documents: &[Document]) -> Vec<Problem> {
    let mut problems = check(config);
    problems.extend(containerd::check(tree, documents));
    problems.extend(kubelet::expression(&config.spec.kubelet));
    problems
        .into_iter()
        .map(|problem| problem.located(tree))
        .collect()
}

/// All problems of the merged settings of the agent, which `tree` holds. `user_codes` are those of the owner's rules.
pub fn agent(settings: &AgentConfig, tree: &Node, user_codes: &[&str]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, path) in &settings.labels {
        let field = ["spec", "labels", name.as_str()];
        let details = label::name_problem(name)
            .into_iter()
            .chain(label::path_problem(path));
        problems.extend(
            details.map(|detail| {
                Problem::warning(&field, format!("is wrong: {detail}")).located(tree)
            }),
        );
    }
    problems.extend(watch::check(tree, user_codes));
    problems
}
