//! EKS access entries, with their access policies.

use aws_sdk_eks::types::{self, AccessScope, AccessScopeType};

use super::at::{At, plain, unless_gone};
use super::tags::{self, TagChanges};
use super::{eks, fields};
use crate::apply::hands::{Error, Look};
use crate::plan::change::FieldChange;
use crate::resource::{AccessEntry, Attribute, Outputs, PolicyScope, outputs_of};

const CREATE: &str = "eks:CreateAccessEntry";

pub(super) async fn create(
    at: At<'_>,
    wanted: &AccessEntry,
    token: &str,
) -> Result<Outputs, Error> {
    let entry = match find(at, wanted).await? {
        Some(found) => {
            let found_tags = found.tags().into_iter().flatten();
            let found_tags = found_tags.map(|(key, value)| (key.as_str(), value.as_str()));
            at.ours(found_tags, &wanted.tags, plain(&wanted.principal))?;
            found
        }
        None => make(at, wanted, token).await?,
    };
    for (policy, scope) in &wanted.policies {
        associate(at, wanted, policy, scope).await?;
    }
    Ok(outputs(&entry))
}

async fn make(at: At<'_>, wanted: &AccessEntry, token: &str) -> Result<types::AccessEntry, Error> {
    let groups = (!wanted.groups.is_empty()).then(|| wanted.groups.iter().cloned().collect());
    let answer = at
        .clients
        .eks
        .create_access_entry()
        .cluster_name(plain(&wanted.cluster))
        .principal_arn(plain(&wanted.principal))
        .r#type(&wanted.entry_type)
        .set_kubernetes_groups(groups)
        .set_username(wanted.username.clone())
        .client_request_token(token)
        .set_tags(Some(tags::map(&wanted.tags)))
        .send()
        .await
        .map_err(at.failed(CREATE))?;
    at.has(CREATE, "access entry", answer.access_entry)
}

fn outputs(entry: &types::AccessEntry) -> Outputs {
    outputs_of([
        (Attribute::Id, entry.principal_arn()),
        (Attribute::Arn, entry.access_entry_arn()),
    ])
}

/// Associating again changes the scope.
async fn associate(
    at: At<'_>,
    wanted: &AccessEntry,
    policy: &str,
    scope: &PolicyScope,
) -> Result<(), Error> {
    let call = at.clients.eks.associate_access_policy();
    let associated = call
        .cluster_name(plain(&wanted.cluster))
        .principal_arn(plain(&wanted.principal))
        .policy_arn(policy)
        .access_scope(access_scope(scope))
        .send()
        .await;
    associated.map_err(at.failed("eks:AssociateAccessPolicy"))?;
    Ok(())
}

fn access_scope(scope: &PolicyScope) -> AccessScope {
    let builder = AccessScope::builder();
    if scope.namespaces.is_empty() {
        return builder.r#type(AccessScopeType::Cluster).build();
    }
    builder
        .r#type(AccessScopeType::Namespace)
        .set_namespaces(Some(scope.namespaces.iter().cloned().collect()))
        .build()
}

pub(super) async fn change(
    at: At<'_>,
    (observed, wanted): (&AccessEntry, &AccessEntry),
    fields: &[FieldChange],
) -> Result<Outputs, Error> {
    let touches = |property| fields::touches(fields, property);
    let (cluster, principal) = (plain(&wanted.cluster), plain(&wanted.principal));
    if touches("groups") || touches("username") {
        let call = at.clients.eks.update_access_entry();
        let updated = call
            .cluster_name(cluster)
            .principal_arn(principal)
            .set_kubernetes_groups(Some(wanted.groups.iter().cloned().collect()))
            .set_username(wanted.username.clone())
            .send()
            .await;
        updated.map_err(at.failed("eks:UpdateAccessEntry"))?;
    }
    if touches("policies") {
        for (policy, scope) in &wanted.policies {
            if observed.policies.get(policy) != Some(scope) {
                associate(at, wanted, policy, scope).await?;
            }
        }
        let gone = observed.policies.keys();
        for policy in gone.filter(|policy| !wanted.policies.contains_key(*policy)) {
            let call = at.clients.eks.disassociate_access_policy();
            let call = call.cluster_name(cluster).principal_arn(principal);
            let gone = call.policy_arn(policy).send().await;
            unless_gone(gone.map_err(at.failed("eks:DisassociateAccessPolicy")))?;
        }
    }
    let found = find(at, wanted).await?;
    let found = at.has("eks:DescribeAccessEntry", "access entry", found)?;
    let changes = TagChanges::of(fields, &observed.tags, &wanted.tags);
    eks::change_tags(at, found.access_entry_arn().unwrap_or_default(), &changes).await?;
    Ok(outputs(&found))
}

/// Its policies go with it.
pub(super) async fn delete(at: At<'_>, observed: &AccessEntry) -> Result<(), Error> {
    let call = at.clients.eks.delete_access_entry();
    let call = call
        .cluster_name(plain(&observed.cluster))
        .principal_arn(plain(&observed.principal));
    let deleted = call.send().await;
    deleted.map_err(at.failed("eks:DeleteAccessEntry"))?;
    Ok(())
}

pub(super) async fn look(at: At<'_>, wanted: &AccessEntry) -> Result<Look, Error> {
    let found = find(at, wanted).await?;
    Ok(found.map_or(Look::Gone, |entry| Look::Ready(outputs(&entry))))
}

async fn find(at: At<'_>, wanted: &AccessEntry) -> Result<Option<types::AccessEntry>, Error> {
    let call = at.clients.eks.describe_access_entry();
    let call = call
        .cluster_name(plain(&wanted.cluster))
        .principal_arn(plain(&wanted.principal));
    let answer = call.send().await;
    let answer = unless_gone(answer.map_err(at.failed("eks:DescribeAccessEntry")))?;
    Ok(answer.and_then(|answer| answer.access_entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_without_namespaces_holds_in_the_whole_cluster() {
        let scope = access_scope(&PolicyScope::default());
        assert_eq!(scope.r#type(), Some(&AccessScopeType::Cluster));
        let scope = access_scope(&PolicyScope {
            namespaces: ["web".to_owned()].into(),
        });
        assert_eq!(scope.r#type(), Some(&AccessScopeType::Namespace));
        assert_eq!(scope.namespaces(), ["web"]);
    }
}
