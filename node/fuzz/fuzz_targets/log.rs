//! Any bytes as a log, through every reader of lines and all rules: no panic, no endless work.
//!
//! `docs/guide/scan-a-log.md` has the command with seeds and limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use node::journal;
use node::scan::Scan;

fuzz_target!(|bytes: &[u8]| {
    let now = "2026-01-02T12:00:00Z".parse().expect("a time");
    for unit in [None, Some("kubelet.service"), Some("kernel"), Some("ipamd")] {
        let mut scan = Scan::new(now);
        scan.block(bytes, unit);
        scan.finish();
    }
    for line in bytes.split(|byte| *byte == b'\n') {
        drop(journal::entry(line));
    }
});
