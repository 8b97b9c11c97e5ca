//! The part of the EKS API that concerns the lab's cluster and its access entries.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::fault::{Fault, respond};
use crate::cloud::access_entry::{
    AccessEntries, AccessEntry, AccessEntryError, AccessEntryRequest,
};
use crate::cloud::cluster::ClusterDescription;
use crate::cloud::random;

/// The answer; `None` for what is left to moto.
pub(super) fn answer(
    cluster: &ClusterDescription,
    access_entries: &AccessEntries,
    call: &Call,
) -> Option<Result<Response, Fault>> {
    let segments = call.path_segments();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let entries = Entries {
        cluster,
        access_entries,
    };
    let answer = match (call.head.method.as_str(), &segments[..]) {
        ("GET", ["clusters"]) => Ok(json!({ "clusters": [cluster.name], "nextToken": null })),
        ("GET", ["clusters", name]) => {
            known(cluster, name).map(|()| json!({ "cluster": cluster.to_eks_json() }))
        }
        (method, ["clusters", name, "access-entries", rest @ ..]) => {
            let answer = known(cluster, name).map(|()| entries.answer(method, rest, &call.body));
            match answer {
                Ok(answer) => answer?,
                Err(fault) => Err(fault),
            }
        }
        _ => return None,
    };
    Some(answer.map(|body| {
        let request_id = random::request_id();
        respond(
            StatusCode::OK,
            "application/json",
            &request_id,
            body.to_string(),
        )
    }))
}

fn known(cluster: &ClusterDescription, name: &str) -> Result<(), Fault> {
    if name == cluster.name {
        return Ok(());
    }
    Err(not_found(format!("No cluster found for name: {name}.")))
}

fn not_found(message: String) -> Fault {
    Fault::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message).with(no_names())
}

/// EKS names the resources of an error only where it has any to name, but always has the members.
fn no_names() -> Vec<(&'static str, Value)> {
    [
        "clusterName",
        "nodegroupName",
        "fargateProfileName",
        "addonName",
        "subscriptionId",
    ]
    .map(|name| (name, Value::Null))
    .to_vec()
}

/// The access entries and what is needed to show them.
struct Entries<'a> {
    cluster: &'a ClusterDescription,
    access_entries: &'a AccessEntries,
}

impl Entries<'_> {
    /// `path` is what comes behind `access-entries`.
    fn answer(&self, method: &str, path: &[&str], body: &[u8]) -> Option<Result<Value, Fault>> {
        let entries = self.access_entries;
        let answer = match (method, path) {
            ("GET", []) => entries
                .list()
                .map(|arns| json!({ "accessEntries": arns, "nextToken": null })),
            ("POST", []) => match serde_json::from_slice::<AccessEntryRequest>(body) {
                Ok(request) => entries.create(request).map(|entry| self.show(&entry)),
                Err(error) => return Some(Err(unreadable(&error))),
            },
            ("GET", [principal_arn]) => entries.get(principal_arn).map(|entry| self.show(&entry)),
            ("DELETE", [principal_arn]) => entries.delete(principal_arn).map(|()| json!({})),
            _ => return None,
        };
        Some(answer.map_err(|error| fault(&error)))
    }

    fn show(&self, entry: &AccessEntry) -> Value {
        let (kind, name) = match entry.principal_arn.rsplit_once(':').map(|(_, name)| name) {
            Some(name) => name.split_once('/').unwrap_or(("role", name)),
            None => ("role", ""),
        };
        let cluster = &self.cluster;
        // The ARN of the cluster with `access-entry/CLUSTER/KIND/ACCOUNT/NAME/ID` for its resource.
        let prefix = cluster
            .arn
            .rsplit_once(':')
            .map_or("", |(prefix, _)| prefix);
        let arn = format!(
            "{prefix}:access-entry/{}/{kind}/{}/{name}/{}",
            cluster.name, entry.account_id, entry.unique_id
        );
        json!({ "accessEntry": {
            "clusterName": cluster.name,
            "principalArn": entry.principal_arn,
            "kubernetesGroups": entry.kubernetes_groups,
            "accessEntryArn": arn,
            "createdAt": entry.created_at.as_second(),
            "modifiedAt": entry.created_at.as_second(),
            "tags": entry.tags,
            "username": entry.username,
            "type": entry.kind,
        } })
    }
}

fn unreadable(error: &serde_json::Error) -> Fault {
    let message = format!("the body is no CreateAccessEntry request: {error}");
    Fault::new(
        StatusCode::BAD_REQUEST,
        "InvalidParameterException",
        message,
    )
    .with(no_names())
}

fn fault(error: &AccessEntryError) -> Fault {
    match error {
        AccessEntryError::InUse { .. } => {
            let message = "The specified access entry resource is already in use on this cluster.";
            Fault::new(StatusCode::CONFLICT, "ResourceInUseException", message).with(no_names())
        }
        AccessEntryError::NotFound { .. } => {
            let message = "The specified principalArn could not be found. You can view your \
                           available access entries with 'aws eks list-access-entries'.";
            not_found(message.to_owned())
        }
        AccessEntryError::Invalid { problem, .. } => {
            let status = StatusCode::BAD_REQUEST;
            Fault::new(status, "InvalidParameterException", problem).with(no_names())
        }
        AccessEntryError::State(_) | AccessEntryError::Mapping { .. } => Fault::internal(error),
    }
}
