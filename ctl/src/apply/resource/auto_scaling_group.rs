//! Auto Scaling groups of self-managed nodes.

mod request;

use aws_sdk_autoscaling::types::{
    self, InstanceRefreshStatus, LifecycleState, ScalingActivityStatusCode,
};

use super::at::{At, pending, unless_gone};
use super::tags::TagChanges;
use super::updates::Updates;
use crate::apply::hands::{Error, Look};
use crate::observe::resources::{current, desired, is_on_its_way};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, AutoScalingGroup, Outputs, TemplateVersion, outputs_of};

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
    if let Some(call) = request::refresh(wanted, fields) {
        let last = last_refresh(at, &wanted.name, None).await?;
        let id = match turn(last.as_ref(), wanted) {
            Turn::Join(id) => Some(id),
            Turn::Wait(what) => return Err(at.busy(what)),
            Turn::Start => {
                let answer = call.send_with(api).await;
                let answer = answer.map_err(at.failed("autoscaling:StartInstanceRefresh"))?;
                answer.instance_refresh_id
            }
        };
        updates.accepted(at.address, id, true);
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
    if found.status().is_some() {
        return Ok(state(&found));
    }
    let look = match refresh(at, updates, &found, wanted).await? {
        Some(look) => look,
        None => state(&found),
    };
    let Look::Pending { waits_for } = look else {
        return Ok(look);
    };
    Ok(pending(match why_no_instances(at, &wanted.name).await? {
        Some(why) => format!("{waits_for}; {why}"),
        None => waits_for,
    }))
}

/// What a change does about an instance refresh.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// It starts one.
    Start,
    /// It waits for this one, which an earlier run has started.
    Join(String),
    /// It starts one when another has ended.
    Wait(String),
}

fn turn(last: Option<&types::InstanceRefresh>, wanted: &AutoScalingGroup) -> Turn {
    let Some((last, Some(id))) = last.map(|last| (last, last.instance_refresh_id())) else {
        return Turn::Start;
    };
    let is_wanted = desired(last)
        .as_ref()
        .is_some_and(|desired| is(desired, wanted));
    if is_wanted && is_on_its_way(last) {
        return Turn::Join(id.to_owned());
    }
    match refresh_state(last) {
        Some(Look::Pending { waits_for }) => Turn::Wait(waits_for),
        _ => Turn::Start,
    }
}

/// Whether a launch template and instance types are those that are wanted.
fn is(
    (template, instance_types): &(TemplateVersion, Vec<String>),
    wanted: &AutoScalingGroup,
) -> bool {
    *template == wanted.launch_template && *instance_types == wanted.instance_types
}

/// How the instance refresh is that this process started or waits for; none when there is none, or when it is done.
async fn refresh(
    at: At<'_>,
    updates: &Updates,
    found: &types::AutoScalingGroup,
    wanted: &AutoScalingGroup,
) -> Result<Option<Look>, Error> {
    let known = updates.of(at.address).last;
    let is_known = known.is_some();
    let last = last_refresh(at, &wanted.name, known).await?;
    if is_known {
        return Ok(last.as_ref().and_then(refresh_state));
    }
    let Some(last) = last else {
        return Ok(None);
    };
    if is_on_its_way(&last) {
        updates.accepted(at.address, last.instance_refresh_id.clone(), true);
        return Ok(refresh_state(&last));
    }
    // It has ended since it was planned to be waited for.
    let was_wanted = desired(&last).is_some_and(|desired| is(&desired, wanted));
    let is_there = current(found).is_some_and(|current| is(&current, wanted));
    Ok(refresh_state(&last).filter(|_| was_wanted && !is_there))
}

/// An instance refresh of a group: the one with this id, or the last.
async fn last_refresh(
    at: At<'_>,
    name: &str,
    id: Option<String>,
) -> Result<Option<types::InstanceRefresh>, Error> {
    let call = at.clients.autoscaling.describe_instance_refreshes();
    let call = call
        .auto_scaling_group_name(name)
        .set_instance_refresh_ids(id.map(|id| vec![id]))
        .max_records(1);
    let answer = call.send().await;
    let answer = answer.map_err(at.failed("autoscaling:DescribeInstanceRefreshes"))?;
    Ok(answer.instance_refreshes.into_iter().flatten().next())
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
