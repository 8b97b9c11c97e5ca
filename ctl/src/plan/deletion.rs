//! The graph backwards: everything that is ours goes, and everything else stays.

use super::change::{Action, Change, Origin, Plan};
use super::edges::Edges;
use crate::resource::{Observed, Owner};

/// The plan that deletes everything that is ours. Each thing goes after those that need it: nodes first, then what runs in
/// the cluster, the cluster, its roles and at last its network.
///
/// What is not ours stays, with a change that keeps it and a warning that says so.
pub fn plan(origin: &Origin, observed: &[Observed]) -> Plan {
    let edges = Edges::of(observed);
    let is_ours = |thing: &&Observed| thing.owner == Owner::Ours;
    let changes = observed.iter().map(|thing| {
        let goes = is_ours(&thing);
        let needs = observed
            .iter()
            .filter(is_ours)
            .filter(|other| goes && edges.needs(&other.address, &thing.address))
            .map(|other| other.address.clone())
            .collect();
        Change {
            address: thing.address.clone(),
            action: if goes { Action::Delete } else { Action::Keep },
            wanted: None,
            observed: Some(thing.clone()),
            fields: Vec::new(),
            needs,
            rolls_nodes: None,
        }
    });
    let warnings = observed
        .iter()
        .filter(|thing| !is_ours(thing))
        .map(|thing| format!("{} was not made by nodectl and stays", thing.address))
        .collect();
    Plan::new(origin, changes.collect(), observed, warnings)
}

#[cfg(test)]
mod tests;
