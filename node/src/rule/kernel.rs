//! Rules of the kernel's log and its limits.
//!
//! A process may have any name, and its name stands in many lines of the kernel: so these ask how a line begins, and for
//! words only behind what the kernel itself put there. `BUG:` and the like stand at the start of a line.

mod crash;
mod hardware;
mod memory;
mod process;

use std::time::Duration;

use super::{Clear, Detect, Rule, Signal, Threshold};
use crate::finding;

/// What only a reboot takes back: no boot of a node lasts longer, and each begins with nothing.
pub(super) const REBOOT: Clear = Clear::Silence(Duration::from_hours(24 * 365));
/// An event leaves no state to recover from: it is shown for long enough to be seen.
const MOMENT: &[Clear] = &[Clear::Silence(Duration::from_mins(1))];
const HALF_AN_HOUR: &[Clear] = &[Clear::Silence(Duration::from_mins(30))];

pub(super) const RULES: &[Rule] = &[
    crash::PANIC,
    crash::OOPS,
    crash::SOFT_LOCKUP,
    crash::HUNG_TASK,
    hardware::HARDWARE_ERROR,
    hardware::MEMORY_CORRECTED,
    memory::OOM_SYSTEM_DAEMON,
    memory::OOM_NODE,
    memory::OOM_CONTAINER,
    process::CGROUP_PIDS_LIMIT,
    process::APP_CRASH,
    // The probe knows the limits and how long zombies have been there; below 60 % it passes.
    Rule {
        finding: &finding::KERNEL_LIMITS_NEAR,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::from_mins(5))],
    },
    // The averages are the kernel's, over a minute; below half of the threshold the probe passes.
    Rule {
        finding: &finding::KERNEL_PRESSURE,
        detect: &[Detect::Probe],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::ProbePassed(Duration::from_mins(5))],
    },
];

/// What a line of the kernel says that other lines are judged by.
pub(super) fn signal(message: &str) -> Option<Signal> {
    memory::victim_signal(message)
        .or_else(|| hardware::is_corrected(message).then_some(Signal::HardwareCorrected))
}

/// Unit of a daemon of the node, by the name that the kernel knows it by: 15 bytes of its program.
fn daemon_of(command: &str) -> Option<&'static str> {
    [
        ("kubelet", "kubelet.service"),
        ("containerd", "containerd.service"),
        ("containerd-shim", "containerd.service"),
        ("chronyd", "chronyd.service"),
        ("amazon-ssm-agen", "amazon-ssm-agent.service"),
        ("ssm-agent-worke", "amazon-ssm-agent.service"),
        ("systemd", "init.scope"),
        ("systemd-journal", "systemd-journald.service"),
        ("systemd-udevd", "systemd-udevd.service"),
        ("systemd-network", "systemd-networkd.service"),
        ("systemd-resolve", "systemd-resolved.service"),
        ("systemd-logind", "systemd-logind.service"),
    ]
    .into_iter()
    .find_map(|(name, unit)| (name == command).then_some(unit))
}
