//! Access entries of every cluster and the access policies that are associated with them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::state::time;
use super::{Fault, Held, Work, entries_of, no_such_call, one, words};
use crate::cloud::access_entry::{
    AccessEntry, AccessEntryError, AccessEntryRequest, AccessPolicy, AccessScope,
};

/// Access entries by principal.
type Entries = BTreeMap<String, AccessEntry>;

/// What the creator of a cluster gets.
pub(super) const CLUSTER_ADMIN: &str =
    "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy";

/// The policies that people may have. <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>
const POLICIES: [&str; 6] = [
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
];

impl Work<'_> {
    pub(super) fn list_access_policies(&self) -> Result<Value, Fault> {
        let policies = POLICIES.map(|name| json!({ "name": name, "arn": policy_arn(name) }));
        self.request.page("accessPolicies", policies)
    }

    /// `path` is what comes behind `access-entries`.
    pub(super) fn access_entries(
        &self,
        held: &mut Held<'_>,
        name: &str,
        method: &str,
        path: &[&str],
    ) -> Result<Value, Fault> {
        let eks = self.eks;
        let cluster = held.cluster(name)?;
        if cluster.resource.document["accessConfig"]["authenticationMode"] == "CONFIG_MAP" {
            let message = "The cluster's authentication mode must be set to one of [API, API_AND_CONFIG_MAP] to perform this operation.";
            return Err(words::bad_request(message));
        }
        if method != "GET" {
            held.active_cluster(name)?;
        }
        let cluster = held.cluster(name)?;
        let mut with = |act: &mut dyn FnMut(&mut Entries) -> Result<Value, AccessEntryError>| {
            entries_of(eks, cluster, name, act).map_err(|error| fault(&error))
        };
        match (method, path) {
            ("GET", []) => {
                let policy = self.request.query("associatedPolicyArn");
                let has = |entry: &&AccessEntry, policy: &String| {
                    entry.policies.iter().any(|one| one.policy_arn == *policy)
                };
                let arns = with(&mut |entries| {
                    let wanted = entries
                        .values()
                        .filter(|entry| policy.as_ref().is_none_or(|policy| has(entry, policy)));
                    Ok(wanted.map(|entry| json!(entry.principal_arn)).collect())
                })?;
                self.request
                    .page("accessEntries", super::request::texts(&arns))
            }
            ("POST", []) => {
                let request: AccessEntryRequest = serde_json::from_value(self.request.all())
                    .map_err(|error| {
                        words::invalid(format!("the body is no CreateAccessEntry request: {error}"))
                    })?;
                let made = AccessEntry::new(request, self.now).map_err(|error| fault(&error))?;
                with(&mut |entries| {
                    if let Some(known) = entries.get(&made.principal_arn) {
                        let is_repeated = made.token.is_some() && known.token == made.token;
                        return if is_repeated {
                            Ok(self.show_entry(name, known))
                        } else {
                            Err(AccessEntryError::InUse {
                                principal_arn: made.principal_arn.clone(),
                            })
                        };
                    }
                    entries.insert(made.principal_arn.clone(), made.clone());
                    Ok(self.show_entry(name, &made))
                })
            }
            ("GET", [arn]) => with(&mut |entries| Ok(self.show_entry(name, &entry(entries, arn)?))),
            ("POST", [arn]) => with(&mut |entries| {
                let mut changed = entry(entries, arn)?;
                let groups = self
                    .request
                    .has("kubernetesGroups")
                    .then(|| self.request.texts("kubernetesGroups"));
                changed.change(self.request.text("username"), groups, self.now)?;
                entries.insert((*arn).to_owned(), changed.clone());
                Ok(self.show_entry(name, &changed))
            }),
            ("DELETE", [arn]) => with(&mut |entries| {
                entry(entries, arn)?;
                entries.remove(*arn);
                Ok(json!({}))
            }),
            (_, [arn, "access-policies", rest @ ..]) => {
                let (mut answer, mut refused) = (Value::Null, None);
                with(&mut |entries| {
                    let mut changed = entry(entries, arn)?;
                    match self.policies(name, &mut changed, method, rest) {
                        Ok(value) => answer = value,
                        Err(fault) => refused = Some(fault),
                    }
                    entries.insert((*arn).to_owned(), changed);
                    Ok(Value::Null)
                })?;
                refused.map_or(Ok(answer), Err)
            }
            _ => Err(no_such_call()),
        }
    }

    /// `path` is what comes behind `access-policies`.
    fn policies(
        &self,
        cluster: &str,
        entry: &mut AccessEntry,
        method: &str,
        path: &[&str],
    ) -> Result<Value, Fault> {
        match (method, path) {
            ("GET", []) => {
                let all = entry.policies.iter().map(show_policy);
                let mut page = self.request.page("associatedAccessPolicies", all)?;
                page["clusterName"] = json!(cluster);
                page["principalArn"] = json!(entry.principal_arn);
                Ok(page)
            }
            ("POST", []) => {
                let arn = self.request.need("policyArn")?;
                if !POLICIES.iter().any(|name| policy_arn(name) == arn) {
                    let message = format!("The policyArn parameter format is not valid: {arn}");
                    return Err(words::invalid(message));
                }
                let scope: AccessScope =
                    serde_json::from_value(self.request.get("accessScope").clone())
                        .map_err(|_| words::invalid("The accessScope is invalid"))?;
                if matches!(&scope, AccessScope::Namespace { namespaces } if namespaces.is_empty())
                {
                    let message =
                        "Namespaces must be specified for an access scope of type namespace";
                    return Err(words::invalid(message));
                }
                if !entry.is_standard() {
                    let message = format!(
                        "The access entry type of {} does not allow access policies",
                        entry.principal_arn
                    );
                    return Err(words::bad_request(message));
                }
                let policy = entry.associate(arn, scope, self.now);
                Ok(json!({
                    "clusterName": cluster,
                    "principalArn": entry.principal_arn,
                    "associatedAccessPolicy": show_policy(&policy),
                }))
            }
            ("DELETE", [arn]) => {
                let before = entry.policies.len();
                entry.policies.retain(|policy| policy.policy_arn != *arn);
                if entry.policies.len() == before {
                    let message = "The specified policyArn could not be found.";
                    return Err(words::not_found(message));
                }
                Ok(json!({}))
            }
            _ => Err(no_such_call()),
        }
    }

    fn show_entry(&self, cluster: &str, entry: &AccessEntry) -> Value {
        let (kind, name) = match entry.principal_arn.rsplit_once(':').map(|(_, name)| name) {
            Some(name) => name.split_once('/').unwrap_or(("role", name)),
            None => ("role", ""),
        };
        let resource = format!(
            "access-entry/{cluster}/{kind}/{}/{name}/{}",
            entry.account_id, entry.unique_id
        );
        one(
            "accessEntry",
            json!({
                "clusterName": cluster,
                "principalArn": entry.principal_arn,
                "kubernetesGroups": entry.kubernetes_groups,
                "accessEntryArn": self.arn(&resource),
                "createdAt": time(entry.created_at),
                "modifiedAt": time(entry.modified_at.unwrap_or(entry.created_at)),
                "tags": entry.tags,
                "username": entry.username,
                "type": entry.kind,
            }),
        )
    }
}

/// The entry of a principal.
fn entry(entries: &Entries, arn: &str) -> Result<AccessEntry, AccessEntryError> {
    entries
        .get(arn)
        .cloned()
        .ok_or_else(|| AccessEntryError::NotFound {
            principal_arn: arn.to_owned(),
        })
}

fn policy_arn(name: &str) -> String {
    format!("arn:aws:eks::aws:cluster-access-policy/{name}")
}

fn show_policy(policy: &AccessPolicy) -> Value {
    json!({
        "policyArn": policy.policy_arn,
        "accessScope": policy.access_scope,
        "associatedAt": time(policy.associated_at),
        "modifiedAt": time(policy.modified_at),
    })
}

fn fault(error: &AccessEntryError) -> Fault {
    match error {
        AccessEntryError::InUse { .. } => {
            let message = "The specified access entry resource is already in use on this cluster.";
            words::in_use(message, &[])
        }
        AccessEntryError::NotFound { .. } => words::not_found(
            "The specified principalArn could not be found. You can view your available access entries with 'aws eks list-access-entries'.",
        ),
        AccessEntryError::Invalid { problem, .. } => words::invalid(problem.clone()),
        AccessEntryError::State(_) | AccessEntryError::Mapping { .. } => Fault::internal(error),
    }
}
