//! What all things of EKS have in common: tags by ARN, and updates that run on their own.

use aws_sdk_eks::types::{Update, UpdateStatus};

use super::at::At;
use super::tags::{self, TagChanges};
use super::updates::Updates;
use crate::apply::hands::Error;
use crate::observe::resources::sentence;

/// Whose update it is, within a cluster.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    /// The cluster's own.
    Cluster,
    /// A node group's.
    NodeGroup(&'a str),
    /// An add-on's.
    Addon(&'a str),
}

/// Changes the tags of what has this ARN.
pub(super) async fn change_tags(at: At<'_>, arn: &str, changes: &TagChanges) -> Result<(), Error> {
    if !changes.set.is_empty() {
        let call = at.clients.eks.tag_resource().resource_arn(arn);
        let set = call.set_tags(Some(tags::map(&changes.set))).send().await;
        set.map_err(at.failed("eks:TagResource"))?;
    }
    if !changes.unset.is_empty() {
        let call = at.clients.eks.untag_resource().resource_arn(arn);
        let keys = Some(changes.unset.clone());
        let unset = call.set_tag_keys(keys).send().await;
        unset.map_err(at.failed("eks:UntagResource"))?;
    }
    Ok(())
}

/// How an update is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It runs, with what it is.
    Runs(String),
    /// It has come about.
    Done,
    /// It has not, with why.
    Failed(String),
}

/// How the update is that this process started last; done where there is none.
pub(super) async fn last_update(
    at: At<'_>,
    updates: &Updates,
    cluster: &str,
    of: Of<'_>,
) -> Result<Progress, Error> {
    let Some(update) = updates.of(at.address).last else {
        return Ok(Progress::Done);
    };
    let call = at.clients.eks.describe_update().name(cluster);
    let call = match of {
        Of::Cluster => call,
        Of::NodeGroup(name) => call.nodegroup_name(name),
        Of::Addon(name) => call.addon_name(name),
    };
    let answer = call.update_id(update).send().await;
    let answer = answer.map_err(at.failed("eks:DescribeUpdate"))?;
    Ok(answer.update().map_or(Progress::Done, progress))
}

fn progress(update: &Update) -> Progress {
    let what = update
        .r#type()
        .map_or("update", |update| update.as_str())
        .to_owned();
    match update.status() {
        Some(UpdateStatus::InProgress) => Progress::Runs(what),
        Some(UpdateStatus::Failed | UpdateStatus::Cancelled) => {
            let errors: Vec<String> = update
                .errors()
                .iter()
                .map(|error| {
                    sentence(
                        error.error_code().map_or("error", |code| code.as_str()),
                        error.error_message(),
                        error.resource_ids(),
                    )
                })
                .collect();
            Progress::Failed(format!("{what} has failed: {}", errors.join("; ")))
        }
        _ => Progress::Done,
    }
}

/// A status, with the issues that may be why it lasts.
pub(super) fn status(name: Option<&str>, status: Option<&str>, issues: Option<String>) -> String {
    let (name, status) = (name.unwrap_or_default(), status.unwrap_or("new"));
    match issues {
        Some(issues) => format!("{name} is {status}: {issues}"),
        None => format!("{name} is {status}"),
    }
}

/// What EKS says when a repeated update has come about already.
pub(super) fn is_no_change(error: &Error) -> bool {
    let said = error.source.to_string().to_ascii_lowercase();
    ["no changes needed", "already at the desired configuration"]
        .iter()
        .any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{ErrorCode, ErrorDetail, UpdateType};

    use super::*;

    #[test]
    fn an_update_that_failed_says_why() {
        let error = ErrorDetail::builder()
            .error_code(ErrorCode::PodEvictionFailure)
            .error_message("Reached max retries while trying to evict pods")
            .resource_ids("ip-10-0-0-1")
            .build();
        let update = Update::builder()
            .r#type(UpdateType::VersionUpdate)
            .status(UpdateStatus::Failed)
            .errors(error)
            .build();
        assert_eq!(
            progress(&update),
            Progress::Failed(
                "VersionUpdate has failed: PodEvictionFailure: Reached max retries while trying to evict pods (ip-10-0-0-1)"
                    .into()
            )
        );
    }

    #[test]
    fn an_update_that_runs_says_what_it_is() {
        let update = Update::builder()
            .r#type(UpdateType::LoggingUpdate)
            .status(UpdateStatus::InProgress)
            .build();
        assert_eq!(progress(&update), Progress::Runs("LoggingUpdate".into()));
    }

    #[test]
    fn a_status_that_lasts_names_its_issues() {
        let issues = "NodeCreationFailure: Instances failed to join".to_owned();
        assert_eq!(
            status(Some("blue"), Some("CREATING"), Some(issues)),
            "blue is CREATING: NodeCreationFailure: Instances failed to join"
        );
        assert_eq!(status(Some("blue"), None, None), "blue is new");
    }
}
