//! The OCI runtime specification that every container starts from.
//!
//! It is containerd's own default (`ctr oci spec`) with the limit of open files that EKS AMIs give, and the user's
//! `spec.containerd.baseRuntimeSpec` over it. Specification: <https://github.com/opencontainers/runtime-spec>.

use node::config::merge::merge_json;
use serde_json::{Map, Value};

use crate::host::path;

use super::{Inputs, PlannedFile, kubelet_config};

const DEFAULT: &str = include_str!("base_runtime_spec.json");

pub(super) fn file(inputs: &Inputs<'_>) -> PlannedFile {
    let user = &inputs.config.spec.containerd.base_runtime_spec;
    // The default stands in the file as it is written, so most boots need not read it.
    let content = if user.is_empty() {
        DEFAULT.to_owned()
    } else {
        let mut spec: Map<String, Value> = serde_json::from_str(DEFAULT).unwrap_or_default();
        merge_json(&mut spec, user);
        kubelet_config::pretty_json(&Value::Object(spec))
    };
    PlannedFile {
        path: path::BASE_RUNTIME_SPEC.into(),
        mode: 0o644,
        content,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_a_specification() {
        let spec: Map<String, Value> = serde_json::from_str(DEFAULT).unwrap();
        assert_eq!(spec["process"]["rlimits"][0]["soft"], 65536);
        assert_eq!(spec["process"]["rlimits"][0]["hard"], 1_048_576);
        assert!(spec["linux"]["namespaces"].is_array());
        assert_eq!(kubelet_config::pretty_json(&Value::Object(spec)), DEFAULT);
    }
}
