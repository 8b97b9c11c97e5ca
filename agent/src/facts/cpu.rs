//! Logical CPUs that are online, read where the kernel tells them.
//!
//! Format of `online`: <https://docs.kernel.org/admin-guide/cputopology.html>.

use crate::host::environment::Environment;
use crate::host::root::{Error, Root};

const CPU_DIRECTORY: &str = "/sys/devices/system/cpu";
const NODE_DIRECTORY: &str = "/sys/devices/system/node";

/// CPUs that belong to a NUMA node and are online; on a kernel without NUMA nodes, those that are online.
pub(super) fn online(root: &Root, environment: &Environment) -> Result<u32, Error> {
    let cpu = environment
        .cpu_directory
        .clone()
        .unwrap_or_else(|| CPU_DIRECTORY.into());
    let node = environment
        .node_directory
        .clone()
        .unwrap_or_else(|| NODE_DIRECTORY.into());
    let online = root.read_text(cpu.join("online"))?;
    let mut cpus: Vec<u32> = Vec::new();
    for name in root
        .list(&node)?
        .iter()
        .filter(|name| number_after(name, "node").is_some())
    {
        cpus.extend(
            root.list(node.join(name))?
                .iter()
                .filter_map(|entry| number_after(entry, "cpu")),
        );
    }
    if cpus.is_empty() {
        cpus.extend(
            root.list(&cpu)?
                .iter()
                .filter_map(|entry| number_after(entry, "cpu")),
        );
    }
    cpus.sort_unstable();
    cpus.dedup();
    let ranges = online.as_deref().map(ranges);
    let count = cpus
        .iter()
        .filter(|cpu| {
            ranges
                .as_ref()
                .is_none_or(|ranges| ranges.iter().any(|range| range.contains(cpu)))
        })
        .count();
    Ok(u32::try_from(count).unwrap_or(u32::MAX))
}

fn number_after(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// `0-3,8` to ranges; what does not parse is left out.
fn ranges(text: &str) -> Vec<std::ops::RangeInclusive<u32>> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    text.trim().split(',').filter_map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offline_cpus_do_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/sys/devices/system/cpu/online", b"0-2,5\n", 0o444)
            .unwrap();
        for cpu in 0..8 {
            root.write(
                format!("/sys/devices/system/node/node{}/cpu{cpu}/topology", cpu / 4),
                b"",
                0o444,
            )
            .unwrap();
        }
        root.write("/sys/devices/system/node/node0/cpulist", b"", 0o444)
            .unwrap();
        assert_eq!(online(&root, &Environment::default()).unwrap(), 4);
    }

    #[test]
    fn a_kernel_without_numa_nodes_has_its_cpus_too() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/sys/devices/system/cpu/online", b"0-1\n", 0o444)
            .unwrap();
        for cpu in 0..2 {
            root.write(
                format!("/sys/devices/system/cpu/cpu{cpu}/topology"),
                b"",
                0o444,
            )
            .unwrap();
        }
        assert_eq!(online(&root, &Environment::default()).unwrap(), 2);
    }
}
