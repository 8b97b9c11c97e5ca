//! Tags of things of IAM, each kind of which has calls of its own.

use aws_sdk_iam::types::Tag;

use super::at::At;
use super::tags::TagChanges;
use crate::apply::hands::Error;
use crate::resource::Tags;

/// In the words of IAM.
pub(super) fn tags(tags: &Tags) -> Vec<Tag> {
    // Key and value are there, so that none is left out.
    tags.iter()
        .filter_map(|(key, value)| Tag::builder().key(key).value(value).build().ok())
        .collect()
}

/// Keys and values.
pub(super) fn pairs(tags: &[Tag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key(), tag.value()))
}

/// Changes the tags of a role.
pub(super) async fn change_role(at: At<'_>, name: &str, changes: &TagChanges) -> Result<(), Error> {
    let iam = &at.clients.iam;
    if !changes.set.is_empty() {
        let call = iam.tag_role().role_name(name);
        let set = call.set_tags(Some(tags(&changes.set))).send().await;
        set.map_err(at.failed("iam:TagRole"))?;
    }
    if !changes.unset.is_empty() {
        let call = iam.untag_role().role_name(name);
        let keys = Some(changes.unset.clone());
        let unset = call.set_tag_keys(keys).send().await;
        unset.map_err(at.failed("iam:UntagRole"))?;
    }
    Ok(())
}

/// Changes the tags of an instance profile.
pub(super) async fn change_instance_profile(
    at: At<'_>,
    name: &str,
    changes: &TagChanges,
) -> Result<(), Error> {
    let iam = &at.clients.iam;
    if !changes.set.is_empty() {
        let call = iam.tag_instance_profile().instance_profile_name(name);
        let set = call.set_tags(Some(tags(&changes.set))).send().await;
        set.map_err(at.failed("iam:TagInstanceProfile"))?;
    }
    if !changes.unset.is_empty() {
        let call = iam.untag_instance_profile().instance_profile_name(name);
        let keys = Some(changes.unset.clone());
        let unset = call.set_tag_keys(keys).send().await;
        unset.map_err(at.failed("iam:UntagInstanceProfile"))?;
    }
    Ok(())
}

/// Changes the tags of an OIDC provider.
pub(super) async fn change_oidc_provider(
    at: At<'_>,
    arn: &str,
    changes: &TagChanges,
) -> Result<(), Error> {
    let iam = &at.clients.iam;
    if !changes.set.is_empty() {
        let call = iam
            .tag_open_id_connect_provider()
            .open_id_connect_provider_arn(arn);
        let set = call.set_tags(Some(tags(&changes.set))).send().await;
        set.map_err(at.failed("iam:TagOpenIDConnectProvider"))?;
    }
    if !changes.unset.is_empty() {
        let call = iam
            .untag_open_id_connect_provider()
            .open_id_connect_provider_arn(arn);
        let keys = Some(changes.unset.clone());
        let unset = call.set_tag_keys(keys).send().await;
        unset.map_err(at.failed("iam:UntagOpenIDConnectProvider"))?;
    }
    Ok(())
}
