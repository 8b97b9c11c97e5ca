//! NAT gateways and the elastic IP addresses that they have.

use aws_sdk_ec2::types::{self, DomainType, NatGatewayState, ResourceType};

use super::at::{At, id, once, pending, plain};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, ElasticIp, NatGateway, Outputs, Tags};

const ALLOCATE: &str = "ec2:AllocateAddress";
const CREATE: &str = "ec2:CreateNatGateway";

pub(super) async fn allocate(at: At<'_>, wanted: &ElasticIp) -> Result<Outputs, Error> {
    if let Some(address) = find_address(at, wanted, &Outputs::new()).await? {
        return Ok(address_outputs(&address));
    }
    let tags = tags::specification(ResourceType::ElasticIp, &wanted.tags);
    let call = at.clients.ec2.allocate_address().domain(DomainType::Vpc);
    let call = call.tag_specifications(tags).customize();
    let answer = call.config_override(once()).send().await;
    let answer = answer.map_err(at.failed(ALLOCATE))?;
    let allocation = at.has(ALLOCATE, "allocation id", answer.allocation_id())?;
    let mut outputs = id(allocation);
    outputs.extend(
        answer
            .public_ip()
            .map(|ip| (Attribute::PublicIp, ip.to_owned())),
    );
    Ok(outputs)
}

fn address_outputs(address: &types::Address) -> Outputs {
    let mut outputs = id(address.allocation_id().unwrap_or_default());
    outputs.extend(
        address
            .public_ip()
            .map(|ip| (Attribute::PublicIp, ip.to_owned())),
    );
    outputs
}

pub(super) async fn release(at: At<'_>, allocation: &str) -> Result<(), Error> {
    let call = at.clients.ec2.release_address().allocation_id(allocation);
    call.send().await.map_err(at.failed("ec2:ReleaseAddress"))?;
    Ok(())
}

pub(super) async fn look_at_address(
    at: At<'_>,
    wanted: &ElasticIp,
    known: &Outputs,
) -> Result<Look, Error> {
    let found = find_address(at, wanted, known).await?;
    Ok(found.map_or(Look::Gone, |address| Look::Ready(address_outputs(&address))))
}

async fn find_address(
    at: At<'_>,
    wanted: &ElasticIp,
    known: &Outputs,
) -> Result<Option<types::Address>, Error> {
    let Some(filters) = tags::filters("allocation-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_addresses();
    let answer = call.set_filters(Some(filters)).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeAddresses"))?;
    Ok(answer.addresses().first().cloned())
}

/// Changes what can be changed of either: the tags.
pub(super) async fn change(
    at: At<'_>,
    name: &str,
    tags: (&Tags, &Tags),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    ec2_tags::change(at, name, fields, tags).await?;
    Ok(id(name))
}

pub(super) async fn create(at: At<'_>, wanted: &NatGateway, token: &str) -> Result<Outputs, Error> {
    let found = find(at, wanted, &Outputs::new()).await?;
    let lives = |gateway: &types::NatGateway| {
        matches!(
            gateway.state(),
            Some(NatGatewayState::Available | NatGatewayState::Pending)
        )
    };
    if let Some(gateway) = found.filter(lives) {
        return Ok(id(gateway.nat_gateway_id().unwrap_or_default()));
    }
    let answer = at
        .clients
        .ec2
        .create_nat_gateway()
        .client_token(token)
        .subnet_id(plain(&wanted.subnet))
        .allocation_id(plain(&wanted.allocation))
        .tag_specifications(tags::specification(ResourceType::Natgateway, &wanted.tags))
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    let gateway = answer.nat_gateway();
    let gateway = gateway.and_then(types::NatGateway::nat_gateway_id);
    Ok(id(at.has(CREATE, "id", gateway)?))
}

pub(super) async fn delete(at: At<'_>, gateway: &str) -> Result<(), Error> {
    let call = at.clients.ec2.delete_nat_gateway().nat_gateway_id(gateway);
    let deleted = call.send().await;
    deleted.map_err(at.failed("ec2:DeleteNatGateway"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &NatGateway, known: &Outputs) -> Result<Look, Error> {
    let found = find(at, wanted, known).await?;
    Ok(found.as_ref().map_or(Look::Gone, state))
}

fn state(gateway: &types::NatGateway) -> Look {
    let name = gateway.nat_gateway_id().unwrap_or_default();
    match gateway.state() {
        Some(NatGatewayState::Available) => Look::Ready(id(name)),
        Some(NatGatewayState::Failed) => Look::Failed {
            reason: format!(
                "{name}: {}",
                gateway.failure_message().unwrap_or("EC2 does not say why")
            ),
        },
        Some(NatGatewayState::Deleted) => Look::Gone,
        state => {
            let state = state.map_or("new", NatGatewayState::as_str);
            pending(format!("{name} is {state}"))
        }
    }
}

/// EC2 shows gateways for an hour after they were deleted, with their tags: of several the one that lives counts.
async fn find(
    at: At<'_>,
    wanted: &NatGateway,
    known: &Outputs,
) -> Result<Option<types::NatGateway>, Error> {
    let Some(filters) = tags::filters("nat-gateway-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_nat_gateways();
    let answer = call.set_filter(Some(filters)).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeNatGateways"))?;
    Ok(best(answer.nat_gateways()))
}

fn best(gateways: &[types::NatGateway]) -> Option<types::NatGateway> {
    let rank = |gateway: &&types::NatGateway| match gateway.state() {
        Some(NatGatewayState::Available) => 0,
        Some(NatGatewayState::Pending) => 1,
        Some(NatGatewayState::Deleting) => 2,
        Some(NatGatewayState::Failed) => 3,
        _ => 4,
    };
    gateways.iter().min_by_key(rank).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(name: &str, state: NatGatewayState) -> types::NatGateway {
        types::NatGateway::builder()
            .nat_gateway_id(name)
            .state(state)
            .failure_message("Network vpc-1 has no Internet gateway attached")
            .build()
    }

    #[test]
    fn one_that_was_deleted_an_hour_ago_does_not_hide_the_new_one() {
        let gateways = [
            gateway("nat-1", NatGatewayState::Deleted),
            gateway("nat-2", NatGatewayState::Failed),
            gateway("nat-3", NatGatewayState::Pending),
        ];
        let found = best(&gateways).unwrap();
        assert_eq!(found.nat_gateway_id(), Some("nat-3"));
        assert_eq!(best(&[]), None);
    }

    #[test]
    fn a_state_is_put_into_our_words() {
        assert_eq!(
            state(&gateway("nat-1", NatGatewayState::Available)),
            Look::Ready(id("nat-1"))
        );
        assert_eq!(
            state(&gateway("nat-1", NatGatewayState::Pending)),
            pending("nat-1 is pending")
        );
        assert_eq!(
            state(&gateway("nat-1", NatGatewayState::Failed)),
            Look::Failed {
                reason: "nat-1: Network vpc-1 has no Internet gateway attached".into()
            }
        );
        assert_eq!(
            state(&gateway("nat-1", NatGatewayState::Deleted)),
            Look::Gone
        );
    }
}
