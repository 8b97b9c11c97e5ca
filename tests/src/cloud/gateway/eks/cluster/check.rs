//! What EKS refuses of a request for a cluster before it looks at anything else.

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::super::request::{Request, texts};
use super::super::version;
use super::super::words;
use crate::cloud::gateway::fault::Fault;

/// All kinds of logs of a control plane.
const LOG_TYPES: [&str; 5] = [
    "api",
    "audit",
    "authenticator",
    "controllerManager",
    "scheduler",
];

pub(super) fn request(request: &Request) -> Result<(), Fault> {
    name(request.need("name")?)?;
    request.need("roleArn")?;
    if let Some(wanted) = request.text("version") {
        version::check(wanted)?;
    }
    let vpc = request.get("resourcesVpcConfig");
    endpoint(vpc)?;
    let network = request.get("kubernetesNetworkConfig");
    if let Some(cidr) = network["serviceIpv4Cidr"].as_str() {
        service_cidr(cidr)?;
    }
    for encryption in request
        .get("encryptionConfig")
        .as_array()
        .into_iter()
        .flatten()
    {
        encryption_config(encryption)?;
    }
    let access = request.get("accessConfig");
    if access["authenticationMode"] == "API"
        || access["authenticationMode"] == "API_AND_CONFIG_MAP"
        || access["authenticationMode"] == "CONFIG_MAP"
        || access["authenticationMode"].is_null()
    {
        return Ok(());
    }
    Err(words::invalid("The authenticationMode is invalid"))
}

fn name(name: &str) -> Result<(), Fault> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && name.len() <= 100 && name.chars().all(is_word) {
        return Ok(());
    }
    let message = "The cluster name should match the following regular expression pattern: ^[0-9A-Za-z][A-Za-z0-9\\-_]*";
    Err(words::invalid(message))
}

/// Endpoint access of a new or a changed cluster.
pub(super) fn endpoint(vpc: &Value) -> Result<(), Fault> {
    let is_public = vpc["endpointPublicAccess"].as_bool().unwrap_or(true);
    let is_private = vpc["endpointPrivateAccess"].as_bool().unwrap_or(false);
    if !is_public && !is_private {
        return Err(words::invalid(
            "Private and public endpoint access cannot be false",
        ));
    }
    let cidrs = texts(&vpc["publicAccessCidrs"]);
    if !is_public && !cidrs.is_empty() && cidrs != ["0.0.0.0/0"] {
        let message =
            "publicAccessCidrs must not be specified when public endpoint access is disabled";
        return Err(words::invalid(message));
    }
    match cidrs.iter().find(|cidr| network_of(cidr).is_none()) {
        Some(cidr) => Err(words::invalid(format!(
            "The following CIDRs are invalid in publicAccessCidrs: [{cidr}]"
        ))),
        None => Ok(()),
    }
}

/// Secrets are all that can be encrypted.
pub(super) fn encryption_config(encryption: &Value) -> Result<(), Fault> {
    let is_key = encryption["provider"]["keyArn"]
        .as_str()
        .is_some_and(|arn| arn.starts_with("arn:") && arn.contains(":kms:"));
    if texts(&encryption["resources"]) != ["secrets"] {
        return Err(words::invalid("Only 'secrets' can be encrypted"));
    }
    if !is_key {
        return Err(words::invalid(
            "keyArn of the encryption provider is not the ARN of a KMS key",
        ));
    }
    Ok(())
}

fn service_cidr(cidr: &str) -> Result<(), Fault> {
    let is_good = network_of(cidr)
        .is_some_and(|(address, bits)| address.is_private() && (12..=24).contains(&bits));
    if is_good {
        return Ok(());
    }
    Err(words::invalid(format!(
        "serviceIpv4Cidr {cidr} is invalid: it must be a private block between /12 and /24"
    )))
}

fn network_of(cidr: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, bits) = cidr.split_once('/')?;
    let bits: u8 = bits.parse().ok()?;
    (bits <= 32).then_some((address.parse().ok()?, bits))
}

/// `logging` as it is shown: every kind is in one of two lists, switched on or off.
pub(super) fn logging(asked: &Value) -> Value {
    let asked = asked["clusterLogging"].as_array().into_iter().flatten();
    let on: Vec<String> = asked
        .filter(|setup| setup["enabled"] == true)
        .flat_map(|setup| texts(&setup["types"]))
        .collect();
    list_of_logs(&on)
}

/// `logging` after a change, which leaves alone what it does not name.
pub(super) fn changed_logging(shown: &Value, asked: &Value) -> Value {
    let list = |logging: &Value, enabled: bool| -> Vec<String> {
        let setups = logging["clusterLogging"].as_array().into_iter().flatten();
        setups
            .filter(|setup| setup["enabled"] == enabled)
            .flat_map(|setup| texts(&setup["types"]))
            .collect()
    };
    let mut on = list(shown, true);
    on.extend(list(asked, true));
    let off = list(asked, false);
    on.retain(|kind| !off.contains(kind));
    list_of_logs(&on)
}

fn list_of_logs(on: &[String]) -> Value {
    let (enabled, disabled): (Vec<_>, Vec<_>) = LOG_TYPES
        .into_iter()
        .partition(|kind| on.iter().any(|on| on == kind));
    let mut setups = Vec::new();
    if !enabled.is_empty() {
        setups.push(json!({ "types": enabled, "enabled": true }));
    }
    if !disabled.is_empty() {
        setups.push(json!({ "types": disabled, "enabled": false }));
    }
    json!({ "clusterLogging": setups })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_log_is_shown_on_or_off() {
        let none = logging(&Value::Null);
        assert_eq!(
            none,
            json!({ "clusterLogging": [{ "types": LOG_TYPES, "enabled": false }] })
        );
        let asked = json!({ "clusterLogging": [{ "types": ["api", "audit"], "enabled": true }] });
        let some = logging(&asked);
        assert_eq!(some["clusterLogging"][0], asked["clusterLogging"][0]);
        let off = json!({ "clusterLogging": [{ "types": ["audit"], "enabled": false }] });
        let fewer = changed_logging(&some, &off);
        assert_eq!(fewer["clusterLogging"][0]["types"], json!(["api"]));
        assert_eq!(
            fewer["clusterLogging"][1]["types"]
                .as_array()
                .unwrap()
                .len(),
            4
        );
    }

    #[test]
    fn an_endpoint_must_be_reachable_somehow() {
        let check = |vpc: Value| endpoint(&vpc).is_ok();
        assert!(check(json!({})));
        assert!(check(
            json!({ "endpointPublicAccess": false, "endpointPrivateAccess": true })
        ));
        assert!(!check(json!({ "endpointPublicAccess": false })));
        assert!(!check(json!({ "publicAccessCidrs": ["10.0.0.0"] })));
        assert!(check(json!({ "publicAccessCidrs": ["203.0.113.0/24"] })));
    }

    #[test]
    fn services_live_in_a_private_block() {
        for (cidr, is_good) in [
            ("172.20.0.0/16", true),
            ("10.100.0.0/12", true),
            ("10.100.0.0/25", false),
            ("100.64.0.0/16", false),
            ("172.20.0.0", false),
        ] {
            assert_eq!(service_cidr(cidr).is_ok(), is_good, "{cidr}");
        }
    }
}
