//! containerd's configuration: which version of the format a table speaks, and version 2 in the words of version 3.
//!
//! Format: <https://github.com/containerd/containerd/blob/main/docs/cri/config.md>. containerd 1.x reads version 2 at most;
//! 2.x reads both and moves what it finds under an old name as [`to_version_3`] does.

use toml::{Table, Value};

/// The CRI plugin of version 2. In version 3 it holds the streaming server only.
pub const CRI: &str = "io.containerd.grpc.v1.cri";
/// Images, registries and snapshotter of version 3.
pub const CRI_IMAGES: &str = "io.containerd.cri.v1.images";
/// Runtimes and CNI of version 3.
pub const CRI_RUNTIME: &str = "io.containerd.cri.v1.runtime";

/// Keys of the CRI plugin that belong to its streaming server.
const SERVER_KEYS: [&str; 6] = [
    "disable_tcp_service",
    "stream_server_address",
    "stream_server_port",
    "stream_idle_timeout",
    "enable_tls_streaming",
    "x509_key_pair_streaming",
];
/// Keys of the CRI plugin that are about images.
const IMAGE_KEYS: [&str; 6] = [
    "registry",
    "image_decryption",
    "max_concurrent_downloads",
    "image_pull_progress_timeout",
    "image_pull_with_sync_fs",
    "stats_collect_period",
];
/// Keys of its table `containerd` that are about images.
const SNAPSHOT_KEYS: [&str; 3] = [
    "snapshotter",
    "disable_snapshot_annotations",
    "discard_unpacked_layers",
];
/// Plugins that only have another name in version 3.
const RENAMED_PLUGINS: [(&str, &str); 2] = [
    (
        "io.containerd.internal.v1.restart",
        "io.containerd.monitor.container.v1.restart",
    ),
    (
        "io.containerd.monitor.v1.cgroups",
        "io.containerd.monitor.task.v1.cgroups",
    ),
];
const TASK_PLUGIN: &str = "io.containerd.runtime.v2.task";
const SHIM_PLUGIN: &str = "io.containerd.shim.v1.manager";

/// Whether a configuration names CRI plugins that exist from version 3 on.
pub fn speaks_version_3(configuration: &Table) -> bool {
    let plugins = configuration.get("plugins");
    [CRI_IMAGES, CRI_RUNTIME]
        .iter()
        .any(|name| plugins.and_then(|plugins| plugins.get(name)).is_some())
}

/// A configuration of version 2 in the words of version 3. What has no other name there stays.
#[must_use]
pub fn to_version_3(mut configuration: Table) -> Table {
    if let Some(Value::Table(plugins)) = configuration.get_mut("plugins") {
        if let Some(Value::Table(cri)) = plugins.remove(CRI) {
            split_cri(cri, plugins);
        }
        for (old, new) in RENAMED_PLUGINS {
            move_key(plugins, old, new);
        }
        move_core_scheduling(plugins);
    }
    configuration.insert("version".to_owned(), Value::Integer(3));
    configuration
}

/// containerd from 2.1 on refuses `bin_dir` beside `bin_dirs`: who sets the newer key means it.
pub fn prefer_bin_dirs(configuration: &mut Table) {
    let cni = configuration
        .get_mut("plugins")
        .and_then(|plugins| plugins.get_mut(CRI_RUNTIME))
        .and_then(|runtime| runtime.get_mut("cni"));
    if let Some(Value::Table(cni)) = cni
        && cni.contains_key("bin_dirs")
    {
        cni.remove("bin_dir");
    }
}

/// The one CRI plugin of version 2 is three in version 3.
fn split_cri(mut cri: Table, plugins: &mut Table) {
    let mut images = Table::new();
    let mut server = Table::new();
    take(&mut cri, &IMAGE_KEYS, &mut images);
    take(&mut cri, &SERVER_KEYS, &mut server);
    if let Some(sandbox) = cri.remove("sandbox_image") {
        let pinned = Table::from_iter([("sandbox".to_owned(), sandbox)]);
        images.insert("pinned_images".to_owned(), Value::Table(pinned));
    }
    if let Some(Value::Table(containerd)) = cri.get_mut("containerd") {
        take(containerd, &SNAPSHOT_KEYS, &mut images);
        if let Some(Value::Table(runtimes)) = containerd.get_mut("runtimes") {
            for (_, runtime) in runtimes.iter_mut() {
                if let Value::Table(runtime) = runtime {
                    move_key(runtime, "sandbox_mode", "sandboxer");
                }
            }
        }
    }
    for (name, table) in [(CRI_IMAGES, images), (CRI_RUNTIME, cri), (CRI, server)] {
        if !table.is_empty() {
            plugins.insert(name.to_owned(), Value::Table(table));
        }
    }
}

/// `sched_core` of the task plugin is a variable of the shim's environment.
fn move_core_scheduling(plugins: &mut Table) {
    let Some(Value::Table(task)) = plugins.get_mut(TASK_PLUGIN) else {
        return;
    };
    if task.remove("sched_core") == Some(Value::Boolean(true)) {
        let variables = Value::Array(vec!["SCHED_CORE=1".into()]);
        let shim = Table::from_iter([("env".to_owned(), variables)]);
        plugins.insert(SHIM_PLUGIN.to_owned(), Value::Table(shim));
    }
}

fn take(from: &mut Table, keys: &[&str], to: &mut Table) {
    for key in keys {
        if let Some(value) = from.remove(*key) {
            to.insert((*key).to_owned(), value);
        }
    }
}

/// What stands under the new name already wins.
fn move_key(table: &mut Table, old: &str, new: &str) {
    if let Some(value) = table.remove(old)
        && !table.contains_key(new)
    {
        table.insert(new.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn every_key_of_the_cri_plugin_finds_its_new_place() {
        let migrated = to_version_3(table(
            r#"
version = 2
imports = ["/etc/containerd/config.d/*.toml"]
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "pause"
enable_cdi = true
max_concurrent_downloads = 5
stream_server_port = "10010"
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "/certs"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/opt/cni/bin"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "soci"
discard_unpacked_layers = true
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
sandbox_mode = "shim"
[plugins."io.containerd.nri.v1.nri"]
disable = false
"#,
        ));
        assert_eq!(
            migrated,
            table(
                r#"
version = 3
imports = ["/etc/containerd/config.d/*.toml"]
[plugins."io.containerd.cri.v1.images"]
max_concurrent_downloads = 5
snapshotter = "soci"
discard_unpacked_layers = true
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "pause"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "/certs"
[plugins."io.containerd.cri.v1.runtime"]
enable_cdi = true
[plugins."io.containerd.cri.v1.runtime".cni]
bin_dir = "/opt/cni/bin"
[plugins."io.containerd.cri.v1.runtime".containerd]
default_runtime_name = "runc"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
sandboxer = "shim"
[plugins."io.containerd.grpc.v1.cri"]
stream_server_port = "10010"
[plugins."io.containerd.nri.v1.nri"]
disable = false
"#
            )
        );
    }

    #[test]
    fn plugins_with_a_new_name_are_moved() {
        let migrated = to_version_3(table(
            r#"
[plugins."io.containerd.internal.v1.restart"]
interval = "10s"
[plugins."io.containerd.monitor.v1.cgroups"]
no_prometheus = true
[plugins."io.containerd.runtime.v2.task"]
platforms = ["linux/amd64"]
sched_core = true
"#,
        ));
        assert_eq!(
            migrated,
            table(
                r#"
version = 3
[plugins."io.containerd.monitor.container.v1.restart"]
interval = "10s"
[plugins."io.containerd.monitor.task.v1.cgroups"]
no_prometheus = true
[plugins."io.containerd.runtime.v2.task"]
platforms = ["linux/amd64"]
[plugins."io.containerd.shim.v1.manager"]
env = ["SCHED_CORE=1"]
"#
            )
        );
    }

    #[test]
    fn migrating_version_3_only_says_so() {
        let text = "version = 3\n[plugins.\"io.containerd.cri.v1.images\"]\nsnapshotter = \"x\"\n";
        assert_eq!(to_version_3(table(text)), table(text));
        assert!(speaks_version_3(&table(text)));
        assert!(!speaks_version_3(&table("version = 3\n")));
    }

    #[test]
    fn the_newer_of_two_keys_for_cni_programs_wins() {
        let mut configuration = table(
            "[plugins.\"io.containerd.cri.v1.runtime\".cni]\nbin_dir = \"/a\"\nbin_dirs = [\"/b\"]\n",
        );
        prefer_bin_dirs(&mut configuration);
        assert_eq!(
            configuration,
            table("[plugins.\"io.containerd.cri.v1.runtime\".cni]\nbin_dirs = [\"/b\"]\n")
        );
    }
}
