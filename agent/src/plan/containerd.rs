//! containerd's configuration: ours for the version that is installed, with the user's TOML over it.
//!
//! There is one template, of version 2. What containerd 2.x gets is moved into the words of version 3, before or after the
//! user's TOML is laid over it, whichever version the user speaks.

use node::config::merge::{merge_toml, parse_toml};
use node::containerd::{CRI, prefer_bin_dirs, speaks_version_3, to_version_3};

use crate::facts::Version;
use crate::host::path;

use super::{Error, Inputs, PlannedFile, SANDBOX_IMAGE};

pub(super) fn file(inputs: &Inputs<'_>) -> Result<PlannedFile, Error> {
    let version = inputs.facts.containerd_version;
    let reads_version_3 = version >= Version::new(2, 0);
    let mut user = parse_toml(&inputs.config.spec.containerd.config)
        .map_err(|source| Error::Containerd { source })?;
    let user_speaks_version_3 = speaks_version_3(&user);
    if user_speaks_version_3 && !reads_version_3 {
        return Err(Error::ContainerdVersion { version });
    }
    // Which version the file has follows from what is in it.
    user.remove("version");
    let mut merged =
        parse_toml(&template(inputs)).map_err(|source| Error::Containerd { source })?;
    if user_speaks_version_3 {
        merged = to_version_3(merged);
    }
    merge_toml(&mut merged, user);
    if reads_version_3 && !user_speaks_version_3 {
        merged = to_version_3(merged);
    }
    prefer_bin_dirs(&mut merged);
    Ok(PlannedFile {
        path: path::CONTAINERD_CONFIG.into(),
        mode: 0o644,
        content: merged.to_string(),
    })
}

fn template(inputs: &Inputs<'_>) -> String {
    let enable_cdi = inputs.facts.kubelet_version >= Version::new(1, 32);
    let (runtime, program) = if inputs.facts.has_nvidia_runtime {
        ("nvidia", path::NVIDIA_RUNTIME)
    } else {
        ("runc", "/usr/sbin/runc")
    };
    let (snapshotter, proxy_plugin) = if inputs.fast_image_pull {
        (SOCI_SNAPSHOTTER, SOCI_PROXY_PLUGIN)
    } else {
        ("", "")
    };
    format!(
        r#"
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."{CRI}"]
sandbox_image = "{SANDBOX_IMAGE}"
enable_cdi = {enable_cdi}

[plugins."{CRI}".cni]
bin_dir = "/opt/cni/bin"
conf_dir = "/etc/cni/net.d"

[plugins."{CRI}".containerd]
default_runtime_name = "{runtime}"
discard_unpacked_layers = true
{snapshotter}
[plugins."{CRI}".containerd.runtimes.{runtime}]
runtime_type = "io.containerd.runc.v2"
base_runtime_spec = "{spec}"

[plugins."{CRI}".containerd.runtimes.{runtime}.options]
BinaryName = "{program}"
SystemdCgroup = true

[plugins."{CRI}".registry]
config_path = "/etc/containerd/certs.d:/etc/docker/certs.d"
{proxy_plugin}"#,
        spec = path::BASE_RUNTIME_SPEC,
    )
}

/// The annotations tell the snapshotter which image a layer belongs to.
const SOCI_SNAPSHOTTER: &str = r#"snapshotter = "soci"
disable_snapshot_annotations = false
"#;
const SOCI_PROXY_PLUGIN: &str = r#"
[proxy_plugins.soci]
type = "snapshot"
address = "/run/soci-snapshotter-grpc/soci-snapshotter-grpc.sock"

[proxy_plugins.soci.exports]
root = "/var/lib/soci-snapshotter-grpc"
"#;
