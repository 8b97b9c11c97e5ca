//! The versions of Kubernetes that EKS has.

use serde_json::{Value, json};

use super::{Fault, Work, words};

/// What a cluster gets that does not say.
pub(super) const DEFAULT: &str = "1.34";

/// Version, and whether it is in standard support (else in extended support), newest first.
pub(super) const VERSIONS: [(&str, bool); 6] = [
    ("1.35", true),
    (DEFAULT, true),
    ("1.33", true),
    ("1.32", false),
    ("1.31", false),
    ("1.30", false),
];

/// Whether there is such a version.
pub(super) fn check(version: &str) -> Result<(), Fault> {
    if VERSIONS.iter().any(|(known, _)| *known == version) {
        return Ok(());
    }
    Err(words::invalid("unsupported Kubernetes version"))
}

/// 34 of `1.34`; 0 of what is no version.
pub(super) fn minor(version: &str) -> u32 {
    let minor = version.split_once('.').map(|(_, minor)| minor);
    minor.and_then(|minor| minor.parse().ok()).unwrap_or(0)
}

impl Work<'_> {
    pub(super) fn describe_cluster_versions(&self) -> Result<Value, Fault> {
        let wanted = self.request.query_all("clusterVersions");
        let default_only = self.request.query("defaultOnly").as_deref() == Some("true");
        let status = self.request.query("versionStatus");
        let listed = VERSIONS.iter().filter_map(|(version, is_standard)| {
            let is_default = *version == DEFAULT;
            let state = if *is_standard {
                "STANDARD_SUPPORT"
            } else {
                "EXTENDED_SUPPORT"
            };
            let is_wanted = (wanted.is_empty() || wanted.iter().any(|one| one == version))
                && (!default_only || is_default)
                && status.as_deref().is_none_or(|status| status == state);
            is_wanted.then(|| {
                json!({
                    "clusterVersion": version,
                    "clusterType": "eks",
                    "defaultPlatformVersion": "eks.1",
                    "defaultVersion": is_default,
                    "status": state.to_lowercase().replace('_', "-"),
                    "versionStatus": state,
                    "kubernetesPatchVersion": format!("{version}.4"),
                })
            })
        });
        self.request.page("clusterVersions", listed)
    }
}
