//! Findings of disks and file systems.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const STORAGE: &[&Finding] = &[
    &STORAGE_READ_ONLY,
    &STORAGE_LOCAL_DISKS_FAILED,
    &STORAGE_INODES_EXHAUSTED,
    &STORAGE_DISK_FULL,
];

/// A file system is read-only.
pub const STORAGE_READ_ONLY: Finding = Finding {
    code: "storage.read_only",
    title: "A file system that the node writes to is read-only",
    severity: Severity::Fatal,
    condition: Some(Condition::Storage),
    cause: "The kernel stopped writing after an error of the disk, or the image mounts the root, /etc or /var read-only.",
    fix: "journalctl -k -b | grep -i \"remounting\\|I/O error\"; replace the node if its disk failed, else make /etc and /var writable in the image",
};

/// The local disks cannot be set up.
pub const STORAGE_LOCAL_DISKS_FAILED: Finding = Finding {
    code: "storage.local_disks_failed",
    title: "The local disks cannot be set up",
    severity: Severity::Fatal,
    condition: Some(Condition::Storage),
    cause: "spec.instance.localStorage is set and the program setup-local-disks of the AMI is missing or ended with an error: too few disks for the strategy, a disk in use, a tool that is not installed.",
    fix: "journalctl -b -u nodeadm-run | grep setup-local-disks; correct spec.instance.localStorage or use an AMI that has the program",
};

/// Inodes are exhausted.
pub const STORAGE_INODES_EXHAUSTED: Finding = Finding {
    code: "storage.inodes_exhausted",
    title: "Inodes are exhausted or being reclaimed",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "Very many small files: no file can be made although there is space.",
    fix: "df -i; remove the small files or make the volume again with more inodes",
};

/// A file system is full.
pub const STORAGE_DISK_FULL: Finding = Finding {
    code: "storage.disk_full",
    title: "A file system is full",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "The root or data volume has no space left.",
    fix: "du -xh --max-depth=2 /var | sort -h | tail; enlarge the volume",
};
