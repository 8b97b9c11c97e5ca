//! Who may enter the cluster: the principals of the document, and the roles of nodes that we launch ourselves. EKS makes the
//! entries of managed groups.

use std::collections::BTreeSet;

use super::Things;
use super::scope::{RoleOfNodes, Scope};
use crate::resource::{AccessEntry, Address, AwsAuthRole, Body, Kind, PolicyScope};
use crate::spec::AuthenticationMode;

/// Adds them; the addresses are those that nodes need.
///
/// The entries of the document are for the modes that know access entries: [`crate::spec`] refuses them in the other.
pub(super) fn add(scope: &Scope<'_>, things: &mut Things) -> BTreeSet<Address> {
    let access = &scope.spec().access;
    let has_entries = access.authentication_mode != AuthenticationMode::ConfigMap;
    if has_entries {
        principals(scope, things);
    }
    let mut of_nodes = BTreeSet::new();
    for role in scope.node_roles() {
        let is_named = access
            .entries
            .iter()
            .any(|entry| Some(&entry.principal_arn) == role.role.arn.as_ref());
        if role.self_managed().next().is_none() || is_named {
            continue;
        }
        let (kind, body) = if has_entries {
            (Kind::AccessEntry, node_entry(scope, &role))
        } else {
            (Kind::AwsAuthRole, aws_auth_role(scope, &role))
        };
        let address = Address::new(kind, &role.name);
        of_nodes.insert(address.clone());
        things.add(address, body);
    }
    of_nodes
}

fn principals(scope: &Scope<'_>, things: &mut Things) {
    for entry in &scope.spec().access.entries {
        let address = Address::new(Kind::AccessEntry, &entry.principal_arn);
        let policies = entry
            .policies
            .iter()
            .map(|policy| {
                let namespaces = policy.namespaces.clone();
                (
                    scope.access_policy(&policy.policy),
                    PolicyScope { namespaces },
                )
            })
            .collect();
        let body = AccessEntry {
            cluster: scope.cluster_name(),
            principal: entry.principal_arn.as_str().into(),
            entry_type: "STANDARD".to_owned(),
            groups: entry.groups.clone(),
            username: entry.username.clone(),
            policies,
            tags: scope.tags(&address),
        };
        things.add(address, Body::AccessEntry(body));
    }
}

/// An entry of type `EC2_LINUX` maps to the private DNS name of an instance, after which its node is called:
/// <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.
fn node_entry(scope: &Scope<'_>, role: &RoleOfNodes<'_>) -> Body {
    Body::AccessEntry(AccessEntry {
        cluster: scope.cluster_name(),
        principal: role.arn(),
        entry_type: "EC2_LINUX".to_owned(),
        tags: scope.tags(&Address::new(Kind::AccessEntry, &role.name)),
        ..AccessEntry::default()
    })
}

fn aws_auth_role(scope: &Scope<'_>, role: &RoleOfNodes<'_>) -> Body {
    let arn = match &role.role.arn {
        Some(arn) => without_path(arn).into(),
        None => role.arn(),
    };
    Body::AwsAuthRole(AwsAuthRole {
        cluster: scope.cluster_name(),
        role: arn,
        username: "system:node:{{EC2PrivateDNSName}}".to_owned(),
        groups: ["system:bootstrappers", "system:nodes"]
            .map(str::to_owned)
            .into(),
    })
}

/// ARN of a role without the path before its name, which the authenticator does not see.
fn without_path(arn: &str) -> String {
    match (arn.split_once(":role/"), arn.rsplit_once('/')) {
        (Some((account, _)), Some((_, name))) => format!("{account}:role/{name}"),
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authenticator_sees_no_path() {
        assert_eq!(
            without_path("arn:aws:iam::111122223333:role/team/a/worker"),
            "arn:aws:iam::111122223333:role/worker"
        );
        assert_eq!(
            without_path("arn:aws:iam::111122223333:role/worker"),
            "arn:aws:iam::111122223333:role/worker"
        );
    }
}
