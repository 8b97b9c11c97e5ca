//! OIDC providers of IAM.

use aws_sdk_iam::operation::get_open_id_connect_provider::GetOpenIdConnectProviderOutput;

use super::at::{At, plain, unless_gone};
use super::iam_tags;
use super::tags::TagChanges;
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{Attribute, OidcProvider, Outputs};

const CREATE: &str = "iam:CreateOpenIDConnectProvider";

pub(super) async fn create(at: At<'_>, wanted: &OidcProvider) -> Result<Outputs, Error> {
    if let Some((arn, found)) = find(at, wanted).await? {
        at.ours(iam_tags::pairs(found.tags()), &wanted.tags, &arn)?;
        return Ok(outputs(&arn));
    }
    // IAM fetches the thumbprint of the issuer's certificate by itself when none is given.
    let answer = at
        .clients
        .iam
        .create_open_id_connect_provider()
        .url(plain(&wanted.url))
        .set_client_id_list(Some(wanted.audiences.iter().cloned().collect()))
        .set_tags(Some(iam_tags::tags(&wanted.tags)))
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    let arn = answer.open_id_connect_provider_arn();
    Ok(outputs(at.has(CREATE, "ARN", arn)?))
}

fn outputs(arn: &str) -> Outputs {
    Outputs::from([
        (Attribute::Id, arn.to_owned()),
        (Attribute::Arn, arn.to_owned()),
    ])
}

pub(super) async fn change(
    at: At<'_>,
    arn: &str,
    (observed, wanted): (&OidcProvider, &OidcProvider),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let iam = &at.clients.iam;
    for audience in wanted.audiences.difference(&observed.audiences) {
        let call = iam.add_client_id_to_open_id_connect_provider();
        let call = call.open_id_connect_provider_arn(arn).client_id(audience);
        let added = call.send().await;
        added.map_err(at.failed("iam:AddClientIDToOpenIDConnectProvider"))?;
    }
    for audience in observed.audiences.difference(&wanted.audiences) {
        let call = iam.remove_client_id_from_open_id_connect_provider();
        let call = call.open_id_connect_provider_arn(arn).client_id(audience);
        let removed = call.send().await;
        removed.map_err(at.failed("iam:RemoveClientIDFromOpenIDConnectProvider"))?;
    }
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    iam_tags::change_oidc_provider(at, arn, &changes).await?;
    Ok(outputs(arn))
}

pub(super) async fn delete(at: At<'_>, arn: &str) -> Result<(), Error> {
    let call = at.clients.iam.delete_open_id_connect_provider();
    let deleted = call.open_id_connect_provider_arn(arn).send().await;
    deleted.map_err(at.failed("iam:DeleteOpenIDConnectProvider"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &OidcProvider) -> Result<Look, Error> {
    let found = find(at, wanted).await?;
    Ok(found.map_or(Look::Gone, |(arn, _)| Look::Ready(outputs(&arn))))
}

/// The ARN of a provider ends with its URL, less the scheme.
async fn find(
    at: At<'_>,
    wanted: &OidcProvider,
) -> Result<Option<(String, GetOpenIdConnectProviderOutput)>, Error> {
    let call = at.clients.iam.list_open_id_connect_providers();
    let answer = call.send().await;
    let answer = answer.map_err(at.failed("iam:ListOpenIDConnectProviders"))?;
    let providers = answer.open_id_connect_provider_list();
    let mut arns = providers.iter().filter_map(|provider| provider.arn());
    let Some(arn) = arns.find(|arn| is_of(arn, plain(&wanted.url))) else {
        return Ok(None);
    };
    let call = at.clients.iam.get_open_id_connect_provider();
    let found = call.open_id_connect_provider_arn(arn).send().await;
    let found = unless_gone(found.map_err(at.failed("iam:GetOpenIDConnectProvider")))?;
    Ok(found.map(|found| (arn.to_owned(), found)))
}

fn is_of(arn: &str, url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or(url);
    arn.split_once(":oidc-provider/")
        .is_some_and(|(_, of)| of == host.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_the_issuer_in_its_arn() {
        let arn = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/A1";
        assert!(is_of(arn, "https://oidc.eks.us-west-2.amazonaws.com/id/A1"));
        assert!(!is_of(arn, "https://oidc.eks.us-west-2.amazonaws.com/id/A"));
    }
}
