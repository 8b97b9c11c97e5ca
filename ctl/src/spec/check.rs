//! What can be known to be wrong with a cluster before AWS is asked.
//!
//! One module a part of the document. A fault is an error when AWS refuses it or no node could join; it is a warning when
//! it is allowed and probably not meant.

mod access;
mod addon;
mod ami;
mod arn;
mod endpoint;
mod group;
mod identity;
mod machine;
mod metadata;
mod network;
mod pods;
mod report;
mod tags;
mod user_data;
mod version;

pub(super) use ami::architecture_of_type;
pub(super) use endpoint::is_limited;
pub(super) use pods::capacity;
pub(super) use report::{Path, Report, did_you_mean};
pub(crate) use version::Minor;
pub(super) use version::skew;

use std::collections::BTreeMap;

use node::config::problem::Problem;
use node::config::yaml::Node;

use super::Cluster;

/// The texts of the files that parts of user data name, by the names that the document gives them, or why one cannot be read.
pub type Files = BTreeMap<String, Result<String, String>>;

/// Everything that can be known to be wrong before AWS is asked. `tree` is what the cluster was read from.
pub fn check(cluster: &Cluster, tree: &Node, files: &Files) -> Vec<Problem> {
    let mut report = Report::new(tree);
    metadata::check(cluster, &mut report);
    version::check(cluster, &mut report);
    network::check(cluster, &mut report);
    endpoint::check(cluster, &mut report);
    identity::check(cluster, &mut report);
    access::check(cluster, &mut report);
    addon::check(cluster, &mut report);
    group::check(cluster, files, &mut report);
    report.into_problems()
}
