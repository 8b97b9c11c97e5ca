//! What there is on one side of a plan: before it, or after it.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change};
use crate::resource::{Address, Body, Disk, Kind, LaunchTemplate, Scaling, Text};

/// What there is on one side of a plan.
#[derive(Debug)]
pub(super) struct Side<'a> {
    /// Everything.
    pub(super) bodies: Vec<&'a Body>,
    /// The groups of nodes.
    pub(super) groups: Vec<Group<'a>>,
}

/// A group of nodes.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its first, and so its best, instance type.
    pub(super) instance_type: Option<&'a str>,
    /// How many nodes it has. Where the document leaves that open it stays as it is.
    pub(super) nodes: u32,
    /// How many it may have.
    pub(super) maximum: u32,
    /// Whether its instances are bought on the spot market.
    pub(super) is_spot: bool,
    /// Ids of its subnets.
    pub(super) subnets: &'a BTreeSet<Text>,
    /// The root volume of a node.
    pub(super) disk: Option<&'a Disk>,
}

impl<'a> Side<'a> {
    pub(super) fn before(changes: &'a [Change]) -> Self {
        Self::new(changes.iter().filter_map(|change| {
            let there = change.observed.as_ref()?;
            Some((&change.address, &there.body, None))
        }))
    }

    pub(super) fn after(changes: &'a [Change]) -> Self {
        let stays = |change: &&Change| change.action != Action::Delete;
        Self::new(changes.iter().filter(stays).filter_map(|change| {
            let there = change.observed.as_ref().map(|observed| &observed.body);
            Some((&change.address, change.wanted.as_ref().or(there)?, there))
        }))
    }

    /// Of things, each with how it is there already.
    fn new(things: impl Iterator<Item = (&'a Address, &'a Body, Option<&'a Body>)>) -> Self {
        let things: Vec<_> = things.collect();
        let templates: BTreeMap<&str, &LaunchTemplate> = things
            .iter()
            .filter_map(|(address, body, _)| match body {
                Body::LaunchTemplate(template) => Some((address.name.as_str(), template)),
                _ => None,
            })
            .collect();
        let groups = things
            .iter()
            .filter(|(address, ..)| {
                [Kind::NodeGroup, Kind::AutoScalingGroup].contains(&address.kind)
            })
            .filter_map(|(address, body, there)| {
                let template = templates.get(address.name.as_str()).copied();
                group(&address.name, body, *there, template)
            })
            .collect();
        Self {
            bodies: things.iter().map(|(_, body, _)| *body).collect(),
            groups,
        }
    }
}

fn group<'a>(
    name: &'a str,
    body: &'a Body,
    there: Option<&Body>,
    template: Option<&'a LaunchTemplate>,
) -> Option<Group<'a>> {
    let (instance_types, subnets, is_spot) = match body {
        Body::NodeGroup(group) => (
            &group.instance_types,
            &group.subnets,
            group.capacity_type == "SPOT",
        ),
        Body::AutoScalingGroup(group) => (
            &group.instance_types,
            &group.subnets,
            template.is_some_and(|template| template.spot),
        ),
        _ => return None,
    };
    let of_template = template.and_then(|template| template.instance_type.as_deref());
    let nodes = nodes(body, there);
    Some(Group {
        name,
        instance_type: instance_types.first().map(String::as_str).or(of_template),
        nodes,
        maximum: scaling(body)?.max.max(nodes),
        is_spot,
        subnets,
        disk: template.map(|template| &template.disk),
    })
}

/// How many nodes a group has; where that is left open as many as are there, within its bounds.
pub(super) fn nodes(body: &Body, there: Option<&Body>) -> u32 {
    let Some(size) = scaling(body) else {
        return 0;
    };
    let observed = there.and_then(scaling).and_then(|scaling| scaling.desired);
    let nodes = size.desired.or(observed).unwrap_or(size.min);
    nodes.max(size.min).min(size.max.max(size.min))
}

fn scaling(body: &Body) -> Option<Scaling> {
    match body {
        Body::NodeGroup(group) => Some(group.scaling),
        Body::AutoScalingGroup(group) => Some(group.scaling),
        _ => None,
    }
}
