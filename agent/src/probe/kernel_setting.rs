//! Are the kernel's settings those that the kubelet wants? With `protectKernelDefaults` it ends where they are not:
//! <https://kubernetes.io/docs/reference/config-api/kubelet-config.v1beta1/>. Asked only of a kubelet that is not there: one that
//! runs has found them, and looks again at its next start.

use node::finding;

use super::kubelet_config;
use super::reading::{Reading, number};
use crate::host::root::Root;

/// `setupKernelTunables` of the kubelet, `pkg/kubelet/cm/container_manager_linux.go`.
const WANTED: [(&str, u64); 6] = [
    ("vm/overcommit_memory", 1),
    ("vm/panic_on_oom", 0),
    ("kernel/panic", 10),
    ("kernel/panic_on_oops", 1),
    ("kernel/keys/root_maxkeys", 1_000_000),
    ("kernel/keys/root_maxbytes", 25_000_000),
];

/// Each setting that differs, with its value and the one that is wanted; nothing where the kubelet does not mind.
pub fn look(root: &Root) -> Vec<(&'static str, u64, u64)> {
    if kubelet_config::read(root).protect_kernel_defaults != Some(true) {
        return Vec::new();
    }
    let differing = WANTED.iter().filter_map(|(name, wanted)| {
        let is = number(root, &format!("/proc/sys/{name}"))?;
        (is != *wanted).then_some((*name, is, *wanted))
    });
    differing.collect()
}

/// What that means for a kubelet that is not there.
pub fn judge(differing: &[(&'static str, u64, u64)]) -> Option<Reading> {
    let told = differing.iter().map(|(name, is, wanted)| {
        let name = name.replace('/', ".");
        format!("{name} is {is}, and the kubelet wants {wanted}")
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty())
        .then(|| Reading::failed(&finding::KUBELET_KERNEL_SETTINGS, "", told.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::path;

    #[test]
    fn settings_that_differ_are_told_where_the_kubelet_minds() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let set = |file: &str, text: &str| {
            root.write(file, text.as_bytes(), 0o644).unwrap();
        };
        for (name, wanted) in WANTED {
            set(&format!("/proc/sys/{name}"), &format!("{wanted}\n"));
        }
        set("/proc/sys/kernel/panic", "0\n");
        assert_eq!(judge(&look(&root)), None);
        set(path::KUBELET_CONFIG, "{\"protectKernelDefaults\": true}");
        assert_eq!(
            judge(&look(&root)).unwrap().failure.unwrap(),
            "kernel.panic is 0, and the kubelet wants 10"
        );
        set("/proc/sys/kernel/panic", "10\n");
        assert_eq!(judge(&look(&root)), None);
    }
}
