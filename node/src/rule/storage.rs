//! Rules of disks and file systems, as the kubelet and containerd meet them.

use std::time::Duration;

use super::{
    CONTAINERD, Clear, Detect, KUBELET, Line, LinePattern, Match, Rule, Speaker, Threshold,
};
use crate::finding;

/// A daemon that cannot write tries again within seconds.
const CLEARS: &[Clear] = &[Clear::Silence(Duration::from_mins(5))];

pub(super) const RULES: &[Rule] = &[
    Rule {
        finding: &finding::STORAGE_DISK_FULL,
        detect: &[
            Detect::Line(LinePattern {
                units: &[KUBELET],
                speaker: Speaker::Service,
                literals: &[NO_SPACE],
                matches: |line| Match::node_if(is_of_node(line, NO_SPACE)),
            }),
            Detect::Line(LinePattern {
                units: &[CONTAINERD],
                speaker: Speaker::Service,
                literals: &[NO_SPACE],
                matches: |line| Match::node_if(is_of_node(line, NO_SPACE)),
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: CLEARS,
    },
    Rule {
        finding: &finding::STORAGE_READ_ONLY,
        detect: &[
            Detect::Line(LinePattern {
                units: &[KUBELET],
                speaker: Speaker::Service,
                literals: &[READ_ONLY],
                matches: |line| Match::node_if(is_of_node(line, READ_ONLY)),
            }),
            Detect::Line(LinePattern {
                units: &[CONTAINERD],
                speaker: Speaker::Service,
                literals: &[READ_ONLY],
                matches: |line| Match::node_if(is_of_node(line, READ_ONLY)),
            }),
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: CLEARS,
    },
];

/// ENOSPC and EROFS in Go's words.
const NO_SPACE: &str = "no space left on device";
const READ_ONLY: &str = "read-only file system";

/// Neither a pod's own volume, nor what the kernel says of its limits with the same errors: watches, control groups,
/// settings.
fn is_of_node(line: &Line<'_>, words: &str) -> bool {
    let error = line.error();
    error.contains(words)
        && !line.is_about_workload()
        && !["inotify", "/sys/", "/proc/"]
            .iter()
            .any(|other| error.contains(other))
}
