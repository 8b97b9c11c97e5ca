//! What is ours and no longer wanted goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::change::{Action, Change};
use crate::plan::edges::Edges;
use crate::resource::{Address, Observed, Owner};

/// The deletions that the other changes of a plan leave to be made.
///
/// A thing goes after those that name it have changed, and after those that stand on it have gone.
pub(super) fn removals(changes: &[Change], observed: &[Observed]) -> Vec<Change> {
    let edges = Edges::of(observed);
    let mut actions: BTreeMap<&Address, Action> = changes
        .iter()
        .map(|change| (&change.address, change.action))
        .collect();
    let gone: Vec<&Observed> = observed
        .iter()
        .filter(|thing| thing.owner == Owner::Ours && !actions.contains_key(&thing.address))
        .collect();
    actions.extend(gone.iter().map(|thing| (&thing.address, Action::Delete)));
    gone.into_iter()
        .map(|thing| Change {
            address: thing.address.clone(),
            action: Action::Delete,
            wanted: None,
            observed: Some(thing.clone()),
            fields: Vec::new(),
            needs: needs(&thing.address, &actions, &edges),
            rolls_nodes: None,
        })
        .collect()
}

fn needs(
    address: &Address,
    actions: &BTreeMap<&Address, Action>,
    edges: &Edges,
) -> BTreeSet<Address> {
    let names = |other: &Address| {
        edges
            .by_reference
            .get(other)
            .is_some_and(|needs| needs.contains(address))
    };
    actions
        .iter()
        .filter(|(other, action)| match action {
            Action::Delete => edges.needs(other, address),
            Action::Change | Action::Replace => names(other),
            Action::Keep | Action::Wait | Action::Create => false,
        })
        .map(|(other, _)| (*other).clone())
        .collect()
}
