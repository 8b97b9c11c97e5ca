//! Access entries and pod identity associations.

use aws_sdk_eks::types::{AccessEntry, AssociatedAccessPolicy, PodIdentityAssociation};

use super::found::Found;
use crate::observe::tags;
use crate::resource::{self, Attribute, Body, Outputs, PolicyScope, Status};

/// An access entry that was found, with its access policies.
pub(super) fn read_entry(entry: &AccessEntry, policies: &[AssociatedAccessPolicy]) -> Found {
    let body = entry_body(entry, policies);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Found {
        tags: body.tags.clone(),
        body: Body::AccessEntry(body),
        outputs: Outputs::from([
            (Attribute::Id, text(entry.principal_arn())),
            (Attribute::Arn, text(entry.access_entry_arn())),
        ]),
        status: Status::Ready,
    }
}

/// An access entry and its access policies.
pub(in crate::observe) fn entry_body(
    entry: &AccessEntry,
    policies: &[AssociatedAccessPolicy],
) -> resource::AccessEntry {
    let principal = entry.principal_arn().unwrap_or_default();
    let entry_type = entry.r#type().unwrap_or("STANDARD");
    // EKS itself sets groups and user name of the entries of nodes.
    let is_standard = entry_type == "STANDARD";
    let groups = entry.kubernetes_groups().iter().filter(|_| is_standard);
    let username = entry
        .username()
        .filter(|name| is_standard && *name != usual_name(principal));
    let policies = policies.iter().filter_map(|policy| {
        let namespaces = policy
            .access_scope()
            .map(|scope| scope.namespaces().iter().cloned().collect())
            .unwrap_or_default();
        Some((policy.policy_arn()?.to_owned(), PolicyScope { namespaces }))
    });
    resource::AccessEntry {
        cluster: entry.cluster_name().unwrap_or_default().into(),
        principal: principal.into(),
        entry_type: entry_type.to_owned(),
        groups: groups.cloned().collect(),
        username: username.map(str::to_owned),
        policies: policies.collect(),
        tags: tags::of_map(entry.tags()),
    }
}

/// The user name that EKS gives to a principal when none is said: "Create access entries" of the EKS user guide.
fn usual_name(principal: &str) -> String {
    let parts: Vec<&str> = principal.splitn(6, ':').collect();
    if let [arn, partition, "iam", region, account, resource] = parts.as_slice()
        && resource.starts_with("role/")
    {
        let name = resource.rsplit('/').next().unwrap_or_default();
        return format!(
            "{arn}:{partition}:sts:{region}:{account}:assumed-role/{name}/{{{{SessionName}}}}"
        );
    }
    principal.to_owned()
}

/// A pod identity association that was found.
pub(super) fn read_association(association: &PodIdentityAssociation) -> Found {
    let body = association_body(association);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Found {
        tags: body.tags.clone(),
        body: Body::PodIdentityAssociation(body),
        outputs: Outputs::from([
            (Attribute::Id, text(association.association_id())),
            (Attribute::Arn, text(association.association_arn())),
        ]),
        status: Status::Ready,
    }
}

/// A pod identity association.
pub(in crate::observe) fn association_body(
    association: &PodIdentityAssociation,
) -> resource::PodIdentityAssociation {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    resource::PodIdentityAssociation {
        cluster: text(association.cluster_name()).into(),
        namespace: text(association.namespace()),
        service_account: text(association.service_account()),
        role: text(association.role_arn()).into(),
        tags: tags::of_map(association.tags()),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use aws_sdk_eks::types::AccessScope;

    use super::*;

    const ROLE: &str = "arn:aws:iam::111122223333:role/team/admin";

    fn entry(entry_type: &str, username: &str) -> AccessEntry {
        AccessEntry::builder()
            .cluster_name("prod")
            .principal_arn(ROLE)
            .r#type(entry_type)
            .kubernetes_groups("system:nodes")
            .username(username)
            .build()
    }

    #[test]
    fn what_eks_sets_by_itself_is_left_out() {
        let usual = "arn:aws:sts::111122223333:assumed-role/admin/{{SessionName}}";
        assert_eq!(entry_body(&entry("STANDARD", usual), &[]).username, None);
        let own = entry_body(&entry("STANDARD", "jo"), &[]);
        assert_eq!(own.username.as_deref(), Some("jo"));
        assert_eq!(own.groups.len(), 1);
        let node = entry_body(
            &entry("EC2_LINUX", "system:node:{{EC2PrivateDNSName}}"),
            &[],
        );
        assert_eq!((node.username, node.groups.len()), (None, 0));
    }

    #[test]
    fn the_usual_name_of_a_user_is_its_arn() {
        let user = "arn:aws:iam::111122223333:user/jo";
        assert_eq!(usual_name(user), user);
    }

    #[test]
    fn an_access_policy_holds_where_its_scope_says() {
        let scope = AccessScope::builder().namespaces("web").build();
        let policy = AssociatedAccessPolicy::builder()
            .policy_arn("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy")
            .access_scope(scope)
            .build();
        let expected = PolicyScope {
            namespaces: BTreeSet::from(["web".to_owned()]),
        };
        assert_eq!(
            entry_body(&entry("STANDARD", "jo"), &[policy]).policies,
            BTreeMap::from([(
                "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy".to_owned(),
                expected
            )])
        );
    }
}
