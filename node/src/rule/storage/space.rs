//! Space and inodes, as the kubelet looks after them.

use std::time::Duration;

use crate::finding;
use crate::rule::{Clear, Detect, KUBELET, Line, Match, Rule, Threshold};

const TEN_MINUTES: Duration = Duration::from_mins(10);

/// The kubelet looks every ten seconds.
pub(super) const INODES_EXHAUSTED: Rule = Rule {
    finding: &finding::STORAGE_INODES_EXHAUSTED,
    detect: &[
        Detect::said(&[KUBELET], &["to reclaim"], |line| {
            Match::node_if(reclaims(line, "inodes"))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[
        Clear::Silence(TEN_MINUTES),
        Clear::ProbePassed(Duration::ZERO),
    ],
};

/// Without its probe, a kubelet that has been silent for an hour is not reclaiming any more either.
pub(super) const DISK_PRESSURE: Rule = Rule {
    finding: &finding::STORAGE_DISK_PRESSURE,
    detect: &[
        Detect::said(&[KUBELET], &["to reclaim"], |line| {
            Match::node_if(reclaims(line, "ephemeral-storage"))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[
        Clear::ProbePassed(TEN_MINUTES),
        Clear::Silence(Duration::from_hours(1)),
    ],
};

/// `pkg/kubelet/images/image_gc_manager.go`, every five minutes, and the eviction manager by the same code. The first
/// failure after a start is `failed once`, with a reason that is not about space: there are no figures yet.
pub(super) const IMAGE_GC_FAILED: Rule = Rule {
    finding: &finding::STORAGE_IMAGE_GC_FAILED,
    detect: &[Detect::said(
        &[KUBELET],
        &[
            "Image garbage collection failed multiple times in a row",
            "ailed to garbage collect required amount of images",
            "anted to free ",
        ],
        |line| {
            let error = line.error();
            Match::node_if(
                line.message()
                    .starts_with("Image garbage collection failed multiple times in a row")
                    || error.contains("ailed to garbage collect required amount of images")
                    || error.contains("anted to free ") && error.contains(" bytes, but freed "),
            )
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[Clear::Silence(TEN_MINUTES)],
};

/// cAdvisor's `container/common/fsHandler.go`: said of a container only when it took longer than ever before.
pub(super) const DISK_USAGE_SLOW: Rule = Rule {
    finding: &finding::STORAGE_DISK_USAGE_SLOW,
    detect: &[Detect::said(&[KUBELET], &[COUNT_TOOK], |line| {
        Match::node_if(line.message().starts_with(COUNT_TOOK))
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[Clear::Silence(Duration::from_hours(1))],
};

const COUNT_TOOK: &str = "fs: disk usage and inodes count on following dirs took ";

/// Whether the eviction manager (`pkg/kubelet/eviction/eviction_manager.go`) is short of this resource: a pair of the line,
/// or before structured logs the end of the message.
fn reclaims(line: &Line<'_>, resource: &str) -> bool {
    let message = line.message();
    let after = ["attempting to reclaim", "must evict pod(s) to reclaim"]
        .iter()
        .find_map(|words| message.split_once(words));
    let Some((head, rest)) = after else {
        return false;
    };
    if !head.is_empty() && !head.eq_ignore_ascii_case("eviction manager: ") {
        return false;
    }
    match rest.trim() {
        "" => line.value("resourceName").as_deref() == Some(resource),
        named => named == resource,
    }
}
