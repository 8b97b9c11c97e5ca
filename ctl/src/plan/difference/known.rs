//! What is known of the things that a plan is about, before anything is done.

use std::collections::BTreeMap;

use crate::plan::change::{Action, Change, Origin, makes_template_version};
use crate::resource::{Address, Attribute, Body, Kind, Outputs};

/// What is known of each thing.
#[derive(Debug)]
pub(super) struct Known<'a> {
    origin: &'a Origin,
    outputs: BTreeMap<Address, Outputs>,
}

impl<'a> Known<'a> {
    pub(super) fn new(origin: &'a Origin) -> Self {
        Self {
            origin,
            outputs: BTreeMap::new(),
        }
    }

    pub(super) fn get(&self, address: &Address, attribute: Attribute) -> Option<String> {
        self.outputs.get(address)?.get(&attribute).cloned()
    }

    /// Takes in what will be known of a thing. A launch template that changes has another version then.
    pub(super) fn learn(&mut self, change: &Change) {
        let outputs = match change.action {
            Action::Keep | Action::Wait | Action::Change => {
                let mut outputs = change
                    .observed
                    .as_ref()
                    .map(|observed| observed.outputs.clone())
                    .unwrap_or_default();
                if change.action == Action::Change
                    && change.address.kind == Kind::LaunchTemplate
                    && makes_template_version(&change.fields)
                {
                    outputs.remove(&Attribute::Version);
                }
                outputs
            }
            Action::Create | Action::Replace => change
                .wanted
                .as_ref()
                .map(|body| self.foreseen(body))
                .unwrap_or_default(),
            Action::Delete => Outputs::new(),
        };
        self.outputs.insert(change.address.clone(), outputs);
    }

    /// What follows from the name of a thing that does not exist yet.
    fn foreseen(&self, body: &Body) -> Outputs {
        let Origin {
            partition, account, ..
        } = self.origin;
        match body {
            Body::Role(role) => Outputs::from([
                (Attribute::Id, role.name.clone()),
                (
                    Attribute::Arn,
                    format!("arn:{partition}:iam::{account}:role/{}", role.name),
                ),
            ]),
            Body::InstanceProfile(profile) => {
                Outputs::from([(Attribute::Id, profile.name.clone())])
            }
            Body::Cluster(cluster) => Outputs::from([(Attribute::Id, cluster.name.clone())]),
            _ => Outputs::new(),
        }
    }
}
