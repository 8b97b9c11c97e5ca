//! What `journalctl` is asked for.

use std::ffi::OsString;
use std::path::PathBuf;

use node::rule::KERNEL;

use super::Start;

/// What journald says when a unit wrote more than it takes, `SD_MESSAGE_JOURNAL_DROPPED` of sd-messages.h.
pub(super) const SUPPRESSED: &str = "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e";
/// What systemd says of a unit of any name in which the kernel killed a process for memory, `SD_MESSAGE_UNIT_OUT_OF_MEMORY`
/// of sd-messages.h.
pub(super) const OUT_OF_MEMORY: &str = "MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef";

/// What every child is asked for: entries with what rules read of them.
pub(super) const OUTPUT: [&str; 5] = [
    "--system",
    "--quiet",
    "--output=json",
    "--output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,_TRANSPORT",
    "--all",
];

/// Of the child that follows the journal: from where on, of these files or of all, for these units.
pub(super) fn arguments(
    start: &Start,
    files: &[PathBuf],
    units: &[String],
    is_beside_kmsg: bool,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = OUTPUT.map(OsString::from).into();
    arguments.extend(["--follow", "--no-tail"].map(OsString::from));
    // What is written now is of this boot, which is costly to find in single files.
    arguments.extend(files.is_empty().then(|| "--boot".into()));
    for file in files {
        let mut argument = OsString::from("--file=");
        argument.push(file);
        arguments.push(argument);
    }
    if let Start::After(cursor) = start {
        // With the entry itself: where it is gone, journalctl says nothing and begins with another.
        arguments.push(format!("--cursor={cursor}").into());
    }
    arguments.extend(matches(units));
    if is_beside_kmsg {
        arguments.extend(["+", OUT_OF_MEMORY].map(OsString::from));
    }
    if !units.is_empty() {
        arguments.extend(["+", SUPPRESSED].map(OsString::from));
    }
    arguments
}

/// What selects the entries of these units. Not `--unit`, which cannot be joined with the kernel's lines: what they write,
/// or what the manager says of them.
pub(super) fn matches(units: &[String]) -> Vec<OsString> {
    let is_unit = |name: &&String| *name != KERNEL;
    let names: Vec<&String> = units.iter().filter(is_unit).collect();
    let mut matches: Vec<OsString> = names
        .iter()
        .map(|unit| format!("_SYSTEMD_UNIT={unit}").into())
        .collect();
    if !names.is_empty() {
        matches.extend(["+", "_PID=1"].map(OsString::from));
        matches.extend(names.iter().map(|unit| format!("UNIT={unit}").into()));
    }
    if names.len() < units.len() {
        matches.extend((!names.is_empty()).then(|| "+".into()));
        let kernel = format!("_TRANSPORT={KERNEL}");
        matches.extend([kernel.as_str(), "+", OUT_OF_MEMORY].map(OsString::from));
    }
    matches
}
