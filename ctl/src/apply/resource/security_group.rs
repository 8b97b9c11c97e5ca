//! Security groups.

use aws_sdk_ec2::types::{self, ResourceType};

use super::at::{At, id, once, plain};
use super::network_interface::{self, Place};
use super::{ec2_tags, tags};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Outputs, SecurityGroup};

const CREATE: &str = "ec2:CreateSecurityGroup";

pub(super) async fn create(at: At<'_>, wanted: &SecurityGroup) -> Result<Outputs, Error> {
    let found = find(at, wanted, &Outputs::new()).await?;
    if let Some(group) = found.as_ref().and_then(types::SecurityGroup::group_id) {
        return Ok(id(group));
    }
    let answer = at
        .clients
        .ec2
        .create_security_group()
        .vpc_id(plain(&wanted.vpc))
        .group_name(&wanted.name)
        .description(&wanted.description)
        .tag_specifications(tags::specification(
            ResourceType::SecurityGroup,
            &wanted.tags,
        ))
        .customize()
        .config_override(once())
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    Ok(id(at.has(CREATE, "id", answer.group_id())?))
}

pub(super) async fn change(
    at: At<'_>,
    group: &str,
    (observed, wanted): (&SecurityGroup, &SecurityGroup),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    ec2_tags::change(at, group, fields, (&observed.tags, &wanted.tags)).await?;
    Ok(id(group))
}

pub(super) async fn delete(at: At<'_>, group: &str) -> Result<(), Error> {
    network_interface::clear(at, Place::SecurityGroup(group)).await?;
    let call = at.clients.ec2.delete_security_group().group_id(group);
    let deleted = call.send().await;
    deleted.map_err(at.failed("ec2:DeleteSecurityGroup"))?;
    Ok(())
}

pub(super) async fn look(
    at: At<'_>,
    wanted: &SecurityGroup,
    known: &Outputs,
) -> Result<Look, Error> {
    let found = find(at, wanted, known).await?;
    Ok(found.map_or(Look::Gone, |group| {
        Look::Ready(id(group.group_id().unwrap_or_default()))
    }))
}

async fn find(
    at: At<'_>,
    wanted: &SecurityGroup,
    known: &Outputs,
) -> Result<Option<types::SecurityGroup>, Error> {
    let Some(filters) = tags::filters("group-id", known, &wanted.tags) else {
        return Ok(None);
    };
    let call = at.clients.ec2.describe_security_groups();
    let answer = call.set_filters(Some(filters)).send().await;
    let answer = answer.map_err(at.failed("ec2:DescribeSecurityGroups"))?;
    Ok(answer.security_groups().first().cloned())
}
