//! What a plan consists of.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fingerprint::fingerprint;
use super::order::ordered;
use crate::resource::{Address, Body, Observed, Wanted};

/// What a plan is made for, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Name of the cluster.
    pub cluster: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// Region.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// When AWS was looked at.
    pub made_at: Timestamp,
}

/// All that is to be done, in an order in which it can be done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Name of the cluster.
    pub cluster: String,
    /// Region.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// When AWS was looked at.
    pub made_at: Timestamp,
    /// Digest of everything that the plan was made of: the document and AWS as it was. Another one means that the plan is
    /// stale.
    pub fingerprint: String,
    /// One for each thing that is wanted or there, also those that stay as they are: what needs whom is only known of all.
    pub changes: Vec<Change>,
    /// What deserves a second look.
    pub warnings: Vec<String>,
}

/// What happens to one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Which thing.
    pub address: Address,
    /// What happens to it.
    pub action: Action,
    /// How it should be; none when it goes.
    pub wanted: Option<Body>,
    /// How it is; none when it does not exist.
    pub observed: Option<Observed>,
    /// The properties that differ.
    pub fields: Vec<FieldChange>,
    /// What must be done before: changes of the things that it needs or, when it goes, of those that need it.
    pub needs: BTreeSet<Address>,
    /// How many nodes are replaced one after the other by it.
    pub rolls_nodes: Option<u32>,
}

/// What happens to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Nothing: it is as it should be.
    Keep,
    /// Nothing but waiting: its API still makes or changes it to what it should be.
    Wait,
    /// It is made.
    Create,
    /// It is changed in place.
    Change,
    /// It is deleted and made anew.
    Replace,
    /// It is deleted.
    Delete,
}

/// Whether a difference of a launch template is about what a version says, and not about the tags of the template alone.
pub fn makes_template_version(fields: &[FieldChange]) -> bool {
    fields
        .iter()
        .any(|field| field.path != "tags" && !field.path.starts_with("tags."))
}

/// A property that differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Where it is, such as `scaling.min` or `tags.team`.
    pub path: String,
    /// As it is; none when it is not set.
    pub from: Option<Value>,
    /// As it should be; none when it goes. A reference to something that does not exist yet is known after apply.
    pub to: Option<Value>,
    /// Whether the thing must be made anew for it.
    pub replaces: bool,
}

impl Plan {
    /// The plan of these changes, brought into an order.
    pub(super) fn new(
        origin: &Origin,
        changes: Vec<Change>,
        observed: &[Observed],
        warnings: Vec<String>,
    ) -> Self {
        Self {
            cluster: origin.cluster.clone(),
            region: origin.region.clone(),
            account: origin.account.clone(),
            made_at: origin.made_at,
            fingerprint: fingerprint(&changes, observed),
            changes: ordered(changes),
            warnings,
        }
    }

    /// What the plan comes to.
    pub fn summary(&self) -> Summary {
        let count = |action| {
            let changes = self.changes.iter();
            changes.filter(|change| change.action == action).count()
        };
        Summary {
            create: count(Action::Create),
            change: count(Action::Change),
            replace: count(Action::Replace),
            delete: count(Action::Delete),
            wait: count(Action::Wait),
            rolls_nodes: self
                .changes
                .iter()
                .filter_map(|change| change.rolls_nodes)
                .sum(),
        }
    }

    /// What was wanted when the plan was made, in an order of dependency.
    pub fn wanted(&self) -> Vec<Wanted> {
        let wanted = |change: &Change| {
            Some(Wanted {
                address: change.address.clone(),
                body: change.wanted.clone()?,
                after: change.needs.clone(),
            })
        };
        self.changes.iter().filter_map(wanted).collect()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes
            .iter()
            .all(|change| change.action == Action::Keep)
    }
}

/// What a plan comes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Things that are made.
    pub create: usize,
    /// Things that are changed in place.
    pub change: usize,
    /// Things that are made anew.
    pub replace: usize,
    /// Things that are deleted.
    pub delete: usize,
    /// Things that are waited for.
    pub wait: usize,
    /// Nodes that are replaced one after the other.
    pub rolls_nodes: u32,
}
