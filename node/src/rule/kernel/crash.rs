//! The kernel itself: panics, faults of its code, CPUs and processes that are stuck in it.

use super::{HALF_AN_HOUR, REBOOT};
use crate::finding;
use crate::rule::{Detect, KERNEL, Match, Rule, Threshold};

/// `kernel/panic.c`. The log of this boot hardly ever holds it: a probe finds it in the boot before, or in pstore.
pub(super) const PANIC: Rule = Rule {
    finding: &finding::KERNEL_PANIC,
    detect: &[
        Detect::said(&[KERNEL], &["Kernel panic - not syncing"], |line| {
            Match::node_if(line.message().starts_with("Kernel panic - not syncing"))
        }),
        Detect::Probe,
    ],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[REBOOT],
};

pub(super) const OOPS: Rule = Rule {
    finding: &finding::KERNEL_OOPS,
    detect: &[Detect::said(&[KERNEL], OOPS_LITERALS, |line| {
        Match::node_if(is_oops(line.message()))
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[REBOOT],
};

/// `kernel/watchdog.c` and `kernel/rcu/tree_stall.h`; the heads came with 4.15 and 5.0.
pub(super) const SOFT_LOCKUP: Rule = Rule {
    finding: &finding::KERNEL_SOFT_LOCKUP,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "BUG: soft lockup - CPU#",
            "detected hard LOCKUP on cpu",
            "self-detected stall on CPU",
            "stalls on CPUs/tasks",
        ],
        |line| Match::node_if(is_stuck_cpu(line.message())),
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: HALF_AN_HOUR,
};

/// `kernel/hung_task.c`; since 6.19 it may say what the process is blocked in.
pub(super) const HUNG_TASK: Rule = Rule {
    finding: &finding::KERNEL_HUNG_TASK,
    detect: &[Detect::said(&[KERNEL], &["INFO: task "], |line| {
        let message = line.message();
        Match::node_if(
            message.starts_with("INFO: task ")
                && message
                    .split_once(" blocked ")
                    .is_some_and(|(_, rest)| rest.contains("for more than ")),
        )
    })],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: HALF_AN_HOUR,
};

/// `arch/x86/mm/fault.c`, `arch/arm64/mm/fault.c`, `lib/bug.c`.
const FAULTS: &[&str] = &[
    "BUG: unable to handle ",
    "BUG: kernel NULL pointer dereference",
    "Unable to handle kernel ",
    "kernel BUG at ",
    "general protection fault",
];

/// `die()` of `arch/x86/kernel/dumpstack.c` (behind `Oops: ` since 6.9) and of `arch/arm64/kernel/traps.c`: each with the
/// number of the fault in this boot, `[#1]`.
const NUMBERED: &[&str] = &[
    "Oops: ",
    "divide error: ",
    "invalid opcode: ",
    "stack segment: ",
    "double fault: ",
    "Internal error: ",
];

const OOPS_LITERALS: &[&str] = &[
    "BUG: unable to handle ",
    "BUG: kernel NULL pointer dereference",
    "Unable to handle kernel ",
    "kernel BUG at ",
    "general protection fault",
    "Oops: 0",
    "divide error: ",
    "invalid opcode: ",
    "stack segment: ",
    "double fault: ",
    "Internal error: ",
];

/// A program that faults is told as `traps: name[12] …` or `name[12]: segfault …`, a CPU that is stuck as
/// `watchdog: BUG: …`, and a warning as `WARNING: …`.
fn is_oops(message: &str) -> bool {
    let begins = |words: &&str| message.starts_with(*words);
    FAULTS.iter().any(begins) || NUMBERED.iter().any(begins) && message.contains("[#")
}

fn is_stuck_cpu(message: &str) -> bool {
    let body = ["NMI watchdog: ", "watchdog: ", "rcu: "]
        .iter()
        .find_map(|head| message.strip_prefix(head))
        .unwrap_or(message);
    body.starts_with("BUG: soft lockup - CPU#")
        || body.starts_with("Watchdog detected hard LOCKUP on cpu")
        || body.starts_with("INFO: rcu_")
            && (body.contains("self-detected stall on CPU")
                || body.contains("stalls on CPUs/tasks"))
}
