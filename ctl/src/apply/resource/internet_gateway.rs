//! Internet gateways, attached to their VPC.

use aws_sdk_ec2::types::{self, AttachmentStatus, ResourceType};

use super::at::{At, id, once, pending, plain, unless_exists, unless_gone};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{InternetGateway, Outputs};

const CREATE: &str = "ec2:CreateInternetGateway";

pub(super) async fn create(at: At<'_>, wanted: &InternetGateway) -> Result<Outputs, Error> {
    let found = find(at, wanted, &Outputs::new()).await?;
    let found = found.as_ref();
    let gateway = match found.and_then(types::InternetGateway::internet_gateway_id) {
        Some(gateway) => gateway.to_owned(),
        None => make(at, wanted).await?,
    };
    if !found.is_some_and(|found| is_attached(found, wanted)) {
        attach(at, &gateway, wanted).await?;
    }
    Ok(id(gateway))
}

async fn attach(at: At<'_>, gateway: &str, wanted: &InternetGateway) -> Result<(), Error> {
    let call = at.clients.ec2.attach_internet_gateway();
    let call = call.internet_gateway_id(gateway).vpc_id(plain(&wanted.vpc));
    let attached = call.send().await;
    unless_exists(attached.map_err(at.failed("ec2:AttachInternetGateway")))?;
    Ok(())
}

/// From every VPC but this one.
async fn detach(
    at: At<'_>,
    gateway: &types::InternetGateway,
    but: Option<&str>,
) -> Result<(), Error> {
    let vpcs = gateway.attachments().iter().filter_map(|it| it.vpc_id());
    for vpc in vpcs.filter(|vpc| Some(*vpc) != but) {
        let call = at.clients.ec2.detach_internet_gateway();
        let call = call
            .set_internet_gateway_id(gateway.internet_gateway_id().map(str::to_owned))
            .vpc_id(vpc);
        let detached = call.send().await;
        unless_gone(detached.map_err(at.failed("ec2:DetachInternetGateway")))?;
    }
    Ok(())
}

async fn make(at: At<'_>, wanted: &InternetGateway) -> Result<String, Error> {
    let tags = tags::specification(ResourceType::InternetGateway, &wanted.tags);
    let call = at.clients.ec2.create_internet_gateway();
    let call = call.tag_specifications(tags).customize();
    let answer = call.config_override(once()).send().await;
    let answer = answer.map_err(at.failed(CREATE))?;
    let gateway = answer
        .internet_gateway()
        .and_then(types::InternetGateway::internet_gateway_id);
    at.has(CREATE, "id", gateway.map(str::to_owned))
}

fn is_attached(gateway: &types::InternetGateway, wanted: &InternetGateway) -> bool {
    // EC2 calls the state `available`, which the list of its values does not have.
    gateway.attachments().iter().any(|attachment| {
        attachment.vpc_id() == Some(plain(&wanted.vpc))
            && !matches!(
                attachment.state(),
                Some(AttachmentStatus::Detaching | AttachmentStatus::Detached)
            )
    })
}

pub(super) async fn change(
    at: At<'_>,
    gateway: &str,
    (observed, wanted): (&InternetGateway, &InternetGateway),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    ec2_tags::change(at, gateway, fields, (&observed.tags, &wanted.tags)).await?;
    if let Some(found) = find(at, wanted, &id(gateway)).await? {
        // One that was made and not attached, by a run that was stopped between the two.
        detach(at, &found, Some(plain(&wanted.vpc))).await?;
        if !is_attached(&found, wanted) {
            attach(at, gateway, wanted).await?;
        }
    }
    Ok(id(gateway))
}

pub(super) async fn delete(
    at: At<'_>,
    gateway: &str,
    observed: &InternetGateway,
) -> Result<(), Error> {
    let Some(found) = find(at, observed, &id(gateway)).await? else {
        return Ok(());
    };
    detach(at, &found, None).await?;
    let call = at.clients.ec2.delete_internet_gateway();
    let deleted = call.internet_gateway_id(gateway).send().await;
    deleted.map_err(at.failed("ec2:DeleteInternetGateway"))?;
    Ok(())
}

pub(super) async fn look(
    at: At<'_>,
    wanted: &InternetGateway,
    known: &Outputs,
) -> Result<Look, Error> {
    let Some(gateway) = find(at, wanted, known).await? else {
        return Ok(Look::Gone);
    };
    let name = gateway.internet_gateway_id().unwrap_or_default();
    Ok(if is_attached(&gateway, wanted) {
        Look::Ready(id(name))
    } else {
        pending(format!("{name} is not attached to {}", plain(&wanted.vpc)))
    })
}

async fn find(
    at: At<'_>,
    wanted: &InternetGateway,
    known: &Outputs,
) -> Result<Option<types::InternetGateway>, Error> {
    let Some(filters) = tags::filters("internet-gateway-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_internet_gateways();
    let answer = call.set_filters(Some(filters)).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeInternetGateways"))?;
    Ok(answer.internet_gateways().first().cloned())
}
