//! Volumes of pods, as the kubelet mounts and unmounts them.

use std::time::Duration;

use super::hit;
use crate::finding;
use crate::rule::{
    CONTAINERD, Clear, Detect, Harmless, KUBELET, Line, Match, Rule, Signal, Threshold,
};

const TEN_MINUTES: &[Clear] = &[Clear::Silence(Duration::from_mins(10))];

/// runc's `libcontainer/rootfs_linux.go`. Every pod has this mount, so where it fails none starts: it is the node's fault
/// although the line is about a pod. The kubelet quotes containerd's error again, so the quotes are not asked for.
pub(super) const ETC_HOSTS_MOUNT: Rule = Rule {
    finding: &finding::STORAGE_ETC_HOSTS_MOUNT,
    detect: &[Detect::said(
        &[KUBELET, CONTAINERD],
        &["/etc-hosts"],
        |line| {
            let error = line.error();
            Match::node_if(error.split_once("mounting ").is_some_and(|(_, mount)| {
                mount
                    .split_once("/etc-hosts")
                    .is_some_and(|(source, target)| {
                        source.contains("/var/lib/kubelet/pods/")
                            && target.contains(" to rootfs at ")
                            && target.contains("/etc/hosts")
                    })
            }))
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: TEN_MINUTES,
};

/// `pkg/kubelet/volumemanager/volume_manager.go` says it after two minutes in vain, `nestedpendingoperations.go` after each
/// try: the first of them fail whenever a volume is attached, until the controller has done it.
pub(super) const VOLUME_STUCK: Rule = Rule {
    finding: &finding::STORAGE_VOLUME_STUCK,
    detect: &[Detect::said(
        &[KUBELET],
        &[
            "Unable to attach or mount volumes for pod",
            "timeout expired waiting for volumes to attach",
            "Volume not attached according to node status for volume",
            "Multi-Attach error for volume",
            "expected device to be attached but was attaching",
        ],
        |line| {
            is_stuck(line).then(|| Match::Hit {
                object: pod_of(line),
            })
        },
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: TEN_MINUTES,
};

/// `pkg/volume/csi/csi_client.go`. The driver is a `DaemonSet`: on a new node its pod comes with the first others.
pub(super) const CSI_DRIVER_MISSING: Rule = Rule {
    finding: &finding::STORAGE_CSI_DRIVER_MISSING,
    detect: &[Detect::said(&[KUBELET], &[NOT_REGISTERED], |line| {
        let error = line.error();
        let (head, _) = error.split_once(NOT_REGISTERED)?;
        let (_, driver) = head.rsplit_once("driver name ")?;
        hit(driver)
    })],
    threshold: Threshold::ONCE,
    harmless: Some(Harmless::Within(Signal::Registered, Duration::from_mins(2))),
    clears: &[Clear::Silence(Duration::from_mins(5))],
};

/// `pkg/kubelet/kubelet_volumes.go`, every two seconds, with one pod for an example.
pub(super) const ORPHANED_VOLUMES: Rule = Rule {
    finding: &finding::STORAGE_ORPHANED_VOLUMES,
    detect: &[Detect::said(&[KUBELET], &["rphaned pod "], |line| {
        let error = line.error();
        Match::node_if(
            ["orphaned pod \"", "Orphaned pod \""]
                .iter()
                .any(|words| error.starts_with(words))
                && error.contains("\" found, but "),
        )
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[Clear::Silence(Duration::from_hours(1))],
};

const NOT_REGISTERED: &str = " not found in the list of registered CSI drivers";

/// Waits between the tries of an operation while it is none too old: each is twice the one before.
const FIRST_WAITS: [&str; 5] = ["500ms", "1s", "2s", "4s", "8s"];

fn is_stuck(line: &Line<'_>) -> bool {
    let error = line.error();
    if line
        .message()
        .starts_with("Unable to attach or mount volumes for pod")
    {
        // A claim that does not exist, or a pod that was deleted, ends the wait with other words.
        return [
            "timed out waiting for the condition",
            "context deadline exceeded",
            "timeout expired waiting for volumes",
        ]
        .iter()
        .any(|words| error.contains(words));
    }
    let is_told = [
        "timeout expired waiting for volumes to attach or mount for pod",
        "Volume not attached according to node status for volume",
        "Multi-Attach error for volume",
        "expected device to be attached but was attaching",
    ]
    .iter()
    .any(|words| error.contains(words));
    is_told && !is_first_try(&error)
}

fn is_first_try(error: &str) -> bool {
    error
        .split_once("(durationBeforeRetry ")
        .and_then(|(_, rest)| rest.split_once(')'))
        .is_some_and(|(wait, _)| FIRST_WAITS.contains(&wait))
}

/// Name of the pod, without its namespace, which only one of the lines has: what is said of one pod is one finding.
fn pod_of(line: &Line<'_>) -> String {
    if let Some(pod) = line.value("pod") {
        return pod.rsplit('/').next().unwrap_or_default().to_owned();
    }
    let error = line.error();
    // Older kubelets quote the whole error once more, or write `name_namespace(UID)`.
    error
        .split_once(" pod \"")
        .or_else(|| error.split_once(" pod \\\""))
        .and_then(|(_, rest)| rest.split(['"', '\\', '_']).next())
        .unwrap_or_default()
        .to_owned()
}
