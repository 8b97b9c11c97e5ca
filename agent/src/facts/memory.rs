//! Memory that is online, read where the kernel tells it.
//!
//! Format: <https://docs.kernel.org/admin-guide/mm/memory-hotplug.html>, `/sys/devices/system/memory`.

use crate::host::root::{Error, Root};

const DIRECTORY: &str = "/sys/devices/system/memory";

/// MiB of memory that the machine has; 0 when it is not known. Below another root directory it is another machine, of
/// which only its files tell.
pub(super) fn total_mebibytes(root: &Root) -> Result<u64, Error> {
    const MEBIBYTE: u64 = 1024 * 1024;
    if !root.is_machine() {
        return Ok(online_bytes(root)?.unwrap_or_default() / MEBIBYTE);
    }
    let Ok(mut system) = sysinfo::System::new() else {
        return Ok(0);
    };
    system.refresh_memory_specifics(sysinfo::MemoryRefreshKind::nothing().with_ram());
    Ok(system.total_memory() / MEBIBYTE)
}

/// Bytes of the memory blocks that are online; `None` on a kernel that does not tell.
pub(super) fn online_bytes(root: &Root) -> Result<Option<u64>, Error> {
    let size = root.read_text(format!("{DIRECTORY}/block_size_bytes"))?;
    // Hexadecimal without a prefix.
    let Some(size) = size.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()) else {
        return Ok(None);
    };
    let mut online = 0_u64;
    for name in root.list(DIRECTORY)? {
        let is_block = name
            .strip_prefix("memory")
            .is_some_and(|number| number.parse::<u64>().is_ok());
        if !is_block {
            continue;
        }
        let state = root.read_text(format!("{DIRECTORY}/{name}/online"))?;
        online += u64::from(state.is_some_and(|state| state.trim() == "1"));
    }
    Ok((online > 0).then(|| online.saturating_mul(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_that_are_online_count() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(online_bytes(&root).unwrap(), None);
        let write = |path: &str, content: &str| {
            root.write(format!("{DIRECTORY}/{path}"), content.as_bytes(), 0o444)
                .unwrap();
        };
        write("block_size_bytes", "8000000\n");
        write("memory0/online", "1\n");
        write("memory1/online", "0\n");
        write("memory32/online", "1\n");
        write("power/online", "1\n");
        assert_eq!(total_mebibytes(&root).unwrap(), 256);
        assert_eq!(online_bytes(&root).unwrap(), Some(2 * 128 * 1024 * 1024));
    }
}
