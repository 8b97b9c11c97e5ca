//! What of a cluster was made by nodectl.

use std::collections::BTreeSet;

use crate::observe::existing::Existing;
use crate::resource::{Address, Attribute, Body, Kind, Observed, Role};

/// What of a cluster was made by nodectl.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ours<'a>(&'a [Observed]);

impl<'a> Ours<'a> {
    pub(super) fn new(existing: &'a Existing) -> Self {
        Self(&existing.ours)
    }

    pub(super) fn all(&self, kind: Kind) -> impl Iterator<Item = &'a Observed> {
        self.0
            .iter()
            .filter(move |observed| observed.address.kind == kind)
    }

    /// Id of the thing with this address.
    pub(super) fn id(&self, address: &Address) -> Option<&'a str> {
        let observed = self
            .0
            .iter()
            .find(|observed| observed.address == *address)?;
        observed.outputs.get(&Attribute::Id).map(String::as_str)
    }

    /// The role with this name among ours, such as `node`.
    pub(super) fn role(&self, name: &str) -> Option<&'a Role> {
        self.roles()
            .find(|(observed, _)| observed.address.name == name)
            .map(|(_, role)| role)
    }

    /// The role with this ARN, with its name among ours.
    pub(super) fn role_with_arn(&self, arn: &str) -> Option<(&'a str, &'a Role)> {
        self.roles()
            .find(|(observed, _)| {
                observed.outputs.get(&Attribute::Arn).map(String::as_str) == Some(arn)
            })
            .map(|(observed, role)| (observed.address.name.as_str(), role))
    }

    fn roles(&self) -> impl Iterator<Item = (&'a Observed, &'a Role)> {
        self.all(Kind::Role)
            .filter_map(|observed| match &observed.body {
                Body::Role(role) => Some((observed, role)),
                _ => None,
            })
    }
}

/// Policies beyond those of AWS with these names.
pub(super) fn beyond(policies: &BTreeSet<String>, needed: &[&str]) -> BTreeSet<String> {
    policies
        .iter()
        .filter(|arn| {
            let name = arn.split_once(":iam::aws:policy/").map(|(_, name)| name);
            !name.is_some_and(|name| needed.contains(&name))
        })
        .cloned()
        .collect()
}
