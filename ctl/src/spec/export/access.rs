//! Who may enter.

use crate::observe::existing::Existing;
use crate::resource::AccessEntry;
use crate::spec::{Access, AccessPolicy, AuthenticationMode, Entry};

/// The entries of a cluster that is ours are those that we made: the others are its creator's and those of its nodes. Of a
/// cluster of others all of people and programs are said.
pub(super) fn access(existing: &Existing) -> Access {
    let is_ours = existing.owns(&existing.cluster.tags);
    let entries = existing.entries.iter().filter(|entry| {
        let is_said = if is_ours {
            existing.owns(&entry.tags)
        } else {
            !is_of_aws(entry)
        };
        entry.entry_type == "STANDARD" && is_said
    });
    Access {
        authentication_mode: AuthenticationMode::ALL
            .into_iter()
            .find(|mode| mode.name() == existing.cluster.authentication_mode)
            .unwrap_or_default(),
        entries: entries.map(entry).collect(),
        ..Access::default()
    }
}

/// Entries of service-linked roles come and go with features of EKS.
fn is_of_aws(entry: &AccessEntry) -> bool {
    let principal = entry.principal.known().unwrap_or_default();
    principal.contains(":role/aws-service-role/")
}

fn entry(entry: &AccessEntry) -> Entry {
    let policies = entry.policies.iter().map(|(arn, scope)| AccessPolicy {
        policy: arn
            .split_once(":eks::aws:cluster-access-policy/")
            .map_or(arn.as_str(), |(_, name)| name)
            .to_owned(),
        namespaces: scope.namespaces.clone(),
    });
    Entry {
        principal_arn: entry.principal.known().unwrap_or_default().to_owned(),
        groups: entry.groups.clone(),
        username: entry.username.clone(),
        policies: policies.collect(),
    }
}
