//! IAM instance profiles.

use aws_sdk_iam::types;

use super::at::{At, pending, plain, unless_gone};
use super::iam_tags;
use super::tags::TagChanges;
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, InstanceProfile, Outputs};

const CREATE: &str = "iam:CreateInstanceProfile";

pub(super) async fn create(at: At<'_>, wanted: &InstanceProfile) -> Result<Outputs, Error> {
    let profile = match find(at, &wanted.name).await? {
        Some(found) => {
            at.ours(iam_tags::pairs(found.tags()), &wanted.tags, &wanted.name)?;
            found
        }
        None => make(at, wanted).await?,
    };
    if !has_role(&profile, plain(&wanted.role)) {
        let call = at.clients.iam.add_role_to_instance_profile();
        let call = call
            .instance_profile_name(&wanted.name)
            .role_name(plain(&wanted.role));
        let added = call.send().await;
        added.map_err(at.failed("iam:AddRoleToInstanceProfile"))?;
    }
    Ok(outputs(&profile))
}

async fn make(at: At<'_>, wanted: &InstanceProfile) -> Result<types::InstanceProfile, Error> {
    let call = at.clients.iam.create_instance_profile();
    let call = call
        .instance_profile_name(&wanted.name)
        .set_tags(Some(iam_tags::tags(&wanted.tags)));
    let answer = call.send().await.map_err(at.failed(CREATE))?;
    at.has(
        CREATE,
        "instance profile",
        answer.instance_profile().cloned(),
    )
}

fn has_role(profile: &types::InstanceProfile, role: &str) -> bool {
    profile.roles().iter().any(|has| has.role_name() == role)
}

fn outputs(profile: &types::InstanceProfile) -> Outputs {
    Outputs::from([
        (Attribute::Id, profile.instance_profile_name().to_owned()),
        (Attribute::Arn, profile.arn().to_owned()),
    ])
}

pub(super) async fn change(
    at: At<'_>,
    (observed, wanted): (&InstanceProfile, &InstanceProfile),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    iam_tags::change_instance_profile(at, &wanted.name, &changes).await?;
    let found = find(at, &wanted.name).await?;
    Ok(found.as_ref().map(outputs).unwrap_or_default())
}

/// Takes a role out of a profile.
pub(super) async fn remove_role(at: At<'_>, profile: &str, role: &str) -> Result<(), Error> {
    let call = at.clients.iam.remove_role_from_instance_profile();
    let call = call.instance_profile_name(profile).role_name(role);
    let removed = call.send().await;
    unless_gone(removed.map_err(at.failed("iam:RemoveRoleFromInstanceProfile")))?;
    Ok(())
}

pub(super) async fn delete(at: At<'_>, name: &str) -> Result<(), Error> {
    let Some(found) = find(at, name).await? else {
        return Ok(());
    };
    for role in found.roles() {
        remove_role(at, name, role.role_name()).await?;
    }
    let call = at.clients.iam.delete_instance_profile();
    let deleted = call.instance_profile_name(name).send().await;
    deleted.map_err(at.failed("iam:DeleteInstanceProfile"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &InstanceProfile) -> Result<Look, Error> {
    let Some(found) = find(at, &wanted.name).await? else {
        return Ok(Look::Gone);
    };
    let role = plain(&wanted.role);
    Ok(if has_role(&found, role) {
        Look::Ready(outputs(&found))
    } else {
        pending(format!("{} has no role `{role}` yet", wanted.name))
    })
}

async fn find(at: At<'_>, name: &str) -> Result<Option<types::InstanceProfile>, Error> {
    let call = at.clients.iam.get_instance_profile();
    let answer = call.instance_profile_name(name).send().await;
    let answer = unless_gone(answer.map_err(at.failed("iam:GetInstanceProfile")))?;
    Ok(answer.and_then(|answer| answer.instance_profile().cloned()))
}
