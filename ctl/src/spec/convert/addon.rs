//! `addons`.

use node::config::yaml;

use super::reader::Reader;
use crate::spec::{Addon, AddonRole, RoleWiring};

pub(super) fn addons(reader: &mut Reader<'_>) -> Vec<Addon> {
    let items = reader.items(&["addons"]);
    items
        .into_iter()
        .map(|index| addon(reader, &["addons", &index]))
        .collect()
}

fn addon(reader: &mut Reader<'_>, path: &[&str]) -> Addon {
    let at = |name: &'static str| [path, &[name]].concat();
    let name = reader.text(&at("name")).unwrap_or_default();
    let mut version = reader.text(&at("version"));
    if version.as_deref() == Some("latest") {
        reader.note(format!(
            "add-on `{name}` has the version that EKS recommends, and not the latest"
        ));
        version = None;
    }
    let configuration = reader.text(&at("configurationValues"));
    let parsed = configuration.and_then(|text| yaml::parse(&text, 0).ok());
    Addon {
        version,
        configuration: parsed
            .map(|parsed| parsed.root.to_json())
            .filter(serde_json::Value::is_object),
        role: role(reader, path),
        name,
    }
}

fn role(reader: &mut Reader<'_>, path: &[&str]) -> Option<AddonRole> {
    let at = |name: &'static str| [path, &[name]].concat();
    let arn = reader.text(&at("serviceAccountRoleARN"));
    let policies = reader.texts(&at("attachPolicyARNs"));
    if arn.is_some() || !policies.is_empty() {
        return Some(AddonRole {
            by: RoleWiring::Irsa,
            arn,
            policies: policies.into_iter().collect(),
            ..AddonRole::default()
        });
    }
    if reader.flag(&at("useDefaultPodIdentityAssociations")) == Some(true) {
        return Some(AddonRole {
            by: RoleWiring::PodIdentity,
            ..AddonRole::default()
        });
    }
    // An add-on here has one identity; further ones stay unread and are told.
    let first = [path, &["podIdentityAssociations", "[0]"]].concat();
    if !reader.says(&first) {
        return None;
    }
    let below = |name: &'static str| [first.as_slice(), &[name]].concat();
    Some(AddonRole {
        by: RoleWiring::PodIdentity,
        arn: reader.text(&below("roleARN")),
        policies: reader
            .texts(&below("permissionPolicyARNs"))
            .into_iter()
            .collect(),
        namespace: reader.text(&below("namespace")),
        service_account: reader.text(&below("serviceAccountName")),
    })
}
