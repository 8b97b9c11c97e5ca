//! Disks and file systems as the kernel tells of them, each by the name of its device.

use super::{HALF_AN_HOUR, hit};
use crate::finding;
use crate::rule::kernel::REBOOT;
use crate::rule::{Detect, KERNEL, Rule, Threshold};

/// `drivers/nvme/host/pci.c`. `completion polled` is none: the device had answered, its interrupt was lost.
pub(super) const NVME_TIMEOUT: Rule = Rule {
    finding: &finding::STORAGE_NVME_TIMEOUT,
    detect: &[Detect::said(
        &[KERNEL],
        &["timeout, abort", "timeout, disable", "timeout, reset"],
        |line| {
            let (controller, rest) = line.message().strip_prefix("nvme ")?.split_once(": I/O ")?;
            let is_timeout = rest.contains("QID ")
                && ["timeout, abort", "timeout, disable", "timeout, reset"]
                    .iter()
                    .any(|words| rest.contains(words));
            is_timeout.then(|| hit(controller))?
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: HALF_AN_HOUR,
};

/// `block/blk-core.c` and `fs/buffer.c`, by their names of 2.6 to 6.12. A drive for disks that has none says so whenever
/// someone looks.
pub(super) const IO_ERROR: Rule = Rule {
    finding: &finding::STORAGE_IO_ERROR,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "I/O error, dev ",
            "critical medium error, dev ",
            "Buffer I/O error on dev",
        ],
        |line| {
            let device = failed_device(line.message())?;
            (!is_removable(device)).then(|| hit(device))?
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: HALF_AN_HOUR,
};

/// `fs/ext4/super.c`, `fs/jbd2/journal.c`, `fs/xfs/xfs_error.c` and `fs/xfs/xfs_buf.c`.
pub(super) const FS_ERROR: Rule = Rule {
    finding: &finding::STORAGE_FS_ERROR,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "EXT4-fs error (device ",
            "EXT4-fs warning (device ",
            "Aborting journal on device ",
            "Corruption detected",
            "Corruption warning",
            "Internal error",
            "metadata I/O error",
            "log I/O error",
            "Metadata corruption detected",
            "Metadata CRC error detected",
        ],
        |line| hit(damaged(line.message())?),
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: HALF_AN_HOUR,
};

/// `fs/xfs/xfs_fsops.c`, `fs/xfs/xfs_log.c`, `fs/xfs/xfs_mount.c`; some put two spaces before `Shutting`.
pub(super) const FS_SHUTDOWN: Rule = Rule {
    finding: &finding::STORAGE_FS_SHUTDOWN,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "Shutting down filesystem",
            "ilesystem has been shut down",
            "xfs_do_force_shutdown",
            "xfs_log_force: error -5",
        ],
        |line| hit(shut_down(line.message())?),
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[REBOOT],
};

/// `fs/ext4/super.c`, `fs/btrfs/super.c`. A mount that is made read-only by hand says `re-mounted`.
pub(super) fn turned_read_only(message: &str) -> Option<&str> {
    if let Some(rest) = message.strip_prefix("BTRFS ") {
        let (_, rest) = rest.split_once("(device ")?;
        let (device, rest) = rest.split_once("): ")?;
        return rest
            .starts_with("forced readonly")
            .then(|| device.split(':').next())?;
    }
    let (device, rest) = ["EXT4-fs (", "EXT3-fs ("]
        .iter()
        .find_map(|head| message.strip_prefix(head))?
        .split_once("): ")?;
    rest.starts_with("Remounting filesystem read-only")
        .then_some(device)
}

fn damaged(message: &str) -> Option<&str> {
    // `nvme1n1-8`: the journal is inode 8 of its file system.
    if let Some(journal) = message.strip_prefix("Aborting journal on device ") {
        let journal = journal.trim_end_matches('.');
        return Some(journal.strip_suffix("-8").unwrap_or(journal));
    }
    let of_ext4 = ["EXT4-fs error (device ", "EXT4-fs warning (device "];
    if let Some(rest) = of_ext4.iter().find_map(|head| message.strip_prefix(head)) {
        return rest.split_once(')').map(|(device, _)| device);
    }
    let (device, rest) = of_xfs(message)?;
    let is_damage = [
        "Corruption detected",
        "Corruption warning",
        "Internal error",
        "metadata I/O error",
        "log I/O error",
        "Metadata corruption detected",
        "Metadata CRC error detected",
    ]
    .iter()
    .any(|words| rest.starts_with(words));
    is_damage.then_some(device)
}

fn shut_down(message: &str) -> Option<&str> {
    let (device, rest) = of_xfs(message)?;
    let is_down = rest.contains("Shutting down filesystem")
        || rest.contains("ilesystem has been shut down")
        || rest.starts_with("xfs_do_force_shutdown")
        || rest.starts_with("xfs_log_force: error -5");
    (is_down && !rest.starts_with("User initiated")).then_some(device)
}

fn of_xfs(message: &str) -> Option<(&str, &str)> {
    message.strip_prefix("XFS (")?.split_once("): ")
}

fn failed_device(message: &str) -> Option<&str> {
    let buffer = ["Buffer I/O error on device ", "Buffer I/O error on dev "]
        .iter()
        .find_map(|head| message.strip_prefix(head));
    let device = buffer.or_else(|| {
        let block = ["blk_update_request: ", "print_req_error: ", "end_request: "]
            .iter()
            .find_map(|head| message.strip_prefix(head))
            .unwrap_or(message);
        ["I/O error, dev ", "critical medium error, dev "]
            .iter()
            .find_map(|head| block.strip_prefix(head))
    })?;
    device.split([',', ' ']).next()
}

/// A CD or floppy drive, `sr0` or `fd0`.
fn is_removable(device: &str) -> bool {
    ["sr", "fd"].iter().any(|kind| {
        device.strip_prefix(kind).is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_alike_whoever_speaks_of_them() {
        for (line, device) in [
            ("Aborting journal on device nvme1n1-8.", "nvme1n1"),
            ("Aborting journal on device dm-0-8.", "dm-0"),
            (
                "EXT4-fs error (device nvme1n1p1): ext4_find_entry:1463: inode #2: comm ls: reading directory lblock 0",
                "nvme1n1p1",
            ),
            (
                "XFS (dm-3): metadata I/O error in \"xfs_trans_read_buf_map+0x1b5/0x2e0 [xfs]\" at daddr 0x40 len 8 error 5",
                "dm-3",
            ),
        ] {
            assert_eq!(damaged(line), Some(device), "`{line}`");
        }
        assert_eq!(
            turned_read_only("BTRFS info (device nvme1n1: state E): forced readonly"),
            Some("nvme1n1")
        );
        assert_eq!(
            failed_device("Buffer I/O error on dev dm-3, logical block 0, async page read"),
            Some("dm-3")
        );
        assert_eq!(failed_device("sd 0:0:0:0: I/O error, dev sda"), None);
        assert!(is_removable("sr0") && is_removable("fd0"));
        assert!(!is_removable("sda") && !is_removable("fd") && !is_removable("srv1"));
    }
}
