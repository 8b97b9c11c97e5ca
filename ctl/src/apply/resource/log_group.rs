//! Log groups of CloudWatch Logs.

use aws_sdk_cloudwatchlogs::types;

use super::at::{At, unless_gone};
use super::tags::{self, TagChanges};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, LogGroup, Outputs};

pub(super) async fn create(at: At<'_>, wanted: &LogGroup) -> Result<Outputs, Error> {
    let mut found = find(at, &wanted.name).await?;
    if let Some(found) = &found {
        if !is_ours(at, found, wanted).await? {
            return Err(at.exists(&wanted.name));
        }
    } else {
        let call = at.clients.logs.create_log_group();
        let call = call
            .log_group_name(&wanted.name)
            .set_tags(Some(tags::map(&wanted.tags)));
        let created = call.send().await;
        created.map_err(at.failed("logs:CreateLogGroup"))?;
        // The answer does not say its ARN.
        found = find(at, &wanted.name).await?;
    }
    set_retention(at, wanted).await?;
    Ok(found.as_ref().map(outputs).unwrap_or_default())
}

async fn is_ours(at: At<'_>, found: &types::LogGroup, wanted: &LogGroup) -> Result<bool, Error> {
    let Some(arn) = arn(found) else {
        return Ok(false);
    };
    let call = at.clients.logs.list_tags_for_resource().resource_arn(arn);
    let answer = call.send().await;
    let answer = answer.map_err(at.failed("logs:ListTagsForResource"))?;
    let found = answer.tags().into_iter().flatten();
    let found = found.map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(tags::is_ours(found, &wanted.tags))
}

async fn set_retention(at: At<'_>, wanted: &LogGroup) -> Result<(), Error> {
    let Some(days) = wanted.retention_days else {
        let call = at.clients.logs.delete_retention_policy();
        let deleted = call.log_group_name(&wanted.name).send().await;
        deleted.map_err(at.failed("logs:DeleteRetentionPolicy"))?;
        return Ok(());
    };
    let call = at.clients.logs.put_retention_policy();
    let call = call
        .log_group_name(&wanted.name)
        .retention_in_days(days.try_into().unwrap_or(i32::MAX));
    let put = call.send().await;
    put.map_err(at.failed("logs:PutRetentionPolicy"))?;
    Ok(())
}

/// The ARN without the `:*` that stands for its streams.
fn arn(group: &types::LogGroup) -> Option<String> {
    let arn = group.log_group_arn().or_else(|| group.arn())?;
    Some(arn.strip_suffix(":*").unwrap_or(arn).to_owned())
}

fn outputs(group: &types::LogGroup) -> Outputs {
    let name = group.log_group_name().unwrap_or_default().to_owned();
    let mut outputs = Outputs::from([(Attribute::Id, name)]);
    outputs.extend(arn(group).map(|arn| (Attribute::Arn, arn)));
    outputs
}

pub(super) async fn change(
    at: At<'_>,
    (observed, wanted): (&LogGroup, &LogGroup),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    if observed.retention_days != wanted.retention_days {
        set_retention(at, wanted).await?;
    }
    let found = find(at, &wanted.name).await?;
    let outputs = found.as_ref().map(outputs).unwrap_or_default();
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    let arn = outputs.get(&Attribute::Arn).cloned().unwrap_or_default();
    if !changes.set.is_empty() {
        let call = at.clients.logs.tag_resource().resource_arn(&arn);
        let set = call.set_tags(Some(tags::map(&changes.set))).send().await;
        set.map_err(at.failed("logs:TagResource"))?;
    }
    if !changes.unset.is_empty() {
        let call = at.clients.logs.untag_resource().resource_arn(&arn);
        let unset = call.set_tag_keys(Some(changes.unset)).send().await;
        unset.map_err(at.failed("logs:UntagResource"))?;
    }
    Ok(outputs)
}

pub(super) async fn delete(at: At<'_>, name: &str) -> Result<(), Error> {
    let call = at.clients.logs.delete_log_group().log_group_name(name);
    let deleted = call.send().await;
    deleted.map_err(at.failed("logs:DeleteLogGroup"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &LogGroup) -> Result<Look, Error> {
    let found = find(at, &wanted.name).await?;
    Ok(found.map_or(Look::Gone, |group| Look::Ready(outputs(&group))))
}

/// CloudWatch Logs finds by prefix only: `/aws/eks/blue/cluster` is also that of `/aws/eks/blue/cluster2`.
async fn find(at: At<'_>, name: &str) -> Result<Option<types::LogGroup>, Error> {
    let call = at.clients.logs.describe_log_groups();
    let answer = call.log_group_name_prefix(name).send().await;
    let answer = unless_gone(answer.map_err(at.failed("logs:DescribeLogGroups")))?;
    let groups = answer.and_then(|answer| answer.log_groups);
    let mut groups = groups.into_iter().flatten();
    Ok(groups.find(|group| group.log_group_name() == Some(name)))
}
