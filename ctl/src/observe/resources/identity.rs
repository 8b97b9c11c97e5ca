//! Roles, instance profiles and OIDC providers, as IAM describes them.
//!
//! IAM finds nothing by tags. Ours have names that begin with the cluster's, and owner tags that tell them from those of a
//! cluster whose name begins alike.

use std::collections::BTreeSet;

use aws_sdk_iam::operation::get_open_id_connect_provider::GetOpenIdConnectProviderOutput;
use aws_sdk_iam::types::{AttachedPolicy, InstanceProfile, Role};

use super::found::Found;
use crate::observe::aws::{self, present};
use crate::observe::clients::Clients;
use crate::observe::parallel::each;
use crate::observe::{policy, tags};
use crate::resource::{self, Attribute, Body, Outputs, Status, Wanted};

const GET_ROLE: &str = "iam:GetRole";
const GET_PROFILE: &str = "iam:GetInstanceProfile";
const GET_PROVIDER: &str = "iam:GetOpenIDConnectProvider";
/// How much of the name of its cluster the name of a role holds at least: IAM's limit of 64, less a digest of 9.
const KEPT: usize = 55;

/// Asks for roles and instance profiles by name, and for the providers of OIDC issuers.
pub(super) async fn found(
    clients: &Clients,
    cluster: &str,
    wanted: &[Wanted],
) -> Result<Vec<Found>, aws::Error> {
    let prefix: String = format!("nodectl-{cluster}-").chars().take(KEPT).collect();
    let wanted_roles = wanted.iter().filter_map(|wanted| match &wanted.body {
        Body::Role(role) => Some(role.name.clone()),
        _ => None,
    });
    let wanted_profiles = wanted.iter().filter_map(|wanted| match &wanted.body {
        Body::InstanceProfile(profile) => Some(profile.name.clone()),
        _ => None,
    });
    let (roles, profiles, providers) = tokio::try_join!(
        roles(clients, &prefix, wanted_roles.collect()),
        profiles(clients, &prefix, wanted_profiles.collect()),
        providers(clients),
    )?;
    Ok([roles, profiles, providers].concat())
}

async fn roles(
    clients: &Clients,
    prefix: &str,
    mut names: BTreeSet<String>,
) -> Result<Vec<Found>, aws::Error> {
    let mut all = clients.iam.list_roles().into_paginator().items().send();
    while let Some(role) = all.next().await {
        let role =
            role.map_err(|error| aws::Error::of_call("iam:ListRoles", "the account", error))?;
        if role.role_name().starts_with(prefix) {
            names.insert(role.role_name().to_owned());
        }
    }
    let found = each(GET_ROLE, names.into_iter().collect(), |name| {
        role(clients.clone(), name)
    });
    Ok(found.await?.into_iter().flatten().collect())
}

async fn role(clients: Clients, name: String) -> Result<Option<Found>, aws::Error> {
    let object = || format!("role `{name}`");
    let answer = clients.iam.get_role().role_name(&name).send().await;
    let answer = answer.map_err(|error| aws::Error::of_call(GET_ROLE, object(), error));
    let Some(role) = present(answer)?.and_then(|answer| answer.role) else {
        return Ok(None);
    };
    let pages = clients.iam.list_attached_role_policies().role_name(&name);
    let policies = pages.into_paginator().items().send().try_collect().await;
    let policies = policies
        .map_err(|error| aws::Error::of_call("iam:ListAttachedRolePolicies", object(), error));
    Ok(present(policies)?.map(|policies| read_role(&role, &policies)))
}

async fn profiles(
    clients: &Clients,
    prefix: &str,
    mut names: BTreeSet<String>,
) -> Result<Vec<Found>, aws::Error> {
    let pages = clients.iam.list_instance_profiles().into_paginator();
    let mut all = pages.items().send();
    while let Some(profile) = all.next().await {
        let profile = profile.map_err(|error| {
            aws::Error::of_call("iam:ListInstanceProfiles", "the account", error)
        })?;
        let name = profile.instance_profile_name();
        if name.starts_with(prefix) {
            names.insert(name.to_owned());
        }
    }
    let found = each(GET_PROFILE, names.into_iter().collect(), |name: String| {
        let clients = clients.clone();
        async move {
            let request = clients.iam.get_instance_profile();
            let answer = request.instance_profile_name(&name).send().await;
            let answer = answer.map_err(|error| {
                aws::Error::of_call(GET_PROFILE, format!("instance profile `{name}`"), error)
            });
            let profile = present(answer)?.and_then(|answer| answer.instance_profile);
            Ok::<_, aws::Error>(profile.as_ref().map(read_profile))
        }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

/// An account has at most 100 of them.
async fn providers(clients: &Clients) -> Result<Vec<Found>, aws::Error> {
    let answer = clients.iam.list_open_id_connect_providers().send().await;
    let answer = answer.map_err(|error| {
        aws::Error::of_call("iam:ListOpenIDConnectProviders", "the account", error)
    })?;
    let arns = answer.open_id_connect_provider_list().iter();
    let arns = arns.filter_map(|provider| provider.arn().map(str::to_owned));
    let found = each(GET_PROVIDER, arns.collect(), |arn: String| {
        let clients = clients.clone();
        async move {
            let request = clients.iam.get_open_id_connect_provider();
            let answer = request.open_id_connect_provider_arn(&arn).send().await;
            let answer = answer.map_err(|error| {
                aws::Error::of_call(GET_PROVIDER, format!("OIDC provider `{arn}`"), error)
            });
            let provider = present(answer)?;
            Ok::<_, aws::Error>(provider.map(|provider| read_provider(&arn, &provider)))
        }
    });
    Ok(found.await?.into_iter().flatten().collect())
}

fn outputs(id: &str, arn: &str) -> Outputs {
    Outputs::from([
        (Attribute::Id, id.to_owned()),
        (Attribute::Arn, arn.to_owned()),
    ])
}

fn read_role(role: &Role, policies: &[AttachedPolicy]) -> Found {
    let tags = tags::of_iam(role.tags());
    let trust = role.assume_role_policy_document().unwrap_or_default();
    Found {
        body: Body::Role(resource::Role {
            name: role.role_name().to_owned(),
            description: role.description().unwrap_or_default().to_owned(),
            trust: policy::text(trust).into(),
            policies: policies
                .iter()
                .filter_map(|policy| policy.policy_arn().map(str::to_owned))
                .collect(),
            tags: tags.clone(),
        }),
        outputs: outputs(role.role_name(), role.arn()),
        tags,
        status: Status::Ready,
    }
}

fn read_profile(profile: &InstanceProfile) -> Found {
    let tags = tags::of_iam(profile.tags());
    let name = profile.instance_profile_name();
    let role = profile.roles().first();
    Found {
        body: Body::InstanceProfile(resource::InstanceProfile {
            name: name.to_owned(),
            role: role.map_or("", |role| role.role_name()).into(),
            tags: tags.clone(),
        }),
        outputs: outputs(name, profile.arn()),
        tags,
        status: Status::Ready,
    }
}

fn read_provider(arn: &str, provider: &GetOpenIdConnectProviderOutput) -> Found {
    let tags = tags::of_iam(provider.tags());
    let url = provider.url().unwrap_or_default();
    // IAM leaves out the scheme, which is always this one.
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("https://{url}")
    };
    Found {
        body: Body::OidcProvider(resource::OidcProvider {
            url: url.into(),
            audiences: provider.client_id_list().iter().cloned().collect(),
            tags: tags.clone(),
        }),
        outputs: outputs(arn, arn),
        tags,
        status: Status::Ready,
    }
}

#[cfg(test)]
mod tests;
