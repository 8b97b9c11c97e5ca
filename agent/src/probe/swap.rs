//! Is swap on, and does the kubelet refuse to run with it?

use node::finding;
use serde_json::Value;

use super::Outcome;
use crate::host::path;
use crate::host::root::Root;

/// Swap areas, one a line below a head: `proc_swaps(5)`.
const SWAPS: &str = "/proc/swaps";
/// The kubelet's flag, which wins over its configuration.
const FLAG: &str = "--fail-swap-on";

/// Looks at the swap areas and at the kubelet's configuration.
pub fn look(root: &Root) -> Outcome {
    let Some(swaps) = root.read_text(SWAPS).ok().flatten() else {
        return Outcome::Passed;
    };
    judge(&swaps, is_allowed(root))
}

/// What these swap areas mean, where the kubelet's configuration allows them, or not.
fn judge(swaps: &str, is_allowed: bool) -> Outcome {
    let areas: Vec<&str> = swaps
        .lines()
        .skip(1)
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    if areas.is_empty() || is_allowed {
        return Outcome::Passed;
    }
    Outcome::fault(
        &finding::KUBELET_SWAP_ON,
        format!(
            "swap is on ({}) and failSwapOn is not false",
            areas.join(", ")
        ),
    )
}

/// Whether the kubelet is told to run with swap. What cannot be read says nothing, and the kubelet's default is no.
fn is_allowed(root: &Root) -> bool {
    let flags = root.read_text(path::KUBELET_ENVIRONMENT).ok().flatten();
    let flag = flags.as_deref().and_then(|flags| {
        let words = flags.split([' ', '\'', '"', '\n']);
        words.rev().find_map(|word| word.strip_prefix(FLAG))
    });
    if let Some(value) = flag {
        return value == "=false";
    }
    // Files of the drop-in directory win over the main one, and later names over earlier ones.
    let drop_ins = root
        .list(path::KUBELET_CONFIG_DIRECTORY)
        .unwrap_or_default();
    let drop_ins = drop_ins
        .iter()
        .rev()
        .map(|name| format!("{}/{name}", path::KUBELET_CONFIG_DIRECTORY));
    drop_ins
        .chain([path::KUBELET_CONFIG.to_owned()])
        .find_map(|path| {
            let content = root.read(path).ok()??;
            let config: Value = serde_json::from_slice(&content).ok()?;
            config.get("failSwapOn")?.as_bool()
        })
        .is_some_and(|fails| !fails)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    const ON: &str = "/dev/nvme1n1                            partition\t4194300\t\t0\t\t-2\n";

    #[test]
    fn swap_that_the_kubelet_is_not_told_of_is_named() {
        assert_eq!(judge(HEAD, false), Outcome::Passed);
        let on = format!("{HEAD}{ON}");
        assert_eq!(judge(&on, true), Outcome::Passed);
        assert_eq!(
            judge(&on, false).told(),
            (
                "kubelet.swap_on",
                "swap is on (/dev/nvme1n1) and failSwapOn is not false"
            )
        );
    }

    #[test]
    fn a_flag_wins_over_a_drop_in_and_a_drop_in_over_the_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let write = |path: &str, content: &str| {
            root.write(path, content.as_bytes(), 0o644).unwrap();
        };
        assert!(!is_allowed(&root));
        write(path::KUBELET_CONFIG, r#"{"failSwapOn": false}"#);
        assert!(is_allowed(&root));
        write(path::KUBELET_CONFIG_DROP_IN, r#"{"failSwapOn": true}"#);
        assert!(!is_allowed(&root));
        let flags = "NODEADM_KUBELET_ARGS='--v=2 --fail-swap-on=false'\n";
        write(path::KUBELET_ENVIRONMENT, flags);
        assert!(is_allowed(&root));
    }
}
