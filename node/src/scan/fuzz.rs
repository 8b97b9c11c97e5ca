//! Mutated logs through every reader of lines and every rule: nothing may panic or take long, and what is said of them stays
//! bounded.

use std::fs;
use std::path::PathBuf;

use super::Scan;
use crate::journal;
use crate::mutation::Mutator;

/// The most lines of evidence of one finding.
const EVIDENCE: usize = 3;
/// The most bytes of a line of evidence.
const EVIDENCE_BYTES: usize = 700;

/// Pieces that mean something to one of the readers.
const PIECES: [&str; 34] = [
    "\n",
    "\r\n",
    " ",
    "\t",
    "\"",
    "\\",
    "\\\"",
    "\\n",
    "\\x2d",
    "=",
    ":",
    ": ",
    "[",
    "]",
    "[1]: ",
    "{",
    "}",
    ",",
    "err=\"",
    "level=error msg=\"",
    "time=\"2026-01-02T03:04:05.123456789Z\" ",
    "Jan  2 03:04:05 host kubelet[1]: ",
    "2026-01-02T03:04:05+0000 host kernel: ",
    "E0102 03:04:05.000000       1 a.go:1] ",
    "I1399 99:99:99.999999 1 a.go:1] ",
    "6,1234,5678,-;",
    "<6>[    5.678901] ",
    "[    5.678901] ",
    " SUBSYSTEM=block\n DEVICE=b259:0\n",
    "{\"level\":\"error\",\"ts\":\"2026-01-02T03:04:05.678Z\",\"msg\":\"",
    "{\"MESSAGE\":[104,105],\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"1\",\"_SYSTEMD_UNIT\":\"kubelet.service\"}",
    "panic: runtime error: \n\ngoroutine 1 [running]:\n",
    "\u{e9}\u{301}",
    "\u{0}",
];

/// The words of every case, each line in a form of its own.
fn seeds() -> Vec<Vec<u8>> {
    let cases = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/rule/cases");
    let files = fs::read_dir(cases).unwrap();
    let mut seeds: Vec<Vec<u8>> = files
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .map(|case| {
            let lines = case.lines().filter_map(|line| line.strip_prefix('+'));
            let lines = lines.filter_map(|line| line.split_once(' '));
            let lines = lines.filter_map(|(_, line)| line.split_once(' '));
            lines
                .enumerate()
                .map(|(index, (unit, words))| framed(index, unit, words))
                .collect::<String>()
        })
        .map(String::into_bytes)
        .filter(|seed| !seed.is_empty())
        .collect();
    seeds.sort();
    seeds
}

fn framed(index: usize, unit: &str, words: &str) -> String {
    match index % 5 {
        0 => format!("Jan  2 03:04:05 host {unit}[1]: {words}\n"),
        1 => format!("{words}\n"),
        2 => format!("2026-01-02T03:04:05+0000 host {unit}[1]: {words}\n"),
        3 => format!(
            "{{\"MESSAGE\":{words:?},\"_SYSTEMD_UNIT\":\"{unit}.service\",\"__CURSOR\":\"c\",\"__REALTIME_TIMESTAMP\":\"1767323045000000\"}}\n"
        ),
        _ => format!("3,{index},5678901,-;{words}\n"),
    }
}

fn look_at(log: &[u8]) {
    let now = "2026-01-02T12:00:00Z".parse().unwrap();
    for unit in [None, Some("kubelet.service"), Some("kernel"), Some("ipamd")] {
        let mut scan = Scan::new(now);
        scan.block(log, unit);
        let raised = scan.finish();
        for finding in raised.open.iter().chain(&raised.cleared) {
            assert!(finding.evidence.len() <= EVIDENCE, "{finding:?}");
            let longest = finding.evidence.iter().map(String::len).max();
            assert!(longest.unwrap_or_default() <= EVIDENCE_BYTES, "{finding:?}");
        }
    }
    for line in log.split(|byte| *byte == b'\n') {
        drop(journal::entry(line));
    }
}

#[test]
fn mutated_logs_are_read_whatever_they_hold() {
    Mutator::new(seeds(), &PIECES).try_all(Mutator::input, look_at);
}
