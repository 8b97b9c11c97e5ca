//! Route tables, with their routes and the subnets that use them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{self, ResourceType, RouteTableAssociationStateCode};

use super::at::{At, id, pending, plain, unless_exists, unless_gone};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Outputs, RouteTable};

const CREATE: &str = "ec2:CreateRouteTable";

pub(super) async fn create(at: At<'_>, wanted: &RouteTable, token: &str) -> Result<Outputs, Error> {
    let found = find(at, wanted, &Outputs::new()).await?;
    let (table, is) = match &found {
        Some(found) => (
            found.route_table_id().unwrap_or_default().to_owned(),
            Is::of(found),
        ),
        None => (make(at, wanted, token).await?, Is::default()),
    };
    take(at, &table, steps(&is, wanted, &BTreeSet::new())).await?;
    Ok(id(table))
}

async fn make(at: At<'_>, wanted: &RouteTable, token: &str) -> Result<String, Error> {
    let tags = tags::specification(ResourceType::RouteTable, &wanted.tags);
    let call = at.clients.ec2.create_route_table().client_token(token);
    let call = call.vpc_id(plain(&wanted.vpc)).tag_specifications(tags);
    let answer = call.send().await.map_err(at.failed(CREATE))?;
    let table = answer
        .route_table()
        .and_then(types::RouteTable::route_table_id);
    at.has(CREATE, "id", table.map(str::to_owned))
}

/// A route table as it is.
#[derive(Debug, Default, PartialEq, Eq)]
struct Is {
    /// Gateway by destination, without the VPC's own route.
    routes: BTreeMap<String, String>,
    /// Association by subnet.
    associations: BTreeMap<String, String>,
}

impl Is {
    fn of(table: &types::RouteTable) -> Self {
        let routes = table.routes().iter().filter_map(|route| {
            let gateway = route.nat_gateway_id().or_else(|| route.gateway_id())?;
            let destination = route.destination_cidr_block()?;
            (gateway != "local").then(|| (destination.to_owned(), gateway.to_owned()))
        });
        let associations = table.associations().iter().filter_map(|association| {
            let state = association.association_state().and_then(|it| it.state());
            let goes = matches!(
                state,
                Some(
                    RouteTableAssociationStateCode::Disassociating
                        | RouteTableAssociationStateCode::Disassociated
                )
            );
            let subnet = association.subnet_id()?.to_owned();
            let name = association.route_table_association_id()?.to_owned();
            (!goes).then_some((subnet, name))
        });
        Self {
            routes: routes.collect(),
            associations: associations.collect(),
        }
    }
}

/// One call.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    CreateRoute { to: String, through: String },
    ReplaceRoute { to: String, through: String },
    DeleteRoute { to: String },
    Associate { subnet: String },
    Disassociate { association: String },
}

/// What brings a table to what is wanted. Routes that are not wanted stay, unless they are among those that `leave`.
fn steps(is: &Is, wanted: &RouteTable, leave: &BTreeSet<String>) -> Vec<Step> {
    let mut steps = Vec::new();
    for (to, gateway) in &wanted.routes {
        let (to, through) = (to.clone(), plain(gateway).to_owned());
        match is.routes.get(&to) {
            None => steps.push(Step::CreateRoute { to, through }),
            Some(now) if *now != through => steps.push(Step::ReplaceRoute { to, through }),
            Some(_) => {}
        }
    }
    for to in is.routes.keys() {
        if leave.contains(to) && !wanted.routes.contains_key(to) {
            steps.push(Step::DeleteRoute { to: to.clone() });
        }
    }
    let subnets: BTreeSet<&str> = wanted.subnets.iter().map(plain).collect();
    for subnet in &subnets {
        if !is.associations.contains_key(*subnet) {
            let subnet = (*subnet).to_owned();
            steps.push(Step::Associate { subnet });
        }
    }
    for (subnet, association) in &is.associations {
        if !subnets.contains(subnet.as_str()) {
            let association = association.clone();
            steps.push(Step::Disassociate { association });
        }
    }
    steps
}

async fn take(at: At<'_>, table: &str, steps: Vec<Step>) -> Result<(), Error> {
    for step in steps {
        match step {
            Step::CreateRoute { to, through } => create_route(at, table, to, through).await?,
            Step::ReplaceRoute { to, through } => replace_route(at, table, to, through).await?,
            Step::DeleteRoute { to } => {
                let call = at.clients.ec2.delete_route().route_table_id(table);
                let deleted = call.destination_cidr_block(to).send().await;
                unless_gone(deleted.map_err(at.failed("ec2:DeleteRoute")))?;
            }
            Step::Associate { subnet } => associate(at, table, subnet).await?,
            Step::Disassociate { association } => disassociate(at, association).await?,
        }
    }
    Ok(())
}

fn is_nat_gateway(gateway: &str) -> bool {
    gateway.starts_with("nat-")
}

async fn create_route(at: At<'_>, table: &str, to: String, through: String) -> Result<(), Error> {
    let call = at.clients.ec2.create_route().route_table_id(table);
    let call = call.destination_cidr_block(to);
    let call = if is_nat_gateway(&through) {
        call.nat_gateway_id(through)
    } else {
        call.gateway_id(through)
    };
    unless_exists(call.send().await.map_err(at.failed("ec2:CreateRoute")))
}

async fn replace_route(at: At<'_>, table: &str, to: String, through: String) -> Result<(), Error> {
    let call = at.clients.ec2.replace_route().route_table_id(table);
    let call = call.destination_cidr_block(to);
    let call = if is_nat_gateway(&through) {
        call.nat_gateway_id(through)
    } else {
        call.gateway_id(through)
    };
    call.send().await.map_err(at.failed("ec2:ReplaceRoute"))?;
    Ok(())
}

/// A subnet has one association: one that uses another table is led over to this one.
async fn associate(at: At<'_>, table: &str, subnet: String) -> Result<(), Error> {
    let call = at.clients.ec2.describe_route_tables();
    let filter = tags::filter("association.subnet-id", [subnet.as_str()]);
    let answer = call.filters(filter).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeRouteTables"))?;
    let tables = answer.route_tables().iter();
    let other = tables.filter(|other| other.route_table_id() != Some(table));
    let association = other
        .flat_map(|other| Is::of(other).associations)
        .find(|(of, _)| *of == subnet);
    let Some((_, association)) = association else {
        let call = at.clients.ec2.associate_route_table();
        let associated = call.route_table_id(table).subnet_id(subnet).send().await;
        return unless_exists(associated.map_err(at.failed("ec2:AssociateRouteTable")));
    };
    let call = at.clients.ec2.replace_route_table_association();
    let call = call.association_id(association).route_table_id(table);
    let replaced = call.send().await;
    replaced.map_err(at.failed("ec2:ReplaceRouteTableAssociation"))?;
    Ok(())
}

async fn disassociate(at: At<'_>, association: String) -> Result<(), Error> {
    let call = at.clients.ec2.disassociate_route_table();
    let gone = call.association_id(association).send().await;
    unless_gone(gone.map_err(at.failed("ec2:DisassociateRouteTable")))?;
    Ok(())
}

pub(super) async fn change(
    at: At<'_>,
    table: &str,
    (observed, wanted): (&RouteTable, &RouteTable),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let Some(found) = find(at, wanted, &id(table)).await? else {
        return Err(at.has_failed(format!("{table} does not exist any more")));
    };
    let leave = observed.routes.keys().cloned().collect();
    take(at, table, steps(&Is::of(&found), wanted, &leave)).await?;
    ec2_tags::change(at, table, fields, (&observed.tags, &wanted.tags)).await?;
    Ok(id(table))
}

pub(super) async fn delete(at: At<'_>, table: &str, observed: &RouteTable) -> Result<(), Error> {
    let Some(found) = find(at, observed, &id(table)).await? else {
        return Ok(());
    };
    for association in Is::of(&found).associations.into_values() {
        disassociate(at, association).await?;
    }
    let call = at.clients.ec2.delete_route_table().route_table_id(table);
    let deleted = call.send().await;
    deleted.map_err(at.failed("ec2:DeleteRouteTable"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &RouteTable, known: &Outputs) -> Result<Look, Error> {
    let Some(table) = find(at, wanted, known).await? else {
        return Ok(Look::Gone);
    };
    let name = table.route_table_id().unwrap_or_default();
    let steps = steps(&Is::of(&table), wanted, &BTreeSet::new());
    Ok(if steps.is_empty() {
        Look::Ready(id(name))
    } else {
        pending(format!(
            "{name} has {} routes and associations to go",
            steps.len()
        ))
    })
}

async fn find(
    at: At<'_>,
    wanted: &RouteTable,
    known: &Outputs,
) -> Result<Option<types::RouteTable>, Error> {
    let Some(filters) = tags::filters("route-table-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_route_tables();
    let answer = call.set_filters(Some(filters)).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeRouteTables"))?;
    Ok(answer.route_tables().first().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn routes_and_associations_take_a_call_each_where_they_differ() {
        let is = Is {
            routes: map(&[
                ("0.0.0.0/0", "nat-old"),
                ("10.9.0.0/16", "pcx-theirs"),
                ("10.8.0.0/16", "igw-1"),
            ]),
            associations: map(&[("subnet-1", "rtbassoc-1"), ("subnet-2", "rtbassoc-2")]),
        };
        let wanted = RouteTable {
            routes: [("0.0.0.0/0", "nat-new"), ("10.7.0.0/16", "igw-1")]
                .map(|(to, through)| (to.to_owned(), through.into()))
                .into(),
            subnets: ["subnet-1".into(), "subnet-3".into()].into(),
            ..RouteTable::default()
        };
        let leave = BTreeSet::from(["10.8.0.0/16".to_owned(), "0.0.0.0/0".to_owned()]);
        let owned = str::to_owned;
        assert_eq!(
            steps(&is, &wanted, &leave),
            [
                Step::ReplaceRoute {
                    to: owned("0.0.0.0/0"),
                    through: owned("nat-new")
                },
                Step::CreateRoute {
                    to: owned("10.7.0.0/16"),
                    through: owned("igw-1")
                },
                Step::DeleteRoute {
                    to: owned("10.8.0.0/16")
                },
                Step::Associate {
                    subnet: owned("subnet-3")
                },
                Step::Disassociate {
                    association: owned("rtbassoc-2")
                },
            ]
        );
    }

    #[test]
    fn the_route_within_the_vpc_and_what_goes_are_not_counted() {
        let association = |subnet: &str, state| {
            types::RouteTableAssociation::builder()
                .subnet_id(subnet)
                .route_table_association_id(format!("rtbassoc-{subnet}"))
                .association_state(
                    types::RouteTableAssociationState::builder()
                        .state(state)
                        .build(),
                )
                .build()
        };
        let route = |to: &str, through: &str| {
            types::Route::builder()
                .destination_cidr_block(to)
                .gateway_id(through)
                .build()
        };
        let table = types::RouteTable::builder()
            .routes(route("10.0.0.0/16", "local"))
            .routes(route("0.0.0.0/0", "igw-1"))
            .associations(association("a", RouteTableAssociationStateCode::Associated))
            .associations(association(
                "b",
                RouteTableAssociationStateCode::Disassociating,
            ))
            .build();
        assert_eq!(
            Is::of(&table),
            Is {
                routes: map(&[("0.0.0.0/0", "igw-1")]),
                associations: map(&[("a", "rtbassoc-a")]),
            }
        );
    }
}
