//! What the hardware says of itself: machine checks, error records of the firmware, memory controllers.
//!
//! `arch/x86/kernel/cpu/mce/core.c`, `drivers/firmware/efi/cper.c` and `drivers/acpi/apei/ghes.c`, `drivers/edac/edac_mc.c`,
//! `drivers/edac/mce_amd.c`.

use std::time::Duration;

use super::REBOOT;
use crate::finding;
use crate::rule::{Clear, Detect, Harmless, KERNEL, Match, Rule, Signal, Threshold};

/// What is said of every event, corrected or not. Guests of EC2 are only told of those that are not; on metal another
/// driver says which it was, a moment before or after, and then this is none or takes itself back. Errors that say what
/// they are do not: where memory fails, corrected ones come between them.
const MACHINE_CHECK: &str = "machine check";

pub(super) const HARDWARE_ERROR: Rule = Rule {
    finding: &finding::KERNEL_HARDWARE_ERROR,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "event severity: fatal",
            "Machine check events logged",
            "Machine Check Exception: ",
            "Uncorrected error",
            "Uncorrected, software ",
            "Uncorrected hardware memory error",
            " UE memory ",
        ],
        |line| {
            let message = line.message();
            let is_vague =
                record(message).is_some_and(|text| text.starts_with("Machine check events logged"));
            (is_vague || is_fatal(message)).then(|| Match::Hit {
                object: if is_vague { MACHINE_CHECK } else { "" }.to_owned(),
            })
        },
    )],
    threshold: Threshold::ONCE,
    harmless: Some(Harmless::ObjectWithin(
        MACHINE_CHECK,
        Signal::HardwareCorrected,
        Duration::from_secs(1),
    )),
    clears: &[
        Clear::ObjectOn(MACHINE_CHECK, Signal::HardwareCorrected),
        REBOOT,
    ],
};

pub(super) const MEMORY_CORRECTED: Rule = Rule {
    finding: &finding::KERNEL_MEMORY_CORRECTED,
    detect: &[Detect::said(
        &[KERNEL],
        &[
            "event severity: corrected",
            "event severity: recoverable",
            "Corrected error, no action required",
            " CE memory ",
        ],
        |line| Match::node_if(is_corrected(line.message())),
    )],
    threshold: Threshold::ONCE,
    harmless: None,
    clears: &[Clear::Silence(Duration::from_hours(24))],
};

pub(super) fn is_corrected(message: &str) -> bool {
    record(message).is_some_and(|text| {
        text == "event severity: corrected"
            || text == "event severity: recoverable"
            || text.starts_with("Corrected error, no action required")
    }) || memory_controller(message).is_some_and(|text| text.starts_with("CE memory "))
}

fn is_fatal(message: &str) -> bool {
    record(message).is_some_and(|text| {
        text == "event severity: fatal"
            || text.contains("Machine Check Exception: ")
            || text.starts_with("Uncorrected error")
            || text.starts_with("Uncorrected, software ")
    }) || [
        "mce: Uncorrected hardware memory error",
        "mce: Uncorrected error",
    ]
    .iter()
    .any(|words| message.starts_with(words))
        || memory_controller(message).is_some_and(|text| text.starts_with("UE memory "))
}

/// Text of an error record: `{1}[Hardware Error]: text`, `mce: [Hardware Error]: text`. The number is that of a record of
/// several lines.
fn record(message: &str) -> Option<&str> {
    let (head, text) = message.split_once("[Hardware Error]: ")?;
    (head.is_empty() || head == "mce: " || head.starts_with('{')).then(|| text.trim())
}

/// What a memory controller counted: `EDAC MC0: 1 CE memory read error on …`.
fn memory_controller(message: &str) -> Option<&str> {
    let (_, text) = message.strip_prefix("EDAC MC")?.split_once(": ")?;
    let (count, text) = text.split_once(' ')?;
    count.parse::<u64>().is_ok().then_some(text)
}
