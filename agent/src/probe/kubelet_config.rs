//! What the kubelet is configured to, as far as its own files say: <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>.

use std::path::Path;

use serde::Deserialize;

use crate::host::path;
use crate::host::root::Root;

/// The settings that probes ask for; none: the kubelet's own default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KubeletConfig {
    /// Port of its health check; 0: none.
    pub healthz_port: Option<u16>,
    /// Address of its health check.
    pub healthz_bind_address: Option<String>,
    /// It ends when the kernel's settings are not those that it wants, rather than to set them.
    pub protect_kernel_defaults: Option<bool>,
}

/// Reads its file and the drop-ins over it, the last of which wins.
pub fn read(root: &Root) -> KubeletConfig {
    let directory = path::KUBELET_CONFIG_DIRECTORY;
    let drop_ins = root.list(directory).unwrap_or_default().into_iter();
    let drop_ins = drop_ins
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "conf"))
        .map(|name| format!("{directory}/{name}"));
    let files = std::iter::once(path::KUBELET_CONFIG.to_owned()).chain(drop_ins);
    let mut config = KubeletConfig::default();
    for file in files {
        let text = root.read_text(file).ok().flatten().unwrap_or_default();
        let Ok(more) = serde_json::from_str::<KubeletConfig>(&text) else {
            continue;
        };
        config = KubeletConfig {
            healthz_port: more.healthz_port.or(config.healthz_port),
            healthz_bind_address: more.healthz_bind_address.or(config.healthz_bind_address),
            protect_kernel_defaults: more
                .protect_kernel_defaults
                .or(config.protect_kernel_defaults),
        };
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_file_that_has_a_setting_wins() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(read(&root), KubeletConfig::default());
        for (file, text) in [
            (
                path::KUBELET_CONFIG,
                "{\"healthzPort\": 1, \"protectKernelDefaults\": true}",
            ),
            (
                path::KUBELET_CONFIG_DROP_IN,
                "{\"healthzPort\": 2, \"kind\": \"KubeletConfiguration\"}",
            ),
            ("/etc/kubernetes/kubelet/config.json.d/50-other.conf", "{"),
            (
                "/etc/kubernetes/kubelet/config.json.d/60.txt",
                "{\"healthzPort\": 3}",
            ),
        ] {
            root.write(file, text.as_bytes(), 0o644).unwrap();
        }
        let expected = KubeletConfig {
            healthz_port: Some(2),
            healthz_bind_address: None,
            protect_kernel_defaults: Some(true),
        };
        assert_eq!(read(&root), expected);
    }
}
