//! An order in which changes can be made.

use std::collections::BTreeSet;

use super::change::Change;

/// Puts every change after those that it needs, and otherwise leaves them as they are. Needs that no change answers do not
/// count. Should changes need each other in a circle, they stay at the end as they were.
pub(super) fn ordered(changes: Vec<Change>) -> Vec<Change> {
    let mut left = changes;
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let open: BTreeSet<_> = left.iter().map(|change| change.address.clone()).collect();
        let (ready, rest): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|change| change.needs.is_disjoint(&open));
        if ready.is_empty() {
            ordered.extend(rest);
            break;
        }
        ordered.extend(ready);
        left = rest;
    }
    ordered
}
