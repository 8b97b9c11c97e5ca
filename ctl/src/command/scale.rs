//! `nodectl scale nodegroup`: how many nodes a group has.

use std::collections::BTreeSet;

use super::carry_out::{Nodes, propose};
use super::error::Error;
use super::{ground, target};
use crate::cli::{AccessFlags, ScaleArgs, ScaleNodegroupArgs, ScaleWhat};
use crate::exit::Exit;
use crate::observe::existing::Groups;
use crate::plan::difference;
use crate::plan::saved::PlanDocument;
use crate::print::Printer;
use crate::resource::{
    Address, Attribute, AutoScalingGroup, Body, Kind, Observed, Outputs, Owner, Scaling, Status,
    Wanted,
};

pub(super) async fn run(
    args: &ScaleArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    match &args.what {
        ScaleWhat::Nodegroup(args) => Box::pin(nodegroup(args, access, printer)).await,
    }
}

async fn nodegroup(
    args: &ScaleNodegroupArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let target = target::target(&args.cluster, access)?;
    let ground = target::ground(&target, access).await?;
    let name = target.cluster;
    let found = ground.groups(&name).await?;
    let Some(observed) = group(&found, &args.name) else {
        return Err(Error::NoSuchGroup {
            cluster: name,
            name: args.name.clone(),
            known: names(&found),
        });
    };
    let wanted = Wanted {
        address: observed.address.clone(),
        body: scaled(&observed.body, args.to),
        after: BTreeSet::new(),
    };
    let origin = ground.origin(&name).await?;
    let mut journal = ground::journal(&origin.account, &origin.region, &name)?;
    let plan = difference::plan(&origin, &[wanted], &[observed])?;
    let document = PlanDocument::new(plan, None);
    let nodes = Nodes {
        access,
        is_awaited: !args.no_nodes,
        // EC2 Auto Scaling chooses which instance goes, and EKS drains those of managed groups.
        is_drained: false,
    };
    let proposed = propose(
        &document,
        &ground,
        nodes,
        &args.change,
        &mut journal,
        printer,
    );
    Ok(proposed.await?.map_or(Exit::Ok, |report| report.exit()))
}

/// The group of this name, managed or self-managed, as it is. A self-managed one is also found by the name of its Auto Scaling
/// group.
fn group(found: &Groups, name: &str) -> Option<Observed> {
    let mut managed = found.managed.iter().filter(|group| group.name == name);
    let mut own = found
        .self_managed
        .iter()
        .filter(|group| group.node_group() == name || group.name == name);
    let (address, body, id) = match (managed.next(), own.next()) {
        (Some(group), _) => (
            Address::new(Kind::NodeGroup, name),
            Body::NodeGroup(group.clone()),
            &group.name,
        ),
        (None, Some(group)) => (
            Address::new(Kind::AutoScalingGroup, group.node_group()),
            Body::AutoScalingGroup(group.clone()),
            &group.name,
        ),
        (None, None) => return None,
    };
    Some(Observed {
        address,
        body,
        outputs: Outputs::from([(Attribute::Id, id.clone())]),
        owner: Owner::Other,
        status: Status::Ready,
    })
}

fn names(found: &Groups) -> Vec<String> {
    let managed = found.managed.iter().map(|group| group.name.clone());
    let own = found.self_managed.iter().map(AutoScalingGroup::node_group);
    managed.chain(own).collect()
}

/// The group with so many nodes; its bounds make room.
fn scaled(body: &Body, to: u32) -> Body {
    let mut body = body.clone();
    if let Body::NodeGroup(resource) = &mut body {
        resource.scaling = bounded(resource.scaling, to);
    }
    if let Body::AutoScalingGroup(resource) = &mut body {
        resource.scaling = bounded(resource.scaling, to);
    }
    body
}

fn bounded(scaling: Scaling, to: u32) -> Scaling {
    Scaling {
        min: scaling.min.min(to),
        // EKS wants room for at least one node.
        max: scaling.max.max(to).max(1),
        desired: Some(to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{self, ADDRESS_TAG};

    #[test]
    fn a_self_managed_group_has_the_name_that_its_document_has() {
        let tags = [(ADDRESS_TAG, "auto-scaling-group/spare")];
        let found = Groups {
            self_managed: vec![AutoScalingGroup {
                name: "nodectl-lab-spare".to_owned(),
                tags: tags
                    .map(|(key, value)| (key.to_owned(), value.to_owned()))
                    .into(),
                ..AutoScalingGroup::default()
            }],
            ..Groups::default()
        };
        for name in ["spare", "nodectl-lab-spare"] {
            let named = group(&found, name).unwrap();
            assert_eq!(named.address.to_string(), "auto-scaling-group/spare");
            assert_eq!(named.outputs[&Attribute::Id], "nodectl-lab-spare");
        }
        assert_eq!(group(&found, "other"), None);
        assert_eq!(names(&found), ["spare"]);
    }

    #[test]
    fn the_bounds_of_a_group_make_room() {
        let scaling = Scaling {
            min: 2,
            max: 4,
            desired: Some(3),
        };
        let to = |number| {
            let Scaling { min, max, desired } = bounded(scaling, number);
            (min, max, desired)
        };
        assert_eq!(to(3), (2, 4, Some(3)));
        assert_eq!(to(0), (0, 4, Some(0)));
        assert_eq!(to(9), (2, 9, Some(9)));
    }

    #[test]
    fn a_group_is_found_by_its_name_the_managed_one_first() {
        let managed = |name: &str| resource::NodeGroup {
            name: name.to_owned(),
            ..resource::NodeGroup::default()
        };
        let own = |name: &str| AutoScalingGroup {
            name: name.to_owned(),
            ..AutoScalingGroup::default()
        };
        let found = Groups {
            managed: vec![managed("a"), managed("b")],
            self_managed: vec![own("b"), own("c")],
        };
        let kind = |name| group(&found, name).map(|observed| observed.address.kind);
        assert_eq!(kind("b"), Some(Kind::NodeGroup));
        assert_eq!(kind("c"), Some(Kind::AutoScalingGroup));
        assert_eq!(kind("d"), None);
        assert_eq!(names(&found), ["a", "b", "b", "c"]);
    }
}
