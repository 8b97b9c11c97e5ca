//! Roles that a document names.

use std::collections::{BTreeMap, BTreeSet};

use super::ExistingRole;
use crate::observe::aws;
use crate::observe::clients::Clients;
use crate::observe::parallel::each;
use crate::observe::policy;
use crate::spec::Spec;

const GET_ROLE: &str = "iam:GetRole";

/// Asks for every role that the document names.
pub(super) async fn roles(
    clients: &Clients,
    spec: &Spec,
) -> Result<BTreeMap<String, ExistingRole>, aws::Error> {
    let arns: Vec<String> = named(spec).into_iter().collect();
    let found = each(GET_ROLE, arns.clone(), |arn| role(clients.clone(), arn)).await?;
    Ok(arns.into_iter().zip(found).collect())
}

fn named(spec: &Spec) -> BTreeSet<String> {
    let groups = spec.node_groups.iter();
    let of_groups = groups.filter_map(|group| group.role.as_ref()?.arn.clone());
    let addons = spec.addons.iter();
    let of_addons = addons.filter_map(|addon| addon.role.as_ref()?.arn.clone());
    let shared = [&spec.cluster_role.arn, &spec.node_role.arn];
    of_groups
        .chain(of_addons)
        .chain(shared.into_iter().flatten().cloned())
        .collect()
}

async fn role(clients: Clients, arn: String) -> Result<ExistingRole, aws::Error> {
    let name = arn.rsplit('/').next().unwrap_or_default();
    let object = || format!("role `{arn}`");
    let role = async {
        let answer = clients.iam.get_role().role_name(name).send().await;
        answer.map_err(|error| aws::Error::of_call(GET_ROLE, object(), error))
    };
    let policies = async {
        let pages = clients.iam.list_attached_role_policies().role_name(name);
        let found = pages.into_paginator().items().send().try_collect().await;
        found.map_err(|error| aws::Error::of_call("iam:ListAttachedRolePolicies", object(), error))
    };
    let profiles = async {
        let pages = clients
            .iam
            .list_instance_profiles_for_role()
            .role_name(name);
        let found = pages.into_paginator().items().send().try_collect().await;
        found.map_err(|error| {
            aws::Error::of_call("iam:ListInstanceProfilesForRole", object(), error)
        })
    };
    let (role, policies, profiles) = tokio::try_join!(role, policies, profiles)?;
    let trust = role
        .role()
        .and_then(|role| role.assume_role_policy_document())
        .unwrap_or_default();
    Ok(ExistingRole {
        name: name.to_owned(),
        trusted_services: policy::services(&policy::document(trust)),
        policies: policies
            .iter()
            .filter_map(|policy| policy.policy_name().map(str::to_owned))
            .collect(),
        instance_profiles: profiles
            .iter()
            .map(|profile| profile.instance_profile_name().to_owned())
            .collect(),
    })
}
