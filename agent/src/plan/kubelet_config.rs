//! The kubelet's configuration and the user's drop-in over it.
//!
//! Format: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>. The values are those of the
//! EKS-optimised AMI: `nodeadm` writes the same.

use std::net::IpAddr;

use serde::Serialize as _;
use serde_json::{Map, Value, json};

use crate::facts::Version;
use crate::host::path;

use super::{Inputs, PlannedFile, fast_image_pull};

const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";
const KIND: &str = "KubeletConfiguration";

const TLS_CIPHER_SUITES: [&str; 8] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
];

pub(super) fn file(inputs: &Inputs<'_>) -> PlannedFile {
    PlannedFile {
        path: path::KUBELET_CONFIG.into(),
        mode: 0o644,
        content: pretty_json(&document(inputs)),
    }
}

/// The user's fragment; the kubelet lays it over the generated configuration itself.
pub(super) fn drop_in(inputs: &Inputs<'_>) -> Option<PlannedFile> {
    let fragment = &inputs.config.spec.kubelet.config;
    if fragment.is_empty() {
        return None;
    }
    let mut document = Map::new();
    document.insert("apiVersion".into(), API_VERSION.into());
    document.insert("kind".into(), KIND.into());
    document.extend(fragment.clone());
    Some(PlannedFile {
        path: path::KUBELET_CONFIG_DROP_IN.into(),
        mode: 0o644,
        content: pretty_json(&Value::Object(document)),
    })
}

fn document(inputs: &Inputs<'_>) -> Value {
    let reserved = inputs.reserved;
    let version = inputs.facts.kubelet_version;
    let instance = &inputs.facts.instance;
    let mut document = json!({
        "kind": KIND,
        "apiVersion": API_VERSION,
        "address": "0.0.0.0",
        "authentication": {
            "x509": { "clientCAFile": path::CA },
            "webhook": { "enabled": true, "cacheTTL": "2m0s" },
            "anonymous": { "enabled": false },
        },
        "authorization": {
            "mode": "Webhook",
            "webhook": { "cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s" },
        },
        "cgroupDriver": "systemd",
        "cgroupRoot": "/",
        "clusterDNS": [cluster_dns(inputs.service_network).to_string()],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "evictionHard": {
            "memory.available": "100Mi",
            "nodefs.available": "10%",
            "nodefs.inodesFree": "5%",
        },
        "featureGates": feature_gates(version),
        "hairpinMode": "hairpin-veth",
        "kubeReserved": {
            "cpu": format!("{}m", reserved.cpu_millicores),
            "ephemeral-storage": "1Gi",
            "memory": format!("{}Mi", reserved.memory_mebibytes),
        },
        "kubeReservedCgroup": "/runtime",
        "logging": { "verbosity": 2 },
        "maxPods": inputs.max_pods,
        "protectKernelDefaults": true,
        "providerID": format!("aws:///{}/{}", instance.availability_zone, instance.id),
        "readOnlyPort": 0,
        "serializeImagePulls": false,
        "serverTLSBootstrap": true,
        "systemReservedCgroup": "/system",
        "tlsCipherSuites": TLS_CIPHER_SUITES,
    });
    if let (true, Some(map)) = (version >= Version::new(1, 34), document.as_object_mut()) {
        map.insert("shutdownGracePeriod".into(), "2m30s".into());
        map.insert("shutdownGracePeriodCriticalPods".into(), "30s".into());
    }
    if let (true, Some(map)) = (inputs.fast_image_pull, document.as_object_mut()) {
        map.insert(
            "imageServiceEndpoint".into(),
            fast_image_pull::ENDPOINT.into(),
        );
    }
    document
}

/// Gates that the AMI sets, each from the version on that has it. All of them are accepted up to 1.36; the last two will be
/// gone in 1.38.
fn feature_gates(version: Version) -> Value {
    let gates = [
        ("RotateKubeletServerCertificate", Version::new(1, 0)),
        ("DynamicResourceAllocation", Version::new(1, 33)),
        ("MutableCSINodeAllocatableCount", Version::new(1, 34)),
    ];
    gates
        .iter()
        .filter(|(_, since)| version >= *since)
        .map(|(gate, _)| ((*gate).to_owned(), Value::Bool(true)))
        .collect()
}

/// The tenth address of the service network, which EKS gives to the cluster's DNS.
///
/// Source: <https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html>, service CIDR.
fn cluster_dns((address, prefix_length): (IpAddr, u8)) -> IpAddr {
    const HOST: u8 = 10;
    let host_bits = |width: u32| width.saturating_sub(u32::from(prefix_length));
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(host_bits(32)).unwrap_or(0);
            IpAddr::V4(((address.to_bits() & mask) | u32::from(HOST)).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(host_bits(128)).unwrap_or(0);
            IpAddr::V6(((address.to_bits() & mask) | u128::from(HOST)).into())
        }
    }
}

/// JSON with the indentation of four spaces that nodeadm writes.
pub(super) fn pretty_json(value: &Value) -> String {
    let mut content = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut content, formatter);
    let written = value.serialize(&mut serializer);
    debug_assert!(
        written.is_ok(),
        "a JSON value always serializes into memory"
    );
    String::from_utf8(content).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dns_address_is_the_tenth_of_the_service_network() {
        let dns = |cidr| cluster_dns(node::config::check::cidr_address(cidr).unwrap()).to_string();
        assert_eq!(dns("10.100.0.0/16"), "10.100.0.10");
        assert_eq!(dns("172.20.0.0/16"), "172.20.0.10");
        assert_eq!(dns("10.0.7.128/25"), "10.0.7.138");
        assert_eq!(dns("fd30:1c53:5f8a::/108"), "fd30:1c53:5f8a::a");
    }
}
