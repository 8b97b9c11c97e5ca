//! The kubelet's flags, in the environment file that `kubelet.service` reads.
//!
//! Flags: <https://kubernetes.io/docs/reference/command-line-tools-reference/kubelet/>.

use crate::facts::Version;
use crate::host::path;

use super::{Inputs, PlannedFile, SANDBOX_IMAGE, hosts, image_credential_provider, labels};

pub(super) fn file(inputs: &Inputs<'_>) -> PlannedFile {
    let instance = &inputs.facts.instance;
    let has_drop_in = !inputs.config.spec.kubelet.config.is_empty();
    let mut flags = vec![format!("--config={}", path::KUBELET_CONFIG)];
    if has_drop_in {
        flags.push(format!("--config-dir={}", path::KUBELET_CONFIG_DIRECTORY));
    }
    flags.push(format!("--kubeconfig={}", path::KUBECONFIG));
    if hosts::is_local_cluster(inputs.config) {
        flags.push(format!(
            "--bootstrap-kubeconfig={}",
            path::BOOTSTRAP_KUBECONFIG
        ));
    }
    flags.push("--cloud-provider=external".to_owned());
    flags.push(format!("--hostname-override={}", inputs.node_name));
    let node_ip = if inputs.service_network.0.is_ipv6() {
        instance.ipv6.as_deref()
    } else {
        Some(&*instance.local_ipv4)
    };
    flags.extend(
        node_ip
            .filter(|address| !address.is_empty())
            .map(|address| format!("--node-ip={address}")),
    );
    flags.push("--runtime-cgroups=/runtime.slice/containerd.service".to_owned());
    let provider = &inputs.facts.image_credential_provider.path;
    flags.push(format!(
        "--image-credential-provider-bin-dir={}",
        image_credential_provider::directory(provider)
    ));
    flags.push(format!(
        "--image-credential-provider-config={}",
        path::IMAGE_CREDENTIAL_PROVIDER_CONFIG
    ));
    // Later kubelets ask the runtime which image it is, and from 1.35 on refuse the flag.
    if inputs.facts.kubelet_version < Version::new(1, 29) {
        flags.push(format!("--pod-infra-container-image={SANDBOX_IMAGE}"));
    }
    flags.extend(labels::flag(&inputs.labels));
    // Last, so that the user's flags win.
    flags.extend(inputs.config.spec.kubelet.flags.iter().cloned());

    // One line is one variable; what follows a line break would be another.
    let flags = flags.join(" ").replace(['\n', '\r'], " ");
    let mut content = format!("NODEADM_KUBELET_ARGS={flags}");
    if has_drop_in && inputs.facts.kubelet_version < Version::new(1, 30) {
        content.push_str("\nKUBELET_CONFIG_DROPIN_DIR_ALPHA=on");
    }
    PlannedFile {
        path: path::KUBELET_ENVIRONMENT.into(),
        mode: 0o644,
        content,
    }
}
