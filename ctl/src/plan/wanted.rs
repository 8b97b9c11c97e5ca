//! What a `cluster.yaml` asks for: every thing of the cluster, in an order in which they can be made. Pure, and the same
//! document with the same choices always gives the same things.

mod access;
pub mod addon;
mod auto_scaling;
mod control_plane;
mod identity;
mod launch_template;
mod network;
mod node_config;
mod node_group;
mod scope;
mod subnet_division;
mod user_data;

use std::collections::{BTreeMap, BTreeSet};

use crate::observe::choices::Choices;
use crate::resource::{Address, Body, Wanted};
use crate::spec::Cluster;
use scope::Scope;

/// Everything that the document asks for, each thing after those that it needs.
///
/// `files` holds the texts of the files that user data is read from, by the name that the document gives them. The document
/// is taken to be without faults: what [`crate::spec`] refuses is left out here, or made as well as it goes.
pub fn wanted(
    cluster: &Cluster,
    choices: &Choices,
    files: &BTreeMap<String, String>,
) -> Vec<Wanted> {
    let scope = Scope::new(cluster, choices, files);
    let mut things = Things::default();
    let network = network::add(&scope, &mut things);
    identity::add(&scope, &mut things);
    control_plane::add(&scope, &network, &mut things);
    let entries = access::add(&scope, &mut things);
    let before_nodes = addon::add(
        &scope,
        addon::Time::BeforeNodes,
        &BTreeSet::new(),
        &mut things,
    );
    let mut before = network.ways_out.clone();
    before.extend(entries);
    before.extend(before_nodes);
    let groups = node_group::add(&scope, &network, &before, &mut things);
    addon::add(&scope, addon::Time::AfterNodes, &groups, &mut things);
    things.0
}

/// The things so far.
#[derive(Debug, Default)]
struct Things(Vec<Wanted>);

impl Things {
    fn add(&mut self, address: Address, body: Body) {
        self.add_after(address, body, BTreeSet::new());
    }

    fn add_after(&mut self, address: Address, body: Body, after: BTreeSet<Address>) {
        self.0.push(Wanted {
            address,
            body,
            after,
        });
    }
}

#[cfg(test)]
mod tests;
