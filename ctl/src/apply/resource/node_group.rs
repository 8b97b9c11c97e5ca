//! EKS managed node groups.

mod request;

use aws_sdk_eks::types::{self, NodegroupResources, NodegroupStatus};
use request::Step;

use super::at::{At, pending, plain, unless_gone};
use super::auto_scaling_group::why_no_instances;
use super::eks::{self, Of, Progress};
use super::tags::TagChanges;
use super::updates::Updates;
use crate::apply::hands::{Error, Look};
use crate::observe::resources::node_group_issues;
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, NodeGroup, Outputs, outputs_of};

const CREATE: &str = "eks:CreateNodegroup";

pub(super) async fn create(at: At<'_>, wanted: &NodeGroup, token: &str) -> Result<Outputs, Error> {
    if let Some(found) = find(at, wanted).await? {
        let found_tags = found.tags().into_iter().flatten();
        let found_tags = found_tags.map(|(key, value)| (key.as_str(), value.as_str()));
        at.ours(found_tags, &wanted.tags, &wanted.name)?;
        return Ok(outputs(&found));
    }
    let call = request::creation(wanted, token);
    let answer = call.send_with(&at.clients.eks).await;
    let answer = answer.map_err(at.failed(CREATE))?;
    Ok(outputs(&at.has(CREATE, "node group", answer.nodegroup)?))
}

fn outputs(group: &types::Nodegroup) -> Outputs {
    outputs_of([
        (Attribute::Id, group.nodegroup_name()),
        (Attribute::Arn, group.nodegroup_arn()),
    ])
}

pub(super) async fn change(
    at: At<'_>,
    updates: &Updates,
    (observed, wanted): (&NodeGroup, &NodeGroup),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let found = find(at, wanted).await?;
    let found = at.has("eks:DescribeNodegroup", "node group", found)?;
    if !matches!(
        found.status(),
        Some(NodegroupStatus::Active | NodegroupStatus::Degraded)
    ) {
        return Err(at.busy(state_text(&found)));
    }
    let of = Of::NodeGroup(&wanted.name);
    match eks::last_update(at, updates, plain(&wanted.cluster), of).await? {
        Progress::Runs(what) => {
            return Err(at.busy(format!("{what} of {} is under way", wanted.name)));
        }
        Progress::Failed(why) => {
            updates.forget(at.address);
            return Err(at.has_failed(why));
        }
        Progress::Done => {}
    }
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    eks::change_tags(at, found.nodegroup_arn().unwrap_or_default(), &changes).await?;
    let steps = request::steps(observed, wanted, fields);
    let done = updates.of(at.address).done;
    let Some(step) = steps.get(done) else {
        return Ok(outputs(&found));
    };
    let update = match send(at, step).await {
        Err(error) if eks::is_no_change(&error) => None,
        answer => answer?,
    };
    let is_final = done + 1 >= steps.len();
    updates.accepted(at.address, update, is_final);
    if is_final {
        return Ok(outputs(&found));
    }
    Err(at.busy(format!(
        "{} of {} updates of {} are under way or done",
        done + 1,
        steps.len(),
        wanted.name
    )))
}

/// Sends one update, and gives its id.
async fn send(at: At<'_>, step: &Step) -> Result<Option<String>, Error> {
    let eks = &at.clients.eks;
    let update = match step.clone() {
        Step::Config(call) => {
            let answer = call.send_with(eks).await;
            answer
                .map_err(at.failed("eks:UpdateNodegroupConfig"))?
                .update
        }
        Step::Version(call) => {
            let answer = call.send_with(eks).await;
            answer
                .map_err(at.failed("eks:UpdateNodegroupVersion"))?
                .update
        }
    };
    Ok(update.and_then(|update| update.id))
}

/// EKS drains the nodes by itself.
pub(super) async fn delete(at: At<'_>, observed: &NodeGroup) -> Result<(), Error> {
    let Some(found) = find(at, observed).await? else {
        return Ok(());
    };
    if found.status() == Some(&NodegroupStatus::Deleting) {
        return Ok(());
    }
    let call = at.clients.eks.delete_nodegroup();
    let call = call
        .cluster_name(plain(&observed.cluster))
        .nodegroup_name(&observed.name);
    let deleted = call.send().await;
    deleted.map_err(at.failed("eks:DeleteNodegroup"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, updates: &Updates, wanted: &NodeGroup) -> Result<Look, Error> {
    let Some(found) = find(at, wanted).await? else {
        return Ok(Look::Gone);
    };
    let of = Of::NodeGroup(&wanted.name);
    let update = eks::last_update(at, updates, plain(&wanted.cluster), of).await?;
    let look = state(&found, update);
    let Look::Pending { waits_for } = look else {
        return Ok(look);
    };
    // EKS tells only after a quarter of an hour that no instance starts, its Auto Scaling group at once.
    if found.status() == Some(&NodegroupStatus::Deleting) {
        return Ok(pending(waits_for));
    }
    let groups = found
        .resources()
        .map(NodegroupResources::auto_scaling_groups);
    let names = groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.name());
    for name in names {
        if let Some(why) = why_no_instances(at, name).await? {
            return Ok(pending(format!("{waits_for}; {why}")));
        }
    }
    Ok(pending(waits_for))
}

fn state(group: &types::Nodegroup, update: Progress) -> Look {
    match (group.status(), update) {
        (_, Progress::Failed(reason)) => Look::Failed { reason },
        (Some(NodegroupStatus::CreateFailed | NodegroupStatus::DeleteFailed), _) => Look::Failed {
            reason: state_text(group),
        },
        (_, Progress::Runs(what)) => pending(format!("{what}: {}", state_text(group))),
        (Some(NodegroupStatus::Active), Progress::Done) => Look::Ready(outputs(group)),
        (_, Progress::Done) => pending(state_text(group)),
    }
}

fn state_text(group: &types::Nodegroup) -> String {
    let status = group.status().map(NodegroupStatus::as_str);
    eks::status(group.nodegroup_name(), status, node_group_issues(group))
}

async fn find(at: At<'_>, wanted: &NodeGroup) -> Result<Option<types::Nodegroup>, Error> {
    let call = at.clients.eks.describe_nodegroup();
    let call = call
        .cluster_name(plain(&wanted.cluster))
        .nodegroup_name(&wanted.name);
    let answer = call.send().await;
    let answer = unless_gone(answer.map_err(at.failed("eks:DescribeNodegroup")))?;
    Ok(answer.and_then(|answer| answer.nodegroup))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{Issue, NodegroupHealth, NodegroupIssueCode};

    use super::*;

    fn group(status: NodegroupStatus) -> types::Nodegroup {
        let issue = Issue::builder()
            .code(NodegroupIssueCode::NodeCreationFailure)
            .message("Instances failed to join the kubernetes cluster")
            .resource_ids("i-1")
            .build();
        types::Nodegroup::builder()
            .nodegroup_name("workers")
            .status(status)
            .health(NodegroupHealth::builder().issues(issue).build())
            .build()
    }

    #[test]
    fn a_group_that_could_not_be_made_says_why() {
        assert_eq!(
            state(&group(NodegroupStatus::CreateFailed), Progress::Done),
            Look::Failed {
                reason: "workers is CREATE_FAILED: NodeCreationFailure: Instances failed to join the kubernetes cluster (i-1)".into()
            }
        );
    }

    #[test]
    fn a_group_whose_update_failed_is_not_ready_though_it_is_active() {
        let look = state(
            &group(NodegroupStatus::Active),
            Progress::Failed("VersionUpdate has failed: PodEvictionFailure".into()),
        );
        assert_eq!(
            look,
            Look::Failed {
                reason: "VersionUpdate has failed: PodEvictionFailure".into()
            }
        );
    }

    #[test]
    fn a_group_that_is_active_is_ready_when_its_update_is_done() {
        let active = group(NodegroupStatus::Active);
        assert!(matches!(
            state(&active, Progress::Runs("ConfigUpdate".into())),
            Look::Pending { .. }
        ));
        assert!(matches!(state(&active, Progress::Done), Look::Ready(_)));
    }
}
