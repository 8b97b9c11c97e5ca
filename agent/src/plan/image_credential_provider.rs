//! How the kubelet gets credentials for images in ECR.
//!
//! Format: <https://kubernetes.io/docs/tasks/administer-cluster/kubelet-credential-provider/>. The registries are those of
//! `ecr-credential-provider`, by partition.

use std::path::Path;

use serde_json::json;

use crate::facts::Version;
use crate::host::path;

use super::{Inputs, PlannedFile, kubelet_config};

const REGISTRIES: [&str; 12] = [
    "*.dkr.ecr.*.amazonaws.com",
    "*.dkr-ecr.*.on.aws",
    "*.dkr.ecr.*.amazonaws.com.cn",
    "*.dkr-ecr.*.on.amazonwebservices.com.cn",
    "*.dkr.ecr-fips.*.amazonaws.com",
    "*.dkr-ecr-fips.*.on.aws",
    "*.dkr.ecr.*.c2s.ic.gov",
    "*.dkr.ecr.*.sc2s.sgov.gov",
    "*.dkr.ecr.*.cloud.adc-e.uk",
    "*.dkr.ecr.*.csp.hci.ic.gov",
    "*.dkr.ecr.*.amazonaws.eu",
    "public.ecr.aws",
];
/// Understood by the provider from Kubernetes 1.32 on.
const DUAL_STACK_PUBLIC_REGISTRY: &str = "ecr-public.aws.com";

pub(super) fn file(inputs: &Inputs<'_>) -> PlannedFile {
    let mut registries = REGISTRIES.to_vec();
    if inputs.facts.kubelet_version >= Version::new(1, 32) {
        registries.push(DUAL_STACK_PUBLIC_REGISTRY);
    }
    let document = json!({
        "apiVersion": "kubelet.config.k8s.io/v1",
        "kind": "CredentialProviderConfig",
        "providers": [{
            "name": name(&inputs.facts.image_credential_provider.path),
            "matchImages": registries,
            "defaultCacheDuration": "12h0m0s",
            "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
        }],
    });
    PlannedFile {
        path: path::IMAGE_CREDENTIAL_PROVIDER_CONFIG.into(),
        mode: 0o644,
        content: kubelet_config::pretty_json(&document),
    }
}

/// The kubelet finds the program by this name in its directory of providers.
fn name(path: &str) -> String {
    Path::new(path)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Directory of providers.
pub(super) fn directory(path: &str) -> String {
    Path::new(path)
        .parent()
        .unwrap_or_else(|| Path::new("/"))
        .display()
        .to_string()
}
