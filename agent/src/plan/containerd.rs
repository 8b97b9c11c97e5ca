//! containerd's configuration: ours for the version that is installed, with the user's TOML over it.
//!
//! Formats: version 2 for containerd 1.x, version 3 for 2.x,
//! <https://github.com/containerd/containerd/blob/main/docs/cri/config.md>.

use node::config::merge::{self, merge_toml, parse_toml};

use crate::facts::Version;
use crate::host::path;

use super::{Inputs, PlannedFile};

/// The pause image is part of the AMI, so that no registry is needed to start a pod.
const SANDBOX_IMAGE: &str = "localhost/kubernetes/pause:latest";
/// Name of the CRI plugin in configuration of version 2; from version 3 on there are several.
const CRI_PLUGIN_V2: &str = "io.containerd.grpc.v1.cri";

pub(super) fn file(inputs: &Inputs<'_>) -> Result<PlannedFile, merge::Error> {
    let user = parse_toml(&inputs.config.spec.containerd.config)?;
    // containerd 2.x reads version 2 as well, and a user who speaks it must be merged with it.
    let speaks_version_2 = user
        .get("plugins")
        .and_then(|plugins| plugins.get(CRI_PLUGIN_V2))
        .is_some();
    let version_3 = inputs.facts.containerd_version >= Version::new(2, 0) && !speaks_version_2;
    let enable_cdi = inputs.facts.kubelet_version >= Version::new(1, 32);
    let template = if version_3 {
        version_3_template(enable_cdi)
    } else {
        version_2_template(enable_cdi)
    };
    let mut merged = parse_toml(&template)?;
    merge_toml(&mut merged, user);
    Ok(PlannedFile {
        path: path::CONTAINERD_CONFIG,
        mode: 0o644,
        content: merged.to_string(),
    })
}

fn version_2_template(enable_cdi: bool) -> String {
    format!(
        r#"
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."{CRI_PLUGIN_V2}"]
sandbox_image = "{SANDBOX_IMAGE}"
enable_cdi = {enable_cdi}

[plugins."{CRI_PLUGIN_V2}".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"

[plugins."{CRI_PLUGIN_V2}".containerd]
default_runtime_name = "runc"
discard_unpacked_layers = true

[plugins."{CRI_PLUGIN_V2}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{spec}"

[plugins."{CRI_PLUGIN_V2}".containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = true

[plugins."{CRI_PLUGIN_V2}".registry]
config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
"#,
        spec = path::BASE_RUNTIME_SPEC,
    )
}

fn version_3_template(enable_cdi: bool) -> String {
    const IMAGES: &str = "io.containerd.cri.v1.images";
    const RUNTIME: &str = "io.containerd.cri.v1.runtime";
    format!(
        r#"
version = 3
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."{IMAGES}"]
discard_unpacked_layers = true

[plugins."{IMAGES}".pinned_images]
sandbox = "{SANDBOX_IMAGE}"

[plugins."{IMAGES}".registry]
config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"

[plugins."{RUNTIME}"]
enable_cdi = {enable_cdi}

[plugins."{RUNTIME}".cni]
bin_dirs = ["/opt/cni/bin"]
conf_dir = "/etc/cni/net.d"

[plugins."{RUNTIME}".containerd]
default_runtime_name = "runc"

[plugins."{RUNTIME}".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{spec}"

[plugins."{RUNTIME}".containerd.runtimes.runc.options]
BinaryName = "/usr/sbin/runc"
SystemdCgroup = true
"#,
        spec = path::BASE_RUNTIME_SPEC,
    )
}
