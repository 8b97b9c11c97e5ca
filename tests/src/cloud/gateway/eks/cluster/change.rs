//! Updates of clusters: one kind a call, one at a time.

use serde_json::{Value, json};

use super::super::request::texts;
use super::super::state::Target;
use super::super::update::New;
use super::super::{Fault, Held, Work, version, words};
use super::check;

/// The members of `UpdateClusterConfig` that are a kind of update each, and the type of that update.
const KINDS: [(&str, &str); 5] = [
    ("logging", "LoggingUpdate"),
    ("accessConfig", "AccessConfigUpdate"),
    ("upgradePolicy", "UpgradePolicyUpdate"),
    ("deletionProtection", "DeletionProtectionUpdate"),
    ("resourcesVpcConfig", "EndpointAccessUpdate"),
];

impl Work<'_> {
    pub(in crate::cloud::gateway::eks) async fn update_cluster_config(
        &self,
        held: &mut Held<'_>,
        name: &str,
    ) -> Result<Value, Fault> {
        let shown = held.cluster(name)?.resource.document.clone();
        if let Some(update) = self.repeated_update(held, name, &Target::Cluster)? {
            return Ok(update);
        }
        let kinds: Vec<_> = KINDS
            .iter()
            .filter(|(member, _)| self.request.has(member))
            .collect();
        let [(member, kind)] = kinds[..] else {
            let message = if kinds.is_empty() {
                "No changes needed for the config provided"
            } else {
                "Only one type of update can be allowed."
            };
            return Err(words::invalid(message));
        };
        let asked = self.request.get(member);
        let (kind, then) = match *member {
            "logging" => (
                "LoggingUpdate",
                check::changed_logging(&shown["logging"], asked),
            ),
            "accessConfig" => (*kind, changed_access(&shown["accessConfig"], asked)?),
            "resourcesVpcConfig" => changed_vpc(&shown["resourcesVpcConfig"], asked)?,
            _ => (*kind, asked.clone()),
        };
        if then == shown[*member] {
            let message = match *member {
                "logging" => "No changes needed for the logging config provided".to_owned(),
                "resourcesVpcConfig" => format!(
                    "Cluster is already at the desired configuration with endpointPrivateAccess: {} , endpointPublicAccess: {}, and Public Endpoint Restrictions: {}",
                    then["endpointPrivateAccess"],
                    then["endpointPublicAccess"],
                    then["publicAccessCidrs"]
                ),
                _ => "No changes needed for the config provided".to_owned(),
            };
            return Err(words::invalid(message));
        }
        if *member == "logging" {
            self.keep_logs(name, &then).await;
        }
        self.begin_update(
            held,
            name,
            New {
                kind,
                target: Target::Cluster,
                seconds: self.transitions.cluster_update,
                params: asked.clone(),
                then: json!({ *member: then }),
            },
        )
    }

    pub(in crate::cloud::gateway::eks) fn update_cluster_version(
        &self,
        held: &mut Held<'_>,
        name: &str,
    ) -> Result<Value, Fault> {
        let shown = held.cluster(name)?.resource.document["version"].clone();
        if let Some(update) = self.repeated_update(held, name, &Target::Cluster)? {
            return Ok(update);
        }
        let wanted = self.request.need("version")?;
        version::check(wanted)?;
        let from = shown.as_str().unwrap_or_default();
        match version::minor(wanted).checked_sub(version::minor(from)) {
            Some(1) => {}
            Some(0) => {
                let message = format!("Cluster {name} is already at version {wanted}");
                return Err(words::invalid(message));
            }
            _ => {
                let message =
                    format!("Unsupported Kubernetes minor version update from {from} to {wanted}");
                return Err(words::invalid(message));
            }
        }
        self.begin_update(
            held,
            name,
            New {
                kind: "VersionUpdate",
                target: Target::Cluster,
                seconds: self.transitions.cluster_version,
                params: json!({ "Version": wanted, "PlatformVersion": "eks.1" }),
                then: json!({ "version": wanted }),
            },
        )
    }

    pub(in crate::cloud::gateway::eks) fn associate_encryption_config(
        &self,
        held: &mut Held<'_>,
        name: &str,
    ) -> Result<Value, Fault> {
        let shown = held.cluster(name)?.resource.document["encryptionConfig"].clone();
        if let Some(update) = self.repeated_update(held, name, &Target::Cluster)? {
            return Ok(update);
        }
        if shown.as_array().is_some_and(|configs| !configs.is_empty()) {
            return Err(words::bad_request(
                "Encryption is already enabled for the cluster",
            ));
        }
        let asked = self.request.get("encryptionConfig");
        match asked.as_array().map(Vec::as_slice) {
            Some([encryption]) => check::encryption_config(encryption)?,
            _ => {
                return Err(words::invalid(
                    "encryptionConfig must have exactly one element",
                ));
            }
        }
        self.begin_update(
            held,
            name,
            New {
                kind: "AssociateEncryptionConfig",
                target: Target::Cluster,
                seconds: self.transitions.cluster_update,
                params: json!({ "EncryptionConfig": asked.to_string() }),
                then: json!({ "encryptionConfig": asked }),
            },
        )
    }
}

/// The modes can only go one way: from the map to entries.
fn changed_access(shown: &Value, asked: &Value) -> Result<Value, Fault> {
    let order = ["CONFIG_MAP", "API_AND_CONFIG_MAP", "API"];
    let place = |mode: &Value| order.iter().position(|known| mode == known);
    let (from, to) = (&shown["authenticationMode"], &asked["authenticationMode"]);
    let Some(wanted) = place(to) else {
        return Err(words::invalid("The authenticationMode is invalid"));
    };
    if Some(wanted) < place(from) {
        let message = format!("Unsupported authentication mode update from {from} to {to}");
        return Err(words::invalid(message.replace('"', "")));
    }
    let mut then = shown.clone();
    then["authenticationMode"] = to.clone();
    Ok(then)
}

/// Endpoint access, or subnets and security groups: never both.
fn changed_vpc(shown: &Value, asked: &Value) -> Result<(&'static str, Value), Fault> {
    let has = |names: &[&str]| names.iter().any(|name| !asked[*name].is_null());
    let access = has(&[
        "endpointPublicAccess",
        "endpointPrivateAccess",
        "publicAccessCidrs",
    ]);
    let places = has(&["subnetIds", "securityGroupIds"]);
    if access == places {
        return Err(words::invalid("Only one type of update can be allowed."));
    }
    let mut then = shown.clone();
    for (name, value) in asked.as_object().into_iter().flatten() {
        then[name] = value.clone();
    }
    if places {
        return Ok(("VpcConfigUpdate", then));
    }
    if then["endpointPublicAccess"] == false {
        then["publicAccessCidrs"] = json!([]);
    } else if texts(&then["publicAccessCidrs"]).is_empty() {
        then["publicAccessCidrs"] = json!(["0.0.0.0/0"]);
    }
    check::endpoint(&then)?;
    Ok(("EndpointAccessUpdate", then))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authentication_mode_goes_one_way() {
        let mode = |mode: &str| json!({ "authenticationMode": mode });
        let changed = |from: &str, to: &str| changed_access(&mode(from), &mode(to)).is_ok();
        assert!(changed("CONFIG_MAP", "API_AND_CONFIG_MAP"));
        assert!(changed("API_AND_CONFIG_MAP", "API"));
        assert!(!changed("API", "CONFIG_MAP"));
        assert!(!changed("CONFIG_MAP", "IAM"));
    }

    #[test]
    fn endpoint_access_and_subnets_are_two_updates() {
        let shown = json!({
            "subnetIds": ["subnet-1"],
            "endpointPublicAccess": true,
            "endpointPrivateAccess": false,
            "publicAccessCidrs": ["0.0.0.0/0"],
        });
        let both = json!({ "subnetIds": ["subnet-2"], "endpointPrivateAccess": true });
        assert!(changed_vpc(&shown, &both).is_err());
        let private = json!({ "endpointPublicAccess": false, "endpointPrivateAccess": true });
        let (kind, then) = changed_vpc(&shown, &private).unwrap();
        assert_eq!(
            (kind, &then["publicAccessCidrs"]),
            ("EndpointAccessUpdate", &json!([]))
        );
        assert!(changed_vpc(&shown, &json!({ "endpointPublicAccess": false })).is_err());
    }
}
