//! EKS clusters.

mod request;

use aws_sdk_eks::operation::update_cluster_config::builders::UpdateClusterConfigInputBuilder;
use aws_sdk_eks::types::{self, ClusterStatus};
use request::Step;

use super::at::{At, pending, unless_gone};
use super::eks::{self, Of, Progress};
use super::tags::TagChanges;
use super::updates::Updates;
use crate::apply::hands::{Error, Look};
use crate::observe::resources::{cluster_issues, cluster_outputs};
use crate::plan::change::FieldChange;
use crate::resource::{Cluster, Outputs};

const CREATE: &str = "eks:CreateCluster";

pub(super) async fn create(at: At<'_>, wanted: &Cluster, token: &str) -> Result<Outputs, Error> {
    if let Some(found) = find(at, &wanted.name).await? {
        let found_tags = found.tags().into_iter().flatten();
        let found_tags = found_tags.map(|(key, value)| (key.as_str(), value.as_str()));
        at.ours(found_tags, &wanted.tags, &wanted.name)?;
        return Ok(cluster_outputs(&found));
    }
    let call = request::creation(wanted, token);
    let answer = call.send_with(&at.clients.eks).await;
    let answer = answer.map_err(at.failed(CREATE))?;
    Ok(cluster_outputs(at.has(
        CREATE,
        "cluster",
        answer.cluster(),
    )?))
}

pub(super) async fn change(
    at: At<'_>,
    updates: &Updates,
    (observed, wanted): (&Cluster, &Cluster),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let name = &wanted.name;
    let found = find(at, name).await?;
    let found = at.has("eks:DescribeCluster", "cluster", found)?;
    if found.status() != Some(&ClusterStatus::Active) {
        return Err(at.busy(state_text(&found)));
    }
    match eks::last_update(at, updates, name, Of::Cluster).await? {
        Progress::Runs(what) => return Err(at.busy(format!("{what} of {name} is under way"))),
        Progress::Failed(why) => {
            updates.forget(at.address);
            return Err(at.has_failed(why));
        }
        Progress::Done => {}
    }
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    eks::change_tags(at, found.arn().unwrap_or_default(), &changes).await?;
    let steps = request::steps(observed, wanted, fields);
    let done = updates.of(at.address).done;
    let Some(step) = steps.get(done) else {
        return Ok(cluster_outputs(&found));
    };
    let update = match send(at, name, step).await {
        Err(error) if eks::is_no_change(&error) => None,
        answer => answer?,
    };
    let is_final = done + 1 >= steps.len();
    updates.accepted(at.address, update, is_final);
    if is_final {
        return Ok(cluster_outputs(&found));
    }
    Err(at.busy(format!(
        "{} of {} updates of {name} are under way or done",
        done + 1,
        steps.len()
    )))
}

/// Sends one update, and gives its id.
async fn send(at: At<'_>, name: &str, step: &Step) -> Result<Option<String>, Error> {
    let eks = &at.clients.eks;
    let update = match step {
        Step::Config(call) => {
            let call = UpdateClusterConfigInputBuilder::clone(call);
            let answer = call.name(name).send_with(eks).await;
            answer.map_err(at.failed("eks:UpdateClusterConfig"))?.update
        }
        Step::Encryption(config) => {
            let call = eks.associate_encryption_config().cluster_name(name);
            let answer = call.encryption_config(config.clone()).send().await;
            answer
                .map_err(at.failed("eks:AssociateEncryptionConfig"))?
                .update
        }
        Step::Version(version) => {
            let call = eks.update_cluster_version().name(name).version(version);
            let answer = call.send().await;
            answer
                .map_err(at.failed("eks:UpdateClusterVersion"))?
                .update
        }
    };
    Ok(update.and_then(|update| update.id))
}

pub(super) async fn delete(at: At<'_>, name: &str) -> Result<(), Error> {
    let found = find(at, name).await?;
    if found.is_some_and(|found| found.status() == Some(&ClusterStatus::Deleting)) {
        return Ok(());
    }
    let deleted = at.clients.eks.delete_cluster().name(name).send().await;
    deleted.map_err(at.failed("eks:DeleteCluster"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, updates: &Updates, wanted: &Cluster) -> Result<Look, Error> {
    let Some(found) = find(at, &wanted.name).await? else {
        return Ok(Look::Gone);
    };
    Ok(match found.status() {
        Some(ClusterStatus::Active | ClusterStatus::Updating) => {
            match eks::last_update(at, updates, &wanted.name, Of::Cluster).await? {
                Progress::Failed(reason) => Look::Failed { reason },
                Progress::Runs(what) => pending(format!("{what} of {}", wanted.name)),
                Progress::Done if found.status() == Some(&ClusterStatus::Active) => {
                    Look::Ready(cluster_outputs(&found))
                }
                Progress::Done => pending(state_text(&found)),
            }
        }
        Some(ClusterStatus::Failed) => Look::Failed {
            reason: state_text(&found),
        },
        _ => pending(state_text(&found)),
    })
}

fn state_text(cluster: &types::Cluster) -> String {
    let status = cluster.status().map(ClusterStatus::as_str);
    eks::status(cluster.name(), status, cluster_issues(cluster))
}

async fn find(at: At<'_>, name: &str) -> Result<Option<types::Cluster>, Error> {
    let answer = at.clients.eks.describe_cluster().name(name).send().await;
    let answer = unless_gone(answer.map_err(at.failed("eks:DescribeCluster")))?;
    Ok(answer.and_then(|answer| answer.cluster))
}
