//! What a step has to do, from its change and what is known when its turn comes. Pure.

use std::collections::BTreeMap;

use super::graph::Half;
use super::journal::Journal;
use super::report::Failure;
use super::step::Task;
use crate::plan::change::{Action, Change, FieldChange, Plan};
use crate::resource::{Address, Attribute, Body, Observed, Outputs, Status, references, resolve};

/// What is known of the things that are there before a run: what was observed, and beside it what an earlier attempt of the
/// same run learned.
pub(super) fn known(plan: &Plan, journal: &Journal) -> BTreeMap<Address, Outputs> {
    let observed = plan
        .changes
        .iter()
        .filter_map(|change| change.observed.as_ref());
    observed
        .map(|observed| {
            let mut outputs = journal
                .outputs(&observed.address)
                .cloned()
                .unwrap_or_default();
            outputs.extend(observed.outputs.clone());
            (observed.address.clone(), outputs)
        })
        .collect()
}

/// The task of one half of a change.
pub(super) fn task(
    change: &Change,
    half: Half,
    known: &BTreeMap<Address, Outputs>,
    token: impl Fn(&Address) -> String,
) -> Result<Task, Failure> {
    let wanted = || {
        let wanted = change.wanted.as_ref();
        resolved(wanted.ok_or(Failure::Incomplete("should be"))?, known)
    };
    let observed = || {
        let observed = change.observed.as_ref();
        observed.ok_or(Failure::Incomplete("is"))
    };
    match (change.action, half) {
        (_, Half::Remove) => {
            let observed: &Observed = observed()?;
            let is_begun = observed.status == Status::Deleting;
            Ok(Task::Delete(Box::new(observed.clone()), is_begun))
        }
        (Action::Change, Half::Make) => Ok(Task::Change(
            Box::new(observed()?.clone()),
            wanted()?,
            change
                .fields
                .iter()
                .map(|field| resolved_field(field, known))
                .collect(),
        )),
        (Action::Wait | Action::Keep, Half::Make) => Ok(Task::Wait(wanted()?)),
        (Action::Create | Action::Replace | Action::Delete, Half::Make) => {
            Ok(Task::Create(wanted()?, token(&change.address)))
        }
    }
}

fn resolved(body: &Body, known: &BTreeMap<Address, Outputs>) -> Result<Body, Failure> {
    let mut properties = body.to_json();
    resolve(&mut properties, &|address, attribute| {
        lookup(known, address, attribute)
    });
    let missing = references(&properties);
    if !missing.is_empty() {
        return Err(Failure::Unresolved {
            of: missing.into_iter().collect(),
        });
    }
    body.with_properties(properties)
        .map_err(|error| Failure::State {
            reason: error.to_string(),
        })
}

fn resolved_field(field: &FieldChange, known: &BTreeMap<Address, Outputs>) -> FieldChange {
    let mut field = field.clone();
    if let Some(to) = &mut field.to {
        resolve(to, &|address, attribute| lookup(known, address, attribute));
    }
    field
}

fn lookup(
    known: &BTreeMap<Address, Outputs>,
    address: &Address,
    attribute: Attribute,
) -> Option<String> {
    known.get(address)?.get(&attribute).cloned()
}
