//! The steps of a plan and which must end before which may begin. Pure.
//!
//! A thing that is replaced has two steps, so that what needs it can go before its old self goes, and come back after its
//! new self is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::plan::change::{Action, Change, Plan};
use crate::resource::{Address, Status};

/// One half of what happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Half {
    /// It goes.
    Remove,
    /// It comes, changes, or is waited for.
    Make,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// Index of the change in the plan.
    pub(super) change: usize,
    /// Which half of it.
    pub(super) half: Half,
    /// Indices of the steps that must end well before.
    pub(super) needs: BTreeSet<usize>,
}

/// Why the steps of a plan have no order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("these need each other: {}", .addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
pub struct Cycle {
    /// The things that can never begin.
    pub addresses: Vec<Address>,
}

/// How many steps a plan has.
pub fn count(plan: &Plan) -> Result<usize, Cycle> {
    Ok(nodes(plan)?.len())
}

/// The steps of a plan, in its order.
pub(super) fn nodes(plan: &Plan) -> Result<Vec<Node>, Cycle> {
    let mut nodes = Vec::new();
    let mut index: BTreeMap<(&Address, Half), usize> = BTreeMap::new();
    for (change_index, change) in plan.changes.iter().enumerate() {
        for half in halves(change) {
            index.insert((&change.address, *half), nodes.len());
            nodes.push(Node {
                change: change_index,
                half: *half,
                needs: BTreeSet::new(),
            });
        }
    }
    let changes: BTreeMap<&Address, &Change> = plan
        .changes
        .iter()
        .map(|change| (&change.address, change))
        .collect();
    for change in &plan.changes {
        let step = |half| index.get(&(&change.address, half)).copied();
        let (remove, make) = (step(Half::Remove), step(Half::Make));
        if let (Some(remove), Some(make)) = (remove, make) {
            nodes[make].needs.insert(remove);
        }
        for needed in change.needs.iter().filter_map(|need| changes.get(need)) {
            let other = |half| index.get(&(&needed.address, half)).copied();
            // A thing comes after what it needs, and goes after all that needs it has gone, or has let go of it.
            if let (Some(make), Some(made)) = (make, other(Half::Make)) {
                nodes[make].needs.insert(made);
            }
            match (remove, make, other(Half::Remove), other(Half::Make)) {
                // Both are replaced: the one that needs goes first.
                (Some(remove), Some(_), Some(removed), Some(_)) => {
                    nodes[removed].needs.insert(remove);
                }
                (Some(first), _, Some(removed), _) | (None, Some(first), Some(removed), None) => {
                    nodes[first].needs.insert(removed);
                }
                (Some(remove), None, None, Some(changed)) => {
                    nodes[remove].needs.insert(changed);
                }
                _ => {}
            }
        }
    }
    let order = order(&nodes);
    if order.len() == nodes.len() {
        return Ok(nodes);
    }
    let stuck: BTreeSet<usize> = (0..nodes.len())
        .filter(|node| !order.contains(node))
        .map(|node| nodes[node].change)
        .collect();
    Err(Cycle {
        addresses: stuck
            .into_iter()
            .map(|change| plan.changes[change].address.clone())
            .collect(),
    })
}

fn halves(change: &Change) -> &'static [Half] {
    let is_going = change
        .observed
        .as_ref()
        .is_some_and(|observed| observed.status == Status::Deleting);
    match change.action {
        Action::Keep => &[],
        // Its old self must be gone before it is made anew.
        Action::Create if is_going => &[Half::Remove, Half::Make],
        Action::Wait | Action::Create | Action::Change => &[Half::Make],
        Action::Replace => &[Half::Remove, Half::Make],
        Action::Delete => &[Half::Remove],
    }
}

/// The steps in an order in which they can be done; those that need each other are missing.
fn order(nodes: &[Node]) -> Vec<usize> {
    let mut order: Vec<usize> = Vec::with_capacity(nodes.len());
    let mut placed = vec![false; nodes.len()];
    loop {
        let next: Vec<usize> = (0..nodes.len())
            .filter(|node| !placed[*node] && nodes[*node].needs.iter().all(|need| placed[*need]))
            .collect();
        if next.is_empty() {
            return order;
        }
        for node in next {
            placed[node] = true;
            order.push(node);
        }
    }
}

/// The chain of steps that took longest, first step first, from how long each took.
pub(super) fn critical_path(nodes: &[Node], took: &[Option<Duration>]) -> Vec<usize> {
    let mut ends = vec![Duration::ZERO; nodes.len()];
    let mut before: Vec<Option<usize>> = vec![None; nodes.len()];
    let mut last: Option<usize> = None;
    for node in order(nodes) {
        let Some(duration) = took[node] else { continue };
        let latest = nodes[node]
            .needs
            .iter()
            .copied()
            .filter(|need| took[*need].is_some())
            .max_by_key(|need| ends[*need]);
        before[node] = latest;
        ends[node] = duration + latest.map_or(Duration::ZERO, |need| ends[need]);
        if last.is_none_or(|last| ends[last] < ends[node]) {
            last = Some(node);
        }
    }
    let mut path: Vec<usize> = std::iter::successors(last, |node| before[*node]).collect();
    path.reverse();
    path
}

#[cfg(test)]
mod tests;
