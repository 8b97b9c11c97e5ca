//! What this machine is, for whoever asks while the daemon runs: from a few small files, without a call and without a
//! program. What is not known is left out.

use node::wire::{API_VERSION, Identity, NodeFacts};

use crate::host::environment::Environment;
use crate::host::root::Root;
use crate::host::{self, path};

use super::{cpu, memory};

const KERNEL: &str = "/proc/sys/kernel/osrelease";
/// The first that is there counts: os-release(5).
const OPERATING_SYSTEM: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];
/// No file that is read here is longer, and no more of it is shown.
const BYTES: u64 = 16 * 1024;
const CHARACTERS: usize = 200;

/// The document of `/v1/facts`.
pub fn facts(root: &Root, environment: &Environment, identity: Identity) -> NodeFacts {
    let release = OPERATING_SYSTEM.iter().find_map(|path| text(root, path));
    NodeFacts {
        api_version: API_VERSION.to_owned(),
        kind: "NodeFacts".to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        identity,
        kernel: text(root, KERNEL).as_deref().and_then(line),
        operating_system: release.as_deref().and_then(name),
        kubelet_version: text(root, path::KUBELET_VERSION).as_deref().and_then(line),
        containerd_version: text(root, path::CONTAINERD_VERSION)
            .as_deref()
            .and_then(line),
        uptime_seconds: host::monotonic().as_secs(),
        memory_mebibytes: memory::total_mebibytes(root).ok().filter(|size| *size > 0),
        cpus: cpu::online(root, environment)
            .ok()
            .filter(|count| *count > 0),
    }
}

fn text(root: &Root, path: &str) -> Option<String> {
    let content = root.read_at_most(path, BYTES).ok().flatten()?;
    Some(String::from_utf8_lossy(&content).into_owned())
}

/// The first line of a file that has but one.
fn line(text: &str) -> Option<String> {
    let line = text.lines().next()?.trim();
    (!line.is_empty()).then(|| line.chars().take(CHARACTERS).collect())
}

/// What an operating system calls itself.
fn name(release: &str) -> Option<String> {
    let pretty = release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    line(pretty.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Root, path: &str, content: &str) {
        root.write(path, content.as_bytes(), 0o444).unwrap();
    }

    #[test]
    fn what_the_files_tell_is_shown_and_the_rest_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let none = facts(&root, &Environment::default(), Identity::default());
        let json = serde_json::to_value(&none).unwrap();
        let mut keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(
            keys,
            [
                "agentVersion",
                "apiVersion",
                "identity",
                "kind",
                "uptimeSeconds"
            ]
        );

        write(&root, KERNEL, "6.1.159-181.297.amzn2023.x86_64\n");
        let release = "NAME=\"Amazon Linux\"\nPRETTY_NAME=\"Amazon Linux 2023.9.20251208\"\n";
        write(&root, "/usr/lib/os-release", release);
        write(&root, path::KUBELET_VERSION, "v1.34.2-eks-ecaa3a6\n");
        write(&root, path::CONTAINERD_VERSION, "2.1.5\n");
        write(&root, "/sys/devices/system/cpu/online", "0-1\n");
        write(&root, "/sys/devices/system/cpu/cpu0/topology", "");
        write(&root, "/sys/devices/system/cpu/cpu1/topology", "");
        let all = facts(&root, &Environment::default(), Identity::default());
        assert_eq!(
            (
                all.kernel.as_deref(),
                all.operating_system.as_deref(),
                all.kubelet_version.as_deref(),
                all.containerd_version.as_deref(),
                all.cpus
            ),
            (
                Some("6.1.159-181.297.amzn2023.x86_64"),
                Some("Amazon Linux 2023.9.20251208"),
                Some("v1.34.2-eks-ecaa3a6"),
                Some("2.1.5"),
                Some(2)
            )
        );
    }

    #[test]
    fn a_name_without_quotes_or_without_a_name_is_borne() {
        assert_eq!(name("PRETTY_NAME=Lab\n").as_deref(), Some("Lab"));
        assert_eq!(name("PRETTY_NAME=\"\"\n"), None);
        assert_eq!(name("ID=amzn\n"), None);
    }
}
