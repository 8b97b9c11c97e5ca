//! EKS add-ons.

use aws_sdk_eks::operation::create_addon::builders::CreateAddonInputBuilder;
use aws_sdk_eks::operation::update_addon::builders::UpdateAddonInputBuilder;
use aws_sdk_eks::types::{self, AddonStatus, ResolveConflicts};

use super::at::{At, pending, plain, unless_gone};
use super::eks::{self, Of, Progress};
use super::fields::touches;
use super::tags::{self, TagChanges};
use super::updates::Updates;
use crate::apply::hands::{Error, Look};
use crate::observe::resources::addon_issues;
use crate::plan::change::FieldChange;
use crate::resource::{Addon, Attribute, Outputs, outputs_of};

const CREATE: &str = "eks:CreateAddon";

pub(super) async fn create(at: At<'_>, wanted: &Addon, token: &str) -> Result<Outputs, Error> {
    if let Some(found) = find(at, wanted).await? {
        let found_tags = found.tags().into_iter().flatten();
        let found_tags = found_tags.map(|(key, value)| (key.as_str(), value.as_str()));
        at.ours(found_tags, &wanted.tags, &wanted.name)?;
        return Ok(outputs(&found));
    }
    let answer = creation(wanted, token).send_with(&at.clients.eks).await;
    let answer = answer.map_err(at.failed(CREATE))?;
    Ok(outputs(&at.has(CREATE, "add-on", answer.addon)?))
}

fn creation(wanted: &Addon, token: &str) -> CreateAddonInputBuilder {
    CreateAddonInputBuilder::default()
        .cluster_name(plain(&wanted.cluster))
        .addon_name(&wanted.name)
        .set_addon_version(wanted.version.clone())
        .set_service_account_role_arn(role(wanted))
        .set_configuration_values(wanted.configuration.clone())
        .resolve_conflicts(resolve_conflicts(wanted))
        .client_request_token(token)
        .set_tags(Some(tags::map(&wanted.tags)))
}

fn role(wanted: &Addon) -> Option<String> {
    let role = wanted.service_account_role.as_ref()?;
    Some(plain(role).to_owned())
}

fn resolve_conflicts(wanted: &Addon) -> ResolveConflicts {
    ResolveConflicts::from(wanted.resolve_conflicts.as_str())
}

/// The update that a difference needs; none when it is one of tags alone.
fn update(wanted: &Addon, fields: &[FieldChange]) -> Option<UpdateAddonInputBuilder> {
    let call = UpdateAddonInputBuilder::default()
        .cluster_name(plain(&wanted.cluster))
        .addon_name(&wanted.name);
    let is_needed = ["version", "serviceAccountRole", "configuration"]
        .iter()
        .any(|property| touches(fields, property));
    // What an update leaves out, EKS takes for what should be gone, but for the version.
    is_needed.then(|| {
        call.set_addon_version(wanted.version.clone())
            .set_service_account_role_arn(role(wanted))
            .set_configuration_values(wanted.configuration.clone())
            .resolve_conflicts(resolve_conflicts(wanted))
    })
}

fn outputs(addon: &types::Addon) -> Outputs {
    outputs_of([
        (Attribute::Id, addon.addon_name()),
        (Attribute::Arn, addon.addon_arn()),
    ])
}

pub(super) async fn change(
    at: At<'_>,
    updates: &Updates,
    (observed, wanted): (&Addon, &Addon),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let found = find(at, wanted).await?;
    let found = at.has("eks:DescribeAddon", "add-on", found)?;
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    eks::change_tags(at, found.addon_arn().unwrap_or_default(), &changes).await?;
    if let Some(call) = update(wanted, fields) {
        let answer = call.send_with(&at.clients.eks).await;
        let answer = answer.map_err(at.failed("eks:UpdateAddon"))?;
        let update = answer.update.and_then(|update| update.id);
        updates.accepted(at.address, update, true);
    }
    Ok(outputs(&found))
}

pub(super) async fn delete(at: At<'_>, observed: &Addon) -> Result<(), Error> {
    let call = at.clients.eks.delete_addon();
    let call = call
        .cluster_name(plain(&observed.cluster))
        .addon_name(&observed.name);
    call.send().await.map_err(at.failed("eks:DeleteAddon"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, updates: &Updates, wanted: &Addon) -> Result<Look, Error> {
    let Some(found) = find(at, wanted).await? else {
        return Ok(Look::Gone);
    };
    let of = Of::Addon(&wanted.name);
    match eks::last_update(at, updates, plain(&wanted.cluster), of).await? {
        Progress::Failed(reason) => return Ok(Look::Failed { reason }),
        Progress::Runs(what) => {
            let text = state_text(&found);
            return Ok(pending(format!("{what}: {text}")));
        }
        Progress::Done => {}
    }
    Ok(state(&found))
}

fn state(addon: &types::Addon) -> Look {
    match addon.status() {
        Some(AddonStatus::Active) => Look::Ready(outputs(addon)),
        Some(AddonStatus::CreateFailed | AddonStatus::DeleteFailed | AddonStatus::UpdateFailed) => {
            Look::Failed {
                reason: state_text(addon),
            }
        }
        // One that is degraded waits for nodes that its pods can run on.
        _ => pending(state_text(addon)),
    }
}

fn state_text(addon: &types::Addon) -> String {
    let status = addon.status().map(AddonStatus::as_str);
    eks::status(addon.addon_name(), status, addon_issues(addon))
}

async fn find(at: At<'_>, wanted: &Addon) -> Result<Option<types::Addon>, Error> {
    let call = at.clients.eks.describe_addon();
    let call = call
        .cluster_name(plain(&wanted.cluster))
        .addon_name(&wanted.name);
    let answer = call.send().await;
    let answer = unless_gone(answer.map_err(at.failed("eks:DescribeAddon")))?;
    Ok(answer.and_then(|answer| answer.addon))
}

#[cfg(test)]
mod tests {
    use aws_sdk_eks::types::{AddonHealth, AddonIssue, AddonIssueCode};

    use super::super::fields::of_paths;
    use super::*;

    fn addon() -> Addon {
        Addon {
            cluster: "blue".into(),
            name: "coredns".into(),
            version: Some("v1.12.4-eksbuild.1".into()),
            resolve_conflicts: "OVERWRITE".into(),
            configuration: Some("{\"replicaCount\":2}".into()),
            ..Addon::default()
        }
    }

    #[test]
    fn an_addon_is_asked_for_with_all_that_is_wanted() {
        let request = creation(&addon(), "t0").build().unwrap();
        assert_eq!(request.addon_version(), Some("v1.12.4-eksbuild.1"));
        assert_eq!(request.service_account_role_arn(), None);
        assert_eq!(
            request.resolve_conflicts(),
            Some(&ResolveConflicts::Overwrite)
        );
        assert_eq!(request.configuration_values(), Some("{\"replicaCount\":2}"));
    }

    #[test]
    fn a_new_role_leaves_version_and_configuration_as_they_are() {
        let mut wanted = addon();
        wanted.service_account_role = Some("arn:role".into());
        let call = update(&wanted, &of_paths(&["serviceAccountRole"])).unwrap();
        let request = call.build().unwrap();
        assert_eq!(request.service_account_role_arn(), Some("arn:role"));
        assert_eq!(request.addon_version(), Some("v1.12.4-eksbuild.1"));
        assert_eq!(request.configuration_values(), Some("{\"replicaCount\":2}"));
        assert!(update(&wanted, &of_paths(&["tags.team"])).is_none());
    }

    #[test]
    fn one_that_is_degraded_is_waited_for_and_says_why() {
        let issue = AddonIssue::builder()
            .code(AddonIssueCode::InsufficientNumberOfReplicas)
            .message(
                "The add-on is unhealthy because it doesn't have the desired number of replicas.",
            )
            .build();
        let addon = types::Addon::builder()
            .addon_name("coredns")
            .status(AddonStatus::Degraded)
            .health(AddonHealth::builder().issues(issue).build())
            .build();
        assert_eq!(
            state(&addon),
            pending(
                "coredns is DEGRADED: InsufficientNumberOfReplicas: The add-on is unhealthy because it doesn't have the desired number of replicas."
            )
        );
    }
}
