//! EKS pod identity associations.

use aws_sdk_eks::types::PodIdentityAssociation as Found;

use super::at::{At, plain, unless_gone};
use super::tags::{self, TagChanges};
use super::{eks, fields};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, Outputs, PodIdentityAssociation, outputs_of};

const CREATE: &str = "eks:CreatePodIdentityAssociation";

pub(super) async fn create(
    at: At<'_>,
    wanted: &PodIdentityAssociation,
    token: &str,
) -> Result<Outputs, Error> {
    if let Some(found) = find(at, wanted).await? {
        let found_tags = found.tags().into_iter().flatten();
        let found_tags = found_tags.map(|(key, value)| (key.as_str(), value.as_str()));
        at.ours(
            found_tags,
            &wanted.tags,
            &format!(
                "the pod identity of {}/{}",
                wanted.namespace, wanted.service_account
            ),
        )?;
        return Ok(outputs(&found));
    }
    let answer = at
        .clients
        .eks
        .create_pod_identity_association()
        .cluster_name(plain(&wanted.cluster))
        .namespace(&wanted.namespace)
        .service_account(&wanted.service_account)
        .role_arn(plain(&wanted.role))
        .client_request_token(token)
        .set_tags(Some(tags::map(&wanted.tags)))
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    Ok(outputs(&at.has(
        CREATE,
        "association",
        answer.association,
    )?))
}

fn outputs(association: &Found) -> Outputs {
    outputs_of([
        (Attribute::Id, association.association_id()),
        (Attribute::Arn, association.association_arn()),
    ])
}

pub(super) async fn change(
    at: At<'_>,
    (observed, wanted): (&PodIdentityAssociation, &PodIdentityAssociation),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let found = find(at, wanted).await?;
    let found = at.has("eks:ListPodIdentityAssociations", "association", found)?;
    if fields::touches(fields, "role") {
        let call = at.clients.eks.update_pod_identity_association();
        let updated = call
            .cluster_name(plain(&wanted.cluster))
            .set_association_id(found.association_id.clone())
            .role_arn(plain(&wanted.role))
            .send()
            .await;
        updated.map_err(at.failed("eks:UpdatePodIdentityAssociation"))?;
    }
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    eks::change_tags(at, found.association_arn().unwrap_or_default(), &changes).await?;
    Ok(outputs(&found))
}

pub(super) async fn delete(at: At<'_>, observed: &PodIdentityAssociation) -> Result<(), Error> {
    let Some(found) = find(at, observed).await? else {
        return Ok(());
    };
    let call = at.clients.eks.delete_pod_identity_association();
    let call = call
        .cluster_name(plain(&observed.cluster))
        .set_association_id(found.association_id);
    let deleted = call.send().await;
    deleted.map_err(at.failed("eks:DeletePodIdentityAssociation"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &PodIdentityAssociation) -> Result<Look, Error> {
    let found = find(at, wanted).await?;
    Ok(found.map_or(Look::Gone, |found| Look::Ready(outputs(&found))))
}

/// A service account has one association at most. The list does not show tags.
async fn find(at: At<'_>, wanted: &PodIdentityAssociation) -> Result<Option<Found>, Error> {
    let cluster = plain(&wanted.cluster);
    let call = at.clients.eks.list_pod_identity_associations();
    let answer = call
        .cluster_name(cluster)
        .namespace(&wanted.namespace)
        .service_account(&wanted.service_account)
        .send()
        .await;
    let answer = unless_gone(answer.map_err(at.failed("eks:ListPodIdentityAssociations")))?;
    let associations = answer.and_then(|answer| answer.associations);
    let Some(id) = associations
        .into_iter()
        .flatten()
        .find_map(|it| it.association_id)
    else {
        return Ok(None);
    };
    let call = at.clients.eks.describe_pod_identity_association();
    let answer = call.cluster_name(cluster).association_id(id).send().await;
    let answer = answer.map_err(at.failed("eks:DescribePodIdentityAssociation"));
    Ok(unless_gone(answer)?.and_then(|answer| answer.association))
}
