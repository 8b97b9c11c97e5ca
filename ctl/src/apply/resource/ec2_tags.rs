//! Tags of things of EC2.

use super::at::At;
use super::tags::{self, TagChanges};
use crate::apply::hands::Error;
use crate::plan::change::FieldChange;
use crate::resource::Tags;

/// Sets and takes away what differs.
pub(super) async fn change(
    at: At<'_>,
    id: &str,
    fields: &[FieldChange],
    (observed, wanted): (&Tags, &Tags),
) -> Result<(), Error> {
    let changes = TagChanges::of(fields, observed, wanted);
    set(at, id, &changes.set).await?;
    unset(at, id, &changes.unset).await
}

/// Sets tags.
pub(super) async fn set(at: At<'_>, id: &str, wanted: &Tags) -> Result<(), Error> {
    if wanted.is_empty() {
        return Ok(());
    }
    let call = at.clients.ec2.create_tags().resources(id);
    let call = call.set_tags(Some(tags::ec2(wanted)));
    call.send().await.map_err(at.failed("ec2:CreateTags"))?;
    Ok(())
}

/// Takes tags away, whatever their value.
pub(super) async fn unset(at: At<'_>, id: &str, keys: &[String]) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let tags = keys
        .iter()
        .map(|key| aws_sdk_ec2::types::Tag::builder().key(key).build());
    let call = at.clients.ec2.delete_tags().resources(id);
    let call = call.set_tags(Some(tags.collect()));
    call.send().await.map_err(at.failed("ec2:DeleteTags"))?;
    Ok(())
}
