//! Subnets, and the tags that Kubernetes needs on subnets that are not ours.

use aws_sdk_ec2::types::{self, AttributeBooleanValue, ResourceType, SubnetState};

use super::at::{At, id, once, pending, plain};
use super::network_interface::{self, Place};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Outputs, Subnet, SubnetTags};

const CREATE: &str = "ec2:CreateSubnet";

pub(super) async fn create(at: At<'_>, wanted: &Subnet) -> Result<Outputs, Error> {
    let found = find(at, wanted, &Outputs::new()).await?;
    let subnet = match found.as_ref().and_then(types::Subnet::subnet_id) {
        Some(subnet) => subnet.to_owned(),
        None => make(at, wanted).await?,
    };
    let is = found.and_then(|found| found.map_public_ip_on_launch());
    if is.unwrap_or(false) != wanted.public_addresses {
        set_public_addresses(at, &subnet, wanted.public_addresses).await?;
    }
    Ok(id(subnet))
}

async fn make(at: At<'_>, wanted: &Subnet) -> Result<String, Error> {
    let answer = at
        .clients
        .ec2
        .create_subnet()
        .vpc_id(plain(&wanted.vpc))
        .cidr_block(&wanted.cidr)
        .availability_zone(&wanted.zone)
        .tag_specifications(tags::specification(ResourceType::Subnet, &wanted.tags))
        .customize()
        .config_override(once())
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    let subnet = answer.subnet().and_then(types::Subnet::subnet_id);
    at.has(CREATE, "id", subnet.map(str::to_owned))
}

async fn set_public_addresses(at: At<'_>, subnet: &str, value: bool) -> Result<(), Error> {
    let value = AttributeBooleanValue::builder().value(value).build();
    let call = at.clients.ec2.modify_subnet_attribute().subnet_id(subnet);
    let set = call.map_public_ip_on_launch(value).send().await;
    set.map_err(at.failed("ec2:ModifySubnetAttribute"))?;
    Ok(())
}

pub(super) async fn change(
    at: At<'_>,
    subnet: &str,
    (observed, wanted): (&Subnet, &Subnet),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    if observed.public_addresses != wanted.public_addresses {
        set_public_addresses(at, subnet, wanted.public_addresses).await?;
    }
    ec2_tags::change(at, subnet, fields, (&observed.tags, &wanted.tags)).await?;
    Ok(id(subnet))
}

pub(super) async fn delete(at: At<'_>, subnet: &str) -> Result<(), Error> {
    network_interface::clear(at, Place::Subnet(subnet)).await?;
    let call = at.clients.ec2.delete_subnet().subnet_id(subnet);
    call.send().await.map_err(at.failed("ec2:DeleteSubnet"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &Subnet, known: &Outputs) -> Result<Look, Error> {
    let Some(subnet) = find(at, wanted, known).await? else {
        return Ok(Look::Gone);
    };
    let name = subnet.subnet_id().unwrap_or_default();
    Ok(match subnet.state() {
        Some(SubnetState::Available) => Look::Ready(id(name)),
        state => {
            let state = state.map_or("new", SubnetState::as_str);
            pending(format!("{name} is {state}"))
        }
    })
}

async fn find(
    at: At<'_>,
    wanted: &Subnet,
    known: &Outputs,
) -> Result<Option<types::Subnet>, Error> {
    let Some(filters) = tags::filters("subnet-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_subnets().set_filters(Some(filters));
    let answer = call
        .send()
        .await
        .map_err(at.failed("ec2:DescribeSubnets"))?;
    Ok(answer.subnets().first().cloned())
}

/// Sets the tags that a subnet of others must have.
pub(super) async fn tag(at: At<'_>, wanted: &SubnetTags) -> Result<Outputs, Error> {
    ec2_tags::set(at, &wanted.subnet, &wanted.tags).await?;
    Ok(id(&wanted.subnet))
}

/// Takes our tags away from a subnet of others.
pub(super) async fn untag(at: At<'_>, observed: &SubnetTags) -> Result<(), Error> {
    let keys: Vec<String> = observed.tags.keys().cloned().collect();
    ec2_tags::unset(at, &observed.subnet, &keys).await
}

/// Whether a subnet of others has the tags: gone when it has none of them.
pub(super) async fn look_at_tags(at: At<'_>, wanted: &SubnetTags) -> Result<Look, Error> {
    let call = at.clients.ec2.describe_subnets();
    let answer = call.subnet_ids(&wanted.subnet).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeSubnets"))?;
    let has = |key: &str, value: &str| {
        let tags = answer.subnets().iter().flat_map(types::Subnet::tags);
        tags.into_iter()
            .any(|tag| tag.key() == Some(key) && tag.value() == Some(value))
    };
    let missing: Vec<&str> = wanted
        .tags
        .iter()
        .filter(|(key, value)| !has(key, value))
        .map(|(key, _)| key.as_str())
        .collect();
    Ok(if missing.is_empty() {
        Look::Ready(id(&wanted.subnet))
    } else if missing.len() == wanted.tags.len() {
        Look::Gone
    } else {
        pending(format!(
            "{} has no tags {} yet",
            wanted.subnet,
            missing.join(", ")
        ))
    })
}
