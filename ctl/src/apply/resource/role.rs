//! IAM roles, with the managed policies that are attached to them.

use std::collections::BTreeSet;

use aws_sdk_iam::types;

use super::at::{At, plain, unless_gone};
use super::tags::TagChanges;
use super::{iam_tags, instance_profile};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, Outputs, Role};

const CREATE: &str = "iam:CreateRole";

pub(super) async fn create(at: At<'_>, wanted: &Role) -> Result<Outputs, Error> {
    let found = match find(at, &wanted.name).await? {
        Some(found) => {
            at.ours(iam_tags::pairs(found.tags()), &wanted.tags, &wanted.name)?;
            set_trust(at, wanted).await?;
            found
        }
        None => make(at, wanted).await?,
    };
    for policy in &wanted.policies {
        attach(at, &wanted.name, policy).await?;
    }
    Ok(outputs(&found))
}

async fn make(at: At<'_>, wanted: &Role) -> Result<types::Role, Error> {
    let description = Some(&wanted.description).filter(|text| !text.is_empty());
    let answer = at
        .clients
        .iam
        .create_role()
        .role_name(&wanted.name)
        .set_description(description.cloned())
        .assume_role_policy_document(plain(&wanted.trust))
        .set_tags(Some(iam_tags::tags(&wanted.tags)))
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    at.has(CREATE, "role", answer.role().cloned())
}

fn outputs(role: &types::Role) -> Outputs {
    Outputs::from([
        (Attribute::Id, role.role_name().to_owned()),
        (Attribute::Arn, role.arn().to_owned()),
    ])
}

async fn set_trust(at: At<'_>, wanted: &Role) -> Result<(), Error> {
    let call = at.clients.iam.update_assume_role_policy();
    let call = call
        .role_name(&wanted.name)
        .policy_document(plain(&wanted.trust));
    let set = call.send().await;
    set.map_err(at.failed("iam:UpdateAssumeRolePolicy"))?;
    Ok(())
}

/// That it is attached already is no error of IAM.
async fn attach(at: At<'_>, role: &str, policy: &str) -> Result<(), Error> {
    let call = at.clients.iam.attach_role_policy();
    let attached = call.role_name(role).policy_arn(policy).send().await;
    attached.map_err(at.failed("iam:AttachRolePolicy"))?;
    Ok(())
}

async fn detach(at: At<'_>, role: &str, policy: &str) -> Result<(), Error> {
    let call = at.clients.iam.detach_role_policy();
    let detached = call.role_name(role).policy_arn(policy).send().await;
    unless_gone(detached.map_err(at.failed("iam:DetachRolePolicy")))?;
    Ok(())
}

/// Policies to attach, and policies to detach. What others attached stays unless the difference names policies.
fn policies<'a>(
    observed: &'a Role,
    wanted: &'a Role,
    fields: &[FieldChange],
) -> (BTreeSet<&'a String>, BTreeSet<&'a String>) {
    let is_named = fields
        .iter()
        .any(|field| field.path == "policies" || field.path.starts_with("policies."));
    let gone = observed.policies.difference(&wanted.policies);
    (
        wanted.policies.difference(&observed.policies).collect(),
        gone.filter(|_| is_named).collect(),
    )
}

pub(super) async fn change(
    at: At<'_>,
    (observed, wanted): (&Role, &Role),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let name = &wanted.name;
    if fields.iter().any(|field| field.path == "trust") {
        set_trust(at, wanted).await?;
    }
    if observed.description != wanted.description {
        let call = at.clients.iam.update_role().role_name(name);
        let updated = call.description(&wanted.description).send().await;
        updated.map_err(at.failed("iam:UpdateRole"))?;
    }
    let (more, less) = policies(observed, wanted, fields);
    for policy in more {
        attach(at, name, policy).await?;
    }
    for policy in less {
        detach(at, name, policy).await?;
    }
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    iam_tags::change_role(at, name, &changes).await?;
    let found = find(at, name).await?;
    Ok(found.as_ref().map(outputs).unwrap_or_default())
}

/// IAM deletes only a role that nothing hangs on.
pub(super) async fn delete(at: At<'_>, name: &str) -> Result<(), Error> {
    let iam = &at.clients.iam;
    let call = iam.list_attached_role_policies().role_name(name);
    let mut pages = call.into_paginator().items().send();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(at.failed("iam:ListAttachedRolePolicies"))?;
        detach(at, name, policy.policy_arn().unwrap_or_default()).await?;
    }
    let call = iam.list_role_policies().role_name(name);
    let mut pages = call.into_paginator().items().send();
    while let Some(policy) = pages.next().await {
        let policy = policy.map_err(at.failed("iam:ListRolePolicies"))?;
        let call = iam.delete_role_policy().role_name(name).policy_name(policy);
        let deleted = call.send().await;
        unless_gone(deleted.map_err(at.failed("iam:DeleteRolePolicy")))?;
    }
    let call = iam.list_instance_profiles_for_role().role_name(name);
    let mut pages = call.into_paginator().items().send();
    while let Some(profile) = pages.next().await {
        let profile = profile.map_err(at.failed("iam:ListInstanceProfilesForRole"))?;
        instance_profile::remove_role(at, profile.instance_profile_name(), name).await?;
    }
    let deleted = iam.delete_role().role_name(name).send().await;
    deleted.map_err(at.failed("iam:DeleteRole"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &Role) -> Result<Look, Error> {
    let found = find(at, &wanted.name).await?;
    Ok(found.map_or(Look::Gone, |role| Look::Ready(outputs(&role))))
}

async fn find(at: At<'_>, name: &str) -> Result<Option<types::Role>, Error> {
    let answer = at.clients.iam.get_role().role_name(name).send().await;
    let answer = unless_gone(answer.map_err(at.failed("iam:GetRole")))?;
    Ok(answer.and_then(|answer| answer.role().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_attached_stays_unless_the_difference_names_policies() {
        let role = |policies: &[&str]| Role {
            policies: policies.iter().map(|arn| (*arn).to_owned()).collect(),
            ..Role::default()
        };
        let (observed, wanted) = (role(&["a", "theirs"]), role(&["a", "b"]));
        let (more, less) = policies(&observed, &wanted, &[]);
        assert_eq!(more, BTreeSet::from([&"b".to_owned()]));
        assert_eq!(less, BTreeSet::new());
        let field = FieldChange {
            path: "policies".to_owned(),
            from: None,
            to: None,
            replaces: false,
        };
        let (_, less) = policies(&observed, &wanted, &[field]);
        assert_eq!(less, BTreeSet::from([&"theirs".to_owned()]));
    }
}
