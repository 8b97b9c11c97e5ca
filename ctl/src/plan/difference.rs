//! The difference between what is wanted and what is there.

mod fields;
mod known;
mod policy;
mod refusal;
mod removal;
mod version;

use std::collections::BTreeMap;

use serde_json::Value;

pub use refusal::{Refusal, Refused};

use super::change::{Action, Change, FieldChange, Origin, Plan};
use super::side::nodes;
use crate::resource::{Address, Effect, Kind, Observed, Owner, Status, Wanted, effect, resolve};
use fields::Difference;
use known::Known;

/// The plan that makes what is wanted of what is there. `wanted` is in an order of dependency.
///
/// A thing that is still being made and is as it should be is waited for. One that is still being deleted is made anew: its
/// change is a creation that has an observed side, and what is there must be gone first. What is ours and no longer wanted
/// is deleted; what is not ours may be changed in place, and is neither deleted nor made anew.
///
/// # Errors
/// Everything that cannot be done, at once.
pub fn plan(origin: &Origin, wanted: &[Wanted], observed: &[Observed]) -> Result<Plan, Refused> {
    let observed_by_address: BTreeMap<&Address, &Observed> = observed
        .iter()
        .map(|thing| (&thing.address, thing))
        .collect();
    let mut warnings = Vec::new();
    let mut refusals = Vec::new();
    let wanted = version::step(wanted, &observed_by_address, &mut warnings, &mut refusals);
    let mut known = Known::new(origin);
    let mut changes = Vec::new();
    for thing in &wanted {
        let there = observed_by_address.get(&thing.address).copied();
        let change = change(thing, there, &known, &mut refusals);
        known.learn(&change);
        changes.push(change);
    }
    if !refusals.is_empty() {
        return Err(Refused { refusals });
    }
    let gone = removal::removals(&changes, observed);
    changes.extend(gone);
    Ok(Plan::new(origin, changes, observed, warnings))
}

/// What happens to one thing that is wanted.
fn change(
    wanted: &Wanted,
    observed: Option<&Observed>,
    known: &Known<'_>,
    refusals: &mut Vec<Refusal>,
) -> Change {
    let mut properties = wanted.body.to_json();
    resolve(&mut properties, &|address, attribute| {
        known.get(address, attribute)
    });
    let mut change = Change {
        address: wanted.address.clone(),
        action: Action::Create,
        wanted: wanted
            .body
            .with_properties(properties.clone())
            .ok()
            .or_else(|| Some(wanted.body.clone())),
        observed: observed.cloned(),
        fields: Vec::new(),
        needs: wanted.needs(),
        rolls_nodes: None,
    };
    let Some(there) = observed.filter(|there| there.status != Status::Deleting) else {
        return change;
    };
    let differences = fields::differences(
        wanted.address.kind,
        there.owner,
        &properties,
        &there.body.to_json(),
    );
    let mut outcome = Outcome::default();
    for difference in differences {
        outcome.count(&change.address, difference, refusals);
    }
    if let Status::Failed { reason } = &there.status {
        outcome.replaces |= fails_for_good(&change.address, reason, refusals);
    }
    if outcome.replaces && there.owner == Owner::Other {
        refusals.push(Refusal::NotOurs {
            address: change.address.clone(),
            fields: outcome.replacing_fields(),
        });
    }
    change.action = if outcome.replaces {
        Action::Replace
    } else if !outcome.fields.is_empty() {
        Action::Change
    } else if [Status::Creating, Status::Updating].contains(&there.status) {
        Action::Wait
    } else {
        Action::Keep
    };
    // An Auto Scaling group is updated by nothing but an instance refresh.
    let is_rolling =
        change.address.kind == Kind::AutoScalingGroup && there.status == Status::Updating;
    if is_rolling || change.action == Action::Change && outcome.rolls_nodes {
        change.rolls_nodes = Some(nodes(&there.body, None)).filter(|nodes| *nodes > 0);
    }
    change.fields = outcome.fields;
    change
}

/// What the differences of one thing come to.
#[derive(Debug, Default)]
struct Outcome {
    fields: Vec<FieldChange>,
    replaces: bool,
    rolls_nodes: bool,
}

impl Outcome {
    fn count(&mut self, address: &Address, difference: Difference, refusals: &mut Vec<Refusal>) {
        let path: Vec<&str> = difference.path.iter().map(String::as_str).collect();
        let effect = effect(address.kind, &path);
        let path = path.join(".");
        match effect {
            Effect::AtCreation => return,
            Effect::Never(reason) => refusals.push(Refusal::Never {
                address: address.clone(),
                field: path.clone(),
                from: shown(difference.from.as_ref()),
                to: shown(difference.to.as_ref()),
                reason,
            }),
            Effect::Replaces => self.replaces = true,
            Effect::RollsNodes => self.rolls_nodes = true,
            Effect::InPlace => {}
        }
        self.fields.push(FieldChange {
            path,
            from: difference.from,
            to: difference.to,
            replaces: effect == Effect::Replaces,
        });
    }

    fn replacing_fields(&self) -> Vec<String> {
        self.fields
            .iter()
            .filter(|field| field.replaces)
            .map(|field| field.path.clone())
            .collect()
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "unset".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Whether a thing that failed has to be made anew. Of others than these the API says more when they are changed, and a
/// cluster takes everything in it along, which only `delete` does.
fn fails_for_good(address: &Address, reason: &str, refusals: &mut Vec<Refusal>) -> bool {
    match address.kind {
        Kind::NodeGroup | Kind::Addon | Kind::NatGateway => true,
        Kind::Cluster => {
            refusals.push(Refusal::ClusterFailed {
                name: address.name.clone(),
                reason: reason.to_owned(),
            });
            false
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
