//! Rules of disks and file systems, as the kernel, the kubelet and containerd meet them.

mod device;
mod space;
mod volume;

use std::time::Duration;

use super::{CONTAINERD, Clear, Detect, KERNEL, KUBELET, Line, Match, Rule, Threshold, kernel};
use crate::finding;

const HALF_AN_HOUR: &[Clear] = &[Clear::Silence(Duration::from_mins(30))];

pub(super) const RULES: &[Rule] = &[
    // A daemon that cannot write tries again within seconds; a probe looks at each mount point.
    Rule {
        finding: &finding::STORAGE_DISK_FULL,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], &[NO_SPACE], |line| {
                Match::node_if(is_of_node(line, NO_SPACE))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::Silence(Duration::from_mins(5)),
            Clear::ProbePassed(Duration::ZERO),
        ],
    },
    // The kernel says it once, of a device; the probe says it of a mount point, and of the node itself (no object) when
    // nothing is read-only any more, which is what ends the words of the daemons.
    Rule {
        finding: &finding::STORAGE_READ_ONLY,
        detect: &[
            Detect::said(&[KUBELET, CONTAINERD], &[READ_ONLY], |line| {
                Match::node_if(is_of_node(line, READ_ONLY))
            }),
            Detect::said(
                &[KERNEL],
                &["Remounting filesystem read-only", "forced readonly"],
                |line| hit(device::turned_read_only(line.message())?),
            ),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::from_mins(5)), kernel::REBOOT],
    },
    device::FS_SHUTDOWN,
    device::FS_ERROR,
    device::IO_ERROR,
    device::NVME_TIMEOUT,
    // Counters of the NVMe log page, which a probe compares with those it saw before.
    Rule {
        finding: &finding::STORAGE_EBS_THROTTLED,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::from_mins(10))],
    },
    space::INODES_EXHAUSTED,
    space::DISK_PRESSURE,
    space::IMAGE_GC_FAILED,
    space::DISK_USAGE_SLOW,
    volume::ETC_HOSTS_MOUNT,
    volume::VOLUME_STUCK,
    volume::CSI_DRIVER_MISSING,
    volume::ORPHANED_VOLUMES,
];

/// ENOSPC and EROFS in Go's words.
const NO_SPACE: &str = "no space left on device";
const READ_ONLY: &str = "read-only file system";

/// Neither a pod's own volume, nor what runc says of a container's file system, nor what the kernel says of its limits
/// with the same errors: watches, control groups, settings.
fn is_of_node(line: &Line<'_>, words: &str) -> bool {
    let error = line.error();
    error.contains(words)
        && !line.is_about_workload()
        && !error.starts_with("Operation for \"")
        && !["inotify", "/sys/", "/proc/", "OCI runtime ", "MountVolume."]
            .iter()
            .any(|other| error.contains(other))
}

#[expect(clippy::unnecessary_wraps, reason = "what a pattern answers")]
fn hit(object: &str) -> Option<Match> {
    Some(Match::Hit {
        object: object.to_owned(),
    })
}
