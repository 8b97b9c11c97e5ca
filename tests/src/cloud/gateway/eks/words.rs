//! How EKS says what is wrong: the exceptions of its API with their members.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::fault::Fault;

/// EKS names the resources of an error only where it has any to name, but always has the members.
const NAMES: [&str; 5] = [
    "clusterName",
    "nodegroupName",
    "fargateProfileName",
    "addonName",
    "subscriptionId",
];

fn fault(status: StatusCode, code: &'static str, message: String, named: &[(&str, &str)]) -> Fault {
    let member = |name: &'static str| {
        let value = named.iter().find(|(known, _)| *known == name);
        (name, value.map_or(Value::Null, |(_, value)| json!(value)))
    };
    Fault::new(status, code, message).with(NAMES.map(member).to_vec())
}

/// `ResourceNotFoundException`.
pub(super) fn not_found(message: impl Into<String>) -> Fault {
    let code = "ResourceNotFoundException";
    fault(StatusCode::NOT_FOUND, code, message.into(), &[])
}

/// `ResourceInUseException`, with the names of what is in use.
pub(super) fn in_use(message: impl Into<String>, named: &[(&str, &str)]) -> Fault {
    let code = "ResourceInUseException";
    fault(StatusCode::CONFLICT, code, message.into(), named)
}

/// `InvalidParameterException`.
pub(super) fn invalid(message: impl Into<String>) -> Fault {
    let code = "InvalidParameterException";
    fault(StatusCode::BAD_REQUEST, code, message.into(), &[])
}

/// `InvalidRequestException`.
pub(super) fn bad_request(message: impl Into<String>) -> Fault {
    let code = "InvalidRequestException";
    fault(StatusCode::BAD_REQUEST, code, message.into(), &[])
}

/// `ResourceLimitExceededException`.
pub(super) fn limit(message: impl Into<String>) -> Fault {
    let code = "ResourceLimitExceededException";
    fault(StatusCode::BAD_REQUEST, code, message.into(), &[])
}

/// `UnsupportedAvailabilityZoneException`, with the zones that would do.
pub(super) fn unsupported_zone(cluster: &str, zone: &str, valid: &[String]) -> Fault {
    let message = format!(
        "Cannot create cluster '{cluster}' because {zone}, the targeted availability zone, does not currently have sufficient capacity to support the cluster. Retry and choose from these availability zones: {}",
        valid.join(", ")
    );
    let code = "UnsupportedAvailabilityZoneException";
    Fault::new(StatusCode::BAD_REQUEST, code, message).with(vec![
        ("clusterName", json!(cluster)),
        ("validZones", json!(valid)),
    ])
}

pub(super) fn no_cluster(name: &str) -> Fault {
    not_found(format!("No cluster found for name: {name}."))
}

pub(super) fn no_nodegroup(name: &str) -> Fault {
    not_found(format!("No node group found for name: {name}."))
}

pub(super) fn no_addon(name: &str, cluster: &str) -> Fault {
    not_found(format!("No addon: {name} found in cluster: {cluster}"))
}
