//! Findings of disks and file systems.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const STORAGE: &[&Finding] = &[
    &STORAGE_READ_ONLY,
    &STORAGE_LOCAL_DISKS_FAILED,
    &STORAGE_INODES_EXHAUSTED,
    &STORAGE_DISK_FULL,
    &STORAGE_FS_SHUTDOWN,
    &STORAGE_FS_ERROR,
    &STORAGE_IO_ERROR,
    &STORAGE_NVME_TIMEOUT,
    &STORAGE_EBS_THROTTLED,
    &STORAGE_DISK_PRESSURE,
    &STORAGE_IMAGE_GC_FAILED,
    &STORAGE_DISK_USAGE_SLOW,
    &STORAGE_ETC_HOSTS_MOUNT,
    &STORAGE_VOLUME_STUCK,
    &STORAGE_CSI_DRIVER_MISSING,
    &STORAGE_ORPHANED_VOLUMES,
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

/// A file system shut itself down.
pub const STORAGE_FS_SHUTDOWN: Finding = Finding {
    code: "storage.fs_shutdown",
    title: "A file system shut itself down",
    severity: Severity::Fatal,
    condition: Some(Condition::Storage),
    cause: "XFS met an error that it cannot survive: every access fails until the file system is mounted again.",
    fix: "Replace the node; run xfs_repair on the volume from another instance",
};

/// A file system reports errors.
pub const STORAGE_FS_ERROR: Finding = Finding {
    code: "storage.fs_error",
    title: "A file system reports errors",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "Its metadata is damaged, or the device below it fails.",
    fix: "Unmount the volume and repair it with fsck or xfs_repair; look at the device: journalctl -k -b | grep -i \"I/O error\"",
};

/// A disk reports IO errors.
pub const STORAGE_IO_ERROR: Finding = Finding {
    code: "storage.io_error",
    title: "A disk reports IO errors",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "Reads or writes fail: the volume fails, it was detached by force, or it was taken away while it was mounted.",
    fix: "aws ec2 describe-volume-status --region REGION ; detach cleanly and replace the volume",
};

/// A volume does not answer in time.
pub const STORAGE_NVME_TIMEOUT: Finding = Finding {
    code: "storage.nvme_timeout",
    title: "A volume does not answer in time",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "EBS or the local disk stalls, or the time that the kernel waits is too short for EBS.",
    fix: "aws ec2 describe-volume-status --region REGION ; set nvme_core.io_timeout=4294967295 on the command line of the kernel",
};

/// A volume or the instance exceeds its EBS limits.
pub const STORAGE_EBS_THROTTLED: Finding = Finding {
    code: "storage.ebs_throttled",
    title: "A volume or the instance exceeds its EBS limits",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "More operations or bytes are asked for than the volume or the instance allows; the rest waits.",
    fix: "Raise IOPS or throughput of the volume (gp3), or use a larger instance",
};

/// The kubelet reclaims disk space.
pub const STORAGE_DISK_PRESSURE: Finding = Finding {
    code: "storage.disk_pressure",
    title: "The kubelet reclaims disk space",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "Less space is free than the kubelet's eviction threshold: it removes images and evicts pods.",
    fix: "Remove images and logs that are not used, or enlarge the volume",
};

/// Image clean-up cannot free enough space.
pub const STORAGE_IMAGE_GC_FAILED: Finding = Finding {
    code: "storage.image_gc_failed",
    title: "Image clean-up cannot free enough space",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "The disk is full of images that are in use, or of data that is not images.",
    fix: "du -xh --max-depth=3 /var/lib | sort -h | tail shows what is large besides the images",
};

/// Disk usage checks are slow.
pub const STORAGE_DISK_USAGE_SLOW: Finding = Finding {
    code: "storage.disk_usage_slow",
    title: "Disk usage checks are slow",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "The disk is slow, or a container has very many files.",
    fix: "Look at the throughput of the volume and at the directory named in the line",
};

/// Pod files are not visible to the runtime.
pub const STORAGE_ETC_HOSTS_MOUNT: Finding = Finding {
    code: "storage.etc_hosts_mount",
    title: "Pod files are not visible to the runtime",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "Something was mounted on /var/lib/kubelet, or it was moved, after containerd had started: containerd still sees what was there before.",
    fix: "systemctl restart containerd kubelet; mount /var/lib/kubelet before containerd starts",
};

/// A volume cannot be attached or mounted.
pub const STORAGE_VOLUME_STUCK: Finding = Finding {
    code: "storage.volume_stuck",
    title: "A volume cannot be attached or mounted",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "Attaching or mounting does not end: the CSI node plugin fails, the volume is in another zone, or another node holds it.",
    fix: "kubectl describe pod POD; kubectl get volumeattachments",
};

/// The CSI driver is not registered on this node.
pub const STORAGE_CSI_DRIVER_MISSING: Finding = Finding {
    code: "storage.csi_driver_missing",
    title: "The CSI driver is not registered on this node",
    severity: Severity::Warning,
    condition: Some(Condition::Storage),
    cause: "The node pod of the CSI driver does not run here, so volumes of this driver cannot be mounted.",
    fix: "kubectl -n kube-system get pods -l app=ebs-csi-node -o wide; it must run on NODE itself",
};

/// Volume paths of deleted pods remain.
pub const STORAGE_ORPHANED_VOLUMES: Finding = Finding {
    code: "storage.orphaned_volumes",
    title: "Volume paths of deleted pods remain",
    severity: Severity::Info,
    condition: None,
    cause: "Cleaning up after a pod did not end, mostly because of a crash: directories or mounts of it are left.",
    fix: "Unmount and remove the directories below /var/lib/kubelet/pods/UID/volumes that the line names",
};
