//! Rules of what containerd does for pods: sandboxes, containers, and the shims between.

use std::time::Duration;

use super::super::{CONTAINERD, Clear, Detect, KUBELET, Line, Match, Rule, Threshold};
use super::is_without_runc;
use crate::finding;

const FIVE_MINUTES: Duration = Duration::from_mins(5);
const TEN_MINUTES: Duration = Duration::from_mins(10);

pub(in super::super) const RULES: &[Rule] = &[
    // Each try is told twice, by containerd and by the kubelet: only a later one is another.
    Rule {
        finding: &finding::RUNTIME_OCI_CREATE_FAILED,
        detect: &[Detect::said(
            &[KUBELET, CONTAINERD],
            &[OCI_CREATE],
            |line| Match::node_if(is_creation(line) && is_refused_by_node(&line.error())),
        )],
        threshold: Threshold {
            hits: 3,
            within: FIVE_MINUTES,
            lasting: Duration::from_secs(5),
        },
        harmless: None,
        clears: &[Clear::Silence(FIVE_MINUTES)],
    },
    // The kubelet waits for four minutes, so one is enough. A name stays reserved while containerd still tries.
    Rule {
        finding: &finding::RUNTIME_SANDBOX_TIMEOUT,
        detect: &[Detect::said(
            &[KUBELET, CONTAINERD],
            &["context deadline exceeded", "failed to reserve "],
            |line| Match::node_if(is_creation(line) && is_out_of_time(line)),
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(FIVE_MINUTES)],
    },
    // internal/cri/server/events.go, core/runtime/v2/shim.go. A container that ends says some of it once; one whose shim
    // is lost says it at each try.
    Rule {
        finding: &finding::RUNTIME_SHIM_LOST,
        detect: &[Detect::said(
            &[CONTAINERD],
            &["ttrpc: closed", "ailed to shutdown shim", "TaskExit"],
            |line| {
                is_without_shim(line).then(|| Match::Hit {
                    object: container_of(line),
                })
            },
        )],
        threshold: Threshold {
            hits: 2,
            within: TEN_MINUTES,
            lasting: Duration::from_secs(5),
        },
        harmless: None,
        clears: &[Clear::Silence(TEN_MINUTES)],
    },
    Rule {
        finding: &finding::RUNTIME_PORT_TAKEN,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::ZERO)],
    },
    // pkg/deprecation, internal/cri/config. Said at a start and, by a pull, now and then; containerd keeps a list.
    Rule {
        finding: &finding::RUNTIME_DEPRECATED_CONFIG,
        detect: &[
            Detect::said(
                &[CONTAINERD],
                &["io.containerd.deprecation/", "is deprecated, please use "],
                |line| Match::node_if(line.value("level").is_some_and(|level| level == "warning")),
            ),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[
            Clear::Silence(Duration::from_hours(24)),
            Clear::ProbePassed(Duration::ZERO),
        ],
    },
];

const OCI_CREATE: &str = "OCI runtime create failed";
/// runc, when it is to use systemd and is given a path.
pub(in super::super) const CGROUP_PATH: &str = "expected cgroupsPath to be of format";

/// Whether the line says that a sandbox or a container could not be made: the CRI client's words
/// (`StartContainer from runtime service failed`) or those of containerd (`StartContainer for "…" failed`).
pub(in super::super) fn is_creation(line: &Line<'_>) -> bool {
    let message = line.message();
    ["RunPodSandbox ", "CreateContainer ", "StartContainer "]
        .iter()
        .any(|call| message.starts_with(call))
        && message.contains(" failed")
}

/// Whether containerd says that it made a sandbox: `RunPodSandbox for &PodSandboxMetadata{…} returns sandbox id "…"`.
pub(in super::super) fn is_sandbox_started(message: &str) -> bool {
    message.contains("returns sandbox id")
        && Line::parse(message)
            .message()
            .starts_with("RunPodSandbox for ")
}

/// Whether runc refused for a reason that is neither the image's nor the pod's, and has no finding of its own.
fn is_refused_by_node(error: &str) -> bool {
    const OF_POD: [&str; 4] = [
        // The command of the container: not there, not executable, for another CPU.
        "exec: \"",
        "chdir to cwd",
        "container init was OOM-killed",
        "Are you trying to mount a directory onto a file",
    ];
    // A root that the pod wants read-only; if it is the disk's, that is a finding of storage.
    const NAMED: [&str; 3] = [
        CGROUP_PATH,
        "resource temporarily unavailable",
        "read-only file system",
    ];
    error.contains(OCI_CREATE)
        && !is_without_runc(error)
        && !OF_POD
            .iter()
            .chain(&NAMED)
            .any(|words| error.contains(words))
}

/// What the pause image or the pod network waited for has findings of its own.
fn is_out_of_time(line: &Line<'_>) -> bool {
    let error = line.error();
    let is_reserved = error.contains("failed to reserve sandbox name")
        || error.contains("failed to reserve container name");
    let timed_out = line.message().starts_with("RunPodSandbox ")
        && error.ends_with("context deadline exceeded")
        && !error.contains("sandbox image")
        && !error.contains("setup network for sandbox");
    is_reserved || timed_out
}

fn is_without_shim(line: &Line<'_>) -> bool {
    let message = line.message();
    let error = line.error();
    let is_exit = message.contains("TaskExit")
        && (message.starts_with("failed to handle ") || message.starts_with("Failed to handle "));
    error.contains("ttrpc: closed")
        || message.starts_with("failed to shutdown shim")
        || is_exit
            && ["context deadline exceeded", "ttrpc: ", "shim"]
                .iter()
                .any(|words| error.contains(words))
}

/// The container that the line is about, as short as `crictl ps` shows it.
fn container_of(line: &Line<'_>) -> String {
    let long = line.value("id").unwrap_or_default();
    let is_id = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let named = || {
        let mut words = line
            .message()
            .split(|character: char| !character.is_ascii_alphanumeric());
        words.find(is_id).unwrap_or_default()
    };
    let id = if long.is_empty() { named() } else { &long };
    id.get(..13).unwrap_or(id).to_owned()
}
