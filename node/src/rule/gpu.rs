//! Rules of GPUs and other accelerators, by the kernel's log.

use std::time::Duration;

use super::{Clear, Detect, Harmless, KERNEL, Match, Rule, Signal, Threshold, kernel};
use crate::finding;

/// Unit of NVIDIA's fabric manager.
pub(super) const FABRIC_MANAGER: &str = "nvidia-fabricmanager.service";

pub(super) const RULES: &[Rule] = &[
    // NVIDIA's src/nvidia/arch/nvalloc/unix/src/osinit.c and kernel-open/nvidia/nv.c: the first is three lines in one
    // record, which a console takes apart.
    Rule {
        finding: &finding::GPU_FALLEN_OFF_BUS,
        detect: &[Detect::said(
            &[KERNEL],
            &[
                "NVRM: Xid (",
                "fallen off the bus",
                "NVRM: The NVIDIA probe routine failed for ",
            ],
            |line| is_gone(line.message()),
        )],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[kernel::REBOOT],
    },
    Rule {
        finding: &finding::GPU_XID_FATAL,
        detect: &[Detect::said(&[KERNEL], &["NVRM: Xid ("], |line| {
            xid_if(line.message(), |code| FATAL.contains(&code))
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[kernel::REBOOT],
    },
    Rule {
        finding: &finding::GPU_XID,
        detect: &[Detect::said(&[KERNEL], &["NVRM: Xid ("], |line| {
            xid_if(line.message(), |code| {
                code != OFF_THE_BUS && !FATAL.contains(&code)
            })
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[Clear::Silence(Duration::from_hours(1))],
    },
    // The Neuron runtime has its driver write them; described in the Neuron documentation's runtime troubleshooting.
    Rule {
        finding: &finding::GPU_NEURON_ERROR,
        detect: &[Detect::said(&[KERNEL], &["NEURON_HW_ERR="], |line| {
            neuron_error(line.message())
        })],
        threshold: Threshold::ONCE,
        harmless: None,
        clears: &[kernel::REBOOT],
    },
    // Images for all GPUs start it everywhere, and where there is no NVSwitch it says so and ends with an error. It says
    // the same where it does not find the switches it should: a probe that knows the instance tells that apart, later.
    Rule {
        finding: &finding::GPU_FABRIC_MANAGER,
        detect: &[
            Detect::managed(&[FABRIC_MANAGER], &["Failed to start "], |line| {
                Match::node_if(line.message().starts_with("Failed to start "))
            }),
            Detect::Probe,
        ],
        threshold: Threshold::ONCE,
        harmless: Some(Harmless::Within(
            Signal::NothingToSwitch,
            Duration::from_secs(10),
        )),
        clears: &[
            Clear::UnitActive(FABRIC_MANAGER, Duration::ZERO),
            Clear::ProbePassed(Duration::ZERO),
        ],
    },
];

/// The error after which a GPU is gone.
const OFF_THE_BUS: u32 = 79;
/// Errors after which a GPU must be reset or replaced.
const FATAL: &[u32] = &[
    46, 48, 54, 62, 63, 64, 74, 95, 109, 110, 119, 120, 136, 140, 142, 143, 151, 155, 156, 158,
];

/// What the fabric manager says where there is no `NVSwitch`.
pub(super) const NOTHING_TO_DO: &str = "[NV_WARN_NOTHING_TO_DO]";

fn is_gone(message: &str) -> Option<Match> {
    if !message.starts_with("NVRM: ") {
        return None;
    }
    if let Some((device, code)) = xid(message) {
        return (code == OFF_THE_BUS).then(|| hit(device));
    }
    let is_gone = message.contains("fallen off the bus")
        || message.starts_with("NVRM: The NVIDIA probe routine failed for ");
    let device = message
        .split_once("GPU ")
        .map_or("", |(_, rest)| address(rest));
    is_gone.then(|| hit(device))
}

fn xid_if(message: &str, is_it: fn(u32) -> bool) -> Option<Match> {
    let (device, code) = xid(message)?;
    is_it(code).then(|| hit(device))
}

/// Device and code of `NVRM: Xid (PCI:0000:3b:00): 79, …`; behind the address may stand the part of a GPU that is divided.
fn xid(message: &str) -> Option<(&str, u32)> {
    let (device, rest) = message.strip_prefix("NVRM: Xid (")?.split_once("): ")?;
    let end = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let code = rest.get(..end)?.parse().ok()?;
    Some((address(device.strip_prefix("PCI:").unwrap_or(device)), code))
}

/// The address of a device that begins the text, without the function, which some lines leave out.
fn address(text: &str) -> &str {
    let end = text
        .find(|character: char| !character.is_ascii_hexdigit() && character != ':')
        .unwrap_or(text.len());
    let address = text.get(..end).unwrap_or_default();
    if address.contains(':') { address } else { "" }
}

fn hit(device: &str) -> Match {
    Match::Hit {
        object: device.to_owned(),
    }
}

/// `NEURON_HW_ERR=SRAM_UNCORRECTABLE_ERROR instance-id=… nd-id=0 nc-id=0 …`
fn neuron_error(message: &str) -> Option<Match> {
    let (_, rest) = message.split_once("NEURON_HW_ERR=")?;
    let mut words = rest.split_ascii_whitespace();
    let is_hardware = matches!(
        words.next()?,
        "SRAM_UNCORRECTABLE_ERROR"
            | "NC_UNCORRECTABLE_ERROR"
            | "HBM_UNCORRECTABLE_ERROR"
            | "DMA_ERROR"
    );
    let device = words.find_map(|word| word.strip_prefix("nd-id="));
    is_hardware.then(|| Match::Hit {
        object: device.map_or_else(String::new, |number| format!("neuron{number}")),
    })
}
