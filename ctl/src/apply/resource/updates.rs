//! Changes that take several calls, of which the next is accepted only when the one before has come about.
//!
//! EKS takes one kind of change at a time. The engine asks for a change again while it is busy, so a change makes one call
//! each time it is asked for, and remembers how far it is. Another process starts from a plan of what is left.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::resource::Address;

/// How far the changes of each thing are.
#[derive(Debug, Default)]
pub(super) struct Updates(Mutex<BTreeMap<Address, Progress>>);

/// How far the change of one thing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Calls that were accepted.
    pub(super) done: usize,
    /// Id of what the last of them started, where it has one.
    pub(super) last: Option<String>,
}

impl Updates {
    /// How far the change of a thing is.
    pub(super) fn of(&self, address: &Address) -> Progress {
        let updates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        updates.get(address).cloned().unwrap_or_default()
    }

    /// Notes that a call was accepted. After the last of them a change begins anew; what it started is remembered.
    pub(super) fn accepted(&self, address: &Address, last: Option<String>, is_final: bool) {
        let mut updates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = updates.entry(address.clone()).or_default();
        progress.done = if is_final { 0 } else { progress.done + 1 };
        progress.last = last;
    }

    /// Forgets a thing, whose change has failed.
    pub(super) fn forget(&self, address: &Address) {
        let mut updates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        updates.remove(address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Kind;

    #[test]
    fn a_change_begins_anew_after_its_last_call() {
        let updates = Updates::default();
        let address = Address::new(Kind::Cluster, "blue");
        updates.accepted(&address, Some("u-1".into()), false);
        assert_eq!(updates.of(&address).done, 1);
        updates.accepted(&address, Some("u-2".into()), true);
        let progress = updates.of(&address);
        assert_eq!((progress.done, progress.last.as_deref()), (0, Some("u-2")));
        updates.forget(&address);
        assert_eq!(updates.of(&address), Progress::default());
    }
}
