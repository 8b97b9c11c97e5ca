//! Pod identity associations: one a service account.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::state::{Resource, Token, time};
use super::{Fault, Held, Work, no_such_call, one, words};
use crate::cloud::random;

/// The members that `ListPodIdentityAssociations` shows.
const SUMMARY: [&str; 6] = [
    "clusterName",
    "namespace",
    "serviceAccount",
    "associationArn",
    "associationId",
    "ownerArn",
];

impl Work<'_> {
    /// `path` is what comes behind `pod-identity-associations`.
    pub(super) fn pod_identities(
        &self,
        held: &mut Held<'_>,
        cluster: &str,
        method: &str,
        path: &[&str],
    ) -> Result<Value, Fault> {
        match (method, path) {
            ("GET", []) => self.list_associations(held, cluster),
            ("POST", []) => self.create_association(held, cluster),
            ("GET", [id]) => Ok(one(
                "association",
                association(held, cluster, id)?.document.clone(),
            )),
            ("POST", [id]) => {
                let now = time(self.now);
                let found = association(held, cluster, id)?;
                for member in ["roleArn", "targetRoleArn", "disableSessionTags"] {
                    if self.request.has(member) {
                        found.document[member] = self.request.get(member).clone();
                    }
                }
                found.document["modifiedAt"] = now;
                Ok(one("association", found.document.clone()))
            }
            ("DELETE", [id]) => {
                let found = association(held, cluster, id)?.document.clone();
                if !found["ownerArn"].is_null() {
                    let message =
                        "The pod identity association is owned by an add-on: update the add-on";
                    return Err(words::bad_request(message));
                }
                held.cluster(cluster)?.pod_identities.remove(*id);
                Ok(one("association", found))
            }
            _ => Err(no_such_call()),
        }
    }

    fn list_associations(&self, held: &mut Held<'_>, cluster: &str) -> Result<Value, Fault> {
        let namespace = self.request.query("namespace");
        let account = self.request.query("serviceAccount");
        let fits =
            |wanted: &Option<String>, has: &Value| wanted.as_deref().is_none_or(|one| has == one);
        let known = held.cluster(cluster)?.pod_identities.values();
        let wanted = known.map(|one| &one.document).filter(|one| {
            fits(&namespace, &one["namespace"]) && fits(&account, &one["serviceAccount"])
        });
        let summary = |document: &Value| -> Value {
            SUMMARY
                .iter()
                .map(|name| ((*name).to_owned(), document[*name].clone()))
                .collect()
        };
        self.request.page("associations", wanted.map(summary))
    }

    fn create_association(&self, held: &mut Held<'_>, cluster: &str) -> Result<Value, Fault> {
        let place = (
            self.request.need("namespace")?,
            self.request.need("serviceAccount")?,
        );
        self.request.need("roleArn")?;
        let known = held.cluster(cluster)?.pod_identities.values();
        let mut repeated = known.filter(|one| self.is_repeated(one.token.as_ref()));
        if let Some(association) = repeated.next() {
            return Ok(one("association", association.document.clone()));
        }
        let made = self.new_association(cluster, place, self.request.get("roleArn"), &Value::Null);
        let known = &mut held.active_cluster(cluster)?.pod_identities;
        insert(known, made.clone(), self.request.token())?;
        Ok(one("association", made))
    }

    pub(super) fn new_association(
        &self,
        cluster: &str,
        (namespace, account): (&str, &str),
        role: &Value,
        owner: &Value,
    ) -> Value {
        let id = format!("a-{}", random::identifier::<17>().to_lowercase());
        json!({
            "clusterName": cluster,
            "namespace": namespace,
            "serviceAccount": account,
            "roleArn": role,
            "associationArn": self.arn(&format!("podidentityassociation/{cluster}/{id}")),
            "associationId": id,
            "tags": self.request.or("tags", json!({})),
            "createdAt": time(self.now),
            "modifiedAt": time(self.now),
            "ownerArn": owner,
            "disableSessionTags": false,
        })
    }
}

/// A service account has one association.
pub(super) fn insert(
    known: &mut BTreeMap<String, Resource>,
    document: Value,
    token: Option<Token>,
) -> Result<(), Fault> {
    let is_same = |one: &&Resource| {
        ["namespace", "serviceAccount"]
            .iter()
            .all(|name| one.document[*name] == document[*name])
    };
    if let Some(other) = known.values().find(is_same) {
        let message = format!(
            "Association already exists: {}",
            other.document["associationId"].as_str().unwrap_or_default()
        );
        return Err(words::in_use(message, &[]));
    }
    let id = document["associationId"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    known.insert(
        id,
        Resource {
            document,
            due: None,
            token,
        },
    );
    Ok(())
}

fn association<'h>(
    held: &'h mut Held<'_>,
    cluster: &str,
    id: &str,
) -> Result<&'h mut Resource, Fault> {
    let known = &mut held.cluster(cluster)?.pod_identities;
    known.get_mut(id).ok_or_else(|| {
        words::not_found(format!(
            "The specified association {id} could not be found."
        ))
    })
}
