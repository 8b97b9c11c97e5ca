//! Auto Scaling groups of self-managed nodes.

mod request;

use aws_sdk_autoscaling::types::{
    self, InstanceRefreshStatus, LifecycleState, ScalingActivityStatusCode,
};

use super::at::{At, pending, unless_gone};
use super::fields::touches;
use super::tags::TagChanges;
use super::updates::Updates;
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, AutoScalingGroup, Outputs, outputs_of};

const CREATE: &str = "autoscaling:CreateAutoScalingGroup";

pub(super) async fn create(at: At<'_>, wanted: &AutoScalingGroup) -> Result<Outputs, Error> {
    if let Some(found) = find(at, &wanted.name).await? {
        let found_tags = found.tags().iter();
        let found_tags = found_tags.filter_map(|tag| Some((tag.key()?, tag.value()?)));
        at.ours(found_tags, &wanted.tags, &wanted.name)?;
        return Ok(outputs(&found));
    }
    let call = request::creation(wanted);
    let created = call.send_with(&at.clients.autoscaling).await;
    created.map_err(at.failed(CREATE))?;
    Ok(Outputs::from([(Attribute::Id, wanted.name.clone())]))
}

fn outputs(group: &types::AutoScalingGroup) -> Outputs {
    outputs_of([
        (Attribute::Id, group.auto_scaling_group_name()),
        (Attribute::Arn, group.auto_scaling_group_arn()),
    ])
}

pub(super) async fn change(
    at: At<'_>,
    updates: &Updates,
    (observed, wanted): (&AutoScalingGroup, &AutoScalingGroup),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let api = &at.clients.autoscaling;
    if let Some(call) = request::update(observed, wanted, fields) {
        let updated = call.send_with(api).await;
        updated.map_err(at.failed("autoscaling:UpdateAutoScalingGroup"))?;
    }
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    if !changes.set.is_empty() {
        let tags = request::tags(&wanted.name, &changes.set);
        let set = api.create_or_update_tags().set_tags(Some(tags));
        let set = set.send().await;
        set.map_err(at.failed("autoscaling:CreateOrUpdateTags"))?;
    }
    if !changes.unset.is_empty() {
        let tags = request::keys(&wanted.name, &changes.unset);
        let unset = api.delete_tags().set_tags(Some(tags)).send().await;
        unset.map_err(at.failed("autoscaling:DeleteTags"))?;
    }
    if touches(fields, "launchTemplate") || touches(fields, "instanceTypes") {
        let call = api.start_instance_refresh();
        let call = call
            .auto_scaling_group_name(&wanted.name)
            .preferences(request::refresh());
        let answer = call.send().await;
        let answer = answer.map_err(at.failed("autoscaling:StartInstanceRefresh"))?;
        updates.accepted(at.address, answer.instance_refresh_id, true);
    }
    let found = find(at, &wanted.name).await?;
    Ok(found.as_ref().map(outputs).unwrap_or_default())
}

/// With its instances: a group that waits for them to go first can be filled again by an autoscaler.
pub(super) async fn delete(at: At<'_>, name: &str) -> Result<(), Error> {
    let Some(found) = find(at, name).await? else {
        return Ok(());
    };
    if found.status().is_some() {
        return Ok(());
    }
    let call = at.clients.autoscaling.delete_auto_scaling_group();
    let call = call.auto_scaling_group_name(name).force_delete(true);
    let deleted = call.send().await;
    deleted.map_err(at.failed("autoscaling:DeleteAutoScalingGroup"))?;
    Ok(())
}

pub(super) async fn look(
    at: At<'_>,
    updates: &Updates,
    wanted: &AutoScalingGroup,
) -> Result<Look, Error> {
    let Some(found) = find(at, &wanted.name).await? else {
        return Ok(Look::Gone);
    };
    let look = match refresh(at, updates, &wanted.name).await? {
        Some(look) => look,
        None => state(&found),
    };
    let Look::Pending { waits_for } = look else {
        return Ok(look);
    };
    Ok(pending(match why_no_instances(at, &wanted.name).await? {
        Some(why) if found.status().is_none() => format!("{waits_for}; {why}"),
        _ => waits_for,
    }))
}

/// How the instance refresh is that this process started; none when there is none, or when it is done.
async fn refresh(at: At<'_>, updates: &Updates, name: &str) -> Result<Option<Look>, Error> {
    let Some(refresh) = updates.of(at.address).last else {
        return Ok(None);
    };
    let call = at.clients.autoscaling.describe_instance_refreshes();
    let call = call
        .auto_scaling_group_name(name)
        .instance_refresh_ids(refresh);
    let answer = call.send().await;
    let answer = answer.map_err(at.failed("autoscaling:DescribeInstanceRefreshes"))?;
    Ok(answer.instance_refreshes().first().and_then(refresh_state))
}

fn refresh_state(refresh: &types::InstanceRefresh) -> Option<Look> {
    let status = refresh.status()?;
    let why = refresh.status_reason().unwrap_or_default();
    match status {
        InstanceRefreshStatus::Successful => None,
        InstanceRefreshStatus::Failed
        | InstanceRefreshStatus::Cancelled
        | InstanceRefreshStatus::RollbackFailed
        | InstanceRefreshStatus::RollbackSuccessful => Some(Look::Failed {
            reason: format!("the instance refresh is {}: {why}", status.as_str()),
        }),
        _ => {
            let percent = refresh.percentage_complete().unwrap_or(0);
            let text = format!("the instance refresh is {} ({percent} %)", status.as_str());
            Some(pending(if why.is_empty() {
                text
            } else {
                format!("{text}: {why}")
            }))
        }
    }
}

fn state(group: &types::AutoScalingGroup) -> Look {
    let name = group.auto_scaling_group_name().unwrap_or_default();
    if let Some(status) = group.status() {
        let left = group.instances().len();
        return pending(format!("{name}: {status}, {left} instances are left"));
    }
    let wanted = usize::try_from(group.desired_capacity().unwrap_or(0)).unwrap_or(0);
    let serve = group
        .instances()
        .iter()
        .filter(|instance| instance.lifecycle_state() == Some(&LifecycleState::InService))
        .count();
    if serve >= wanted {
        return Look::Ready(outputs(group));
    }
    pending(format!(
        "{serve} of {wanted} instances of {name} are in service"
    ))
}

/// Why a group could not start an instance, when the last attempt failed.
pub(super) async fn why_no_instances(at: At<'_>, name: &str) -> Result<Option<String>, Error> {
    let call = at.clients.autoscaling.describe_scaling_activities();
    let call = call.auto_scaling_group_name(name).max_records(1);
    let answer = call.send().await;
    let answer = answer.map_err(at.failed("autoscaling:DescribeScalingActivities"));
    let activities = unless_gone(answer)?.and_then(|answer| answer.activities);
    Ok(activities.and_then(|activities| why(activities.first()?)))
}

fn why(activity: &types::Activity) -> Option<String> {
    let has_failed = matches!(
        activity.status_code(),
        Some(ScalingActivityStatusCode::Failed | ScalingActivityStatusCode::Cancelled)
    );
    let said = activity.status_message().filter(|text| !text.is_empty());
    has_failed.then_some(said)?.map(str::to_owned)
}

async fn find(at: At<'_>, name: &str) -> Result<Option<types::AutoScalingGroup>, Error> {
    let call = at.clients.autoscaling.describe_auto_scaling_groups();
    let answer = call.auto_scaling_group_names(name).send().await;
    let answer = answer.map_err(at.failed("autoscaling:DescribeAutoScalingGroups"))?;
    let groups = answer.auto_scaling_groups;
    Ok(groups.into_iter().flatten().next())
}

#[cfg(test)]
mod tests;
