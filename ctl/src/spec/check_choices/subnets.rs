//! Which of the subnets that are there a document means.

use std::collections::BTreeSet;

use crate::observe::choices::{ExistingSubnet, ExistingVpc};
use crate::spec::{GroupSubnets, NodeGroup, SubnetChoice, Vpc};

/// Ids of the subnets of each sort.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sorts<'a> {
    pub public: BTreeSet<&'a str>,
    pub private: BTreeSet<&'a str>,
}

impl<'a> Sorts<'a> {
    /// By id or tags; where the document chooses none at all, by their routes.
    pub(super) fn of(vpc: &'a Vpc, existing: &'a ExistingVpc) -> Self {
        let (public, private) = (&vpc.subnets.public, &vpc.subnets.private);
        if is_empty(public) && is_empty(private) {
            let with = |is_public| {
                let found = in_vpc(existing).filter(|(_, subnet)| subnet.is_public == is_public);
                found.map(|(id, _)| id).collect()
            };
            return Self {
                public: with(true),
                private: with(false),
            };
        }
        Self {
            public: chosen(public, existing),
            private: chosen(private, existing),
        }
    }

    /// Those of the control plane.
    pub(super) fn all(&self) -> BTreeSet<&'a str> {
        self.public.union(&self.private).copied().collect()
    }

    /// Those of a node group.
    pub(super) fn of_group<'b>(&'b self, group: &'b NodeGroup) -> BTreeSet<&'b str> {
        match &group.subnets {
            Some(GroupSubnets::Ids(ids)) => ids.iter().map(String::as_str).collect(),
            Some(GroupSubnets::Public) => self.public.clone(),
            None if self.private.is_empty() => self.public.clone(),
            Some(GroupSubnets::Private) | None => self.private.clone(),
        }
    }
}

fn is_empty(choice: &SubnetChoice) -> bool {
    choice.ids.is_empty() && choice.tags.is_empty()
}

fn in_vpc(existing: &ExistingVpc) -> impl Iterator<Item = (&str, &ExistingSubnet)> {
    existing
        .subnets
        .iter()
        .filter(|(_, subnet)| subnet.vpc == existing.id)
        .map(|(id, subnet)| (id.as_str(), subnet))
}

fn chosen<'a>(choice: &'a SubnetChoice, existing: &'a ExistingVpc) -> BTreeSet<&'a str> {
    if !choice.ids.is_empty() {
        return choice.ids.iter().map(String::as_str).collect();
    }
    if choice.tags.is_empty() {
        return BTreeSet::new();
    }
    let has_all = |subnet: &ExistingSubnet| {
        let mut tags = choice.tags.iter();
        tags.all(|(key, value)| subnet.tags.get(key) == Some(value))
    };
    in_vpc(existing)
        .filter(|(_, subnet)| has_all(subnet))
        .map(|(id, _)| id)
        .collect()
}
