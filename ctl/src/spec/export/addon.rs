//! Add-ons and the roles of their service accounts.

use serde_json::Value;

use super::ours::Ours;
use crate::observe::existing::{Existing, ExistingAddon};
use crate::resource::{PodIdentityAssociation, Role};
use crate::spec::{Addon, AddonRole, RoleWiring};

pub(super) fn addons(
    existing: &Existing,
    ours: &Ours<'_>,
    left_out: &mut Vec<String>,
) -> Vec<Addon> {
    let mut said = Vec::new();
    let addons = existing.addons.iter().map(|found| {
        let association = association(found, existing, ours);
        said.extend(association);
        Addon {
            name: found.addon.name.clone(),
            version: found.addon.version.clone(),
            configuration: found
                .addon
                .configuration
                .as_ref()
                .and_then(|text| serde_json::from_str::<Value>(text).ok()),
            role: role(found, association, ours),
        }
    });
    let addons = addons.collect();
    let others = existing.associations.iter();
    left_out.extend(
        others
            .filter(|association| !said.contains(association))
            .map(|association| {
                format!(
                    "the pod identity association of {}/{}: a document only says those of add-ons",
                    association.namespace, association.service_account
                )
            }),
    );
    addons
}

/// The association of an add-on: the one that EKS made for it, or the one whose role we made for it.
fn association<'a>(
    found: &'a ExistingAddon,
    existing: &'a Existing,
    ours: &Ours<'_>,
) -> Option<&'a PodIdentityAssociation> {
    let name = format!("addon-{}", found.addon.name);
    let made = existing.associations.iter().find(|association| {
        let arn = association.role.known().unwrap_or_default();
        ours.role_with_arn(arn).is_some_and(|(of, _)| of == name)
    });
    found.association.as_ref().or(made)
}

fn role(
    found: &ExistingAddon,
    association: Option<&PodIdentityAssociation>,
    ours: &Ours<'_>,
) -> Option<AddonRole> {
    let name = format!("addon-{}", found.addon.name);
    let made_for_it = |arn: &str| {
        let (of, role) = ours.role_with_arn(arn)?;
        (of == name).then_some(role)
    };
    if let Some(association) = association {
        let arn = association.role.known()?;
        let role = made_for_it(arn);
        return Some(AddonRole {
            by: RoleWiring::PodIdentity,
            arn: role.is_none().then(|| arn.to_owned()),
            policies: role.map(|role| role.policies.clone()).unwrap_or_default(),
            namespace: Some(association.namespace.clone()),
            service_account: Some(association.service_account.clone()),
        });
    }
    let arn = found.addon.service_account_role.as_ref()?.known()?;
    let Some(role) = made_for_it(arn) else {
        return Some(AddonRole {
            arn: Some(arn.to_owned()),
            ..AddonRole::default()
        });
    };
    let (namespace, service_account) = subject(role).unzip();
    Some(AddonRole {
        by: RoleWiring::Irsa,
        arn: None,
        policies: role.policies.clone(),
        namespace,
        service_account,
    })
}

/// The service account that the trust policy of a role lets in: namespace and name.
fn subject(role: &Role) -> Option<(String, String)> {
    let (_, rest) = role.trust.known()?.split_once("system:serviceaccount:")?;
    let (subject, _) = rest.split_once('"')?;
    let (namespace, name) = subject.split_once(':')?;
    Some((namespace.to_owned(), name.to_owned()))
}
