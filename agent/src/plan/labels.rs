//! Labels that the kubelet gives its Node when it registers.

use std::collections::BTreeMap;

use crate::facts::{Facts, Version};

/// Schedulers and operators look for this label; from Kubernetes 1.35 on the AMI sets it.
const GPU_PRESENT: &str = "nvidia.com/gpu.present";

/// Adds the labels that follow from the machine to those that were asked for, which win.
pub(super) fn labels(
    facts: &Facts,
    asked_for: BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    if facts.has_nvidia_device && facts.kubelet_version >= Version::new(1, 35) {
        labels.insert(GPU_PRESENT.to_owned(), "true".to_owned());
    }
    labels.extend(asked_for);
    labels
}

/// The flag of the kubelet, when there are labels.
pub(super) fn flag(labels: &BTreeMap<String, String>) -> Option<String> {
    let pairs: Vec<String> = labels
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    (!pairs.is_empty()).then(|| format!("--node-labels={}", pairs.join(",")))
}
