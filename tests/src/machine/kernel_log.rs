//! The log of a machine's kernel. All machines have this host's kernel, whose log is not theirs: a file stands at
//! `/dev/kmsg`, which every reader of the machine reads from its own place on, as they do the kernel's.

use std::{io::Write as _, path::PathBuf};

use crate::{
    cloud::record::MachineRecord,
    file::{self, FileError},
    lifecycle::Lab,
};

/// Severity of an error, written by the kernel.
const PRIORITY: u8 = 3;

/// The file of the machine's log.
pub(super) fn path(lab: &Lab, record: &MachineRecord) -> PathBuf {
    lab.layout.machine(&record.name).join("kmsg")
}

impl Lab {
    /// Has the machine's kernel say this, as the next record of its log.
    pub fn kernel_says(&self, record: &MachineRecord, message: &str) -> Result<(), FileError> {
        self.kernel_says_after(record, 0, message)
    }

    /// The same after so many records that were overwritten before anybody could read them.
    pub fn kernel_says_after(
        &self,
        record: &MachineRecord,
        lost: u64,
        message: &str,
    ) -> Result<(), FileError> {
        let path = path(self, record);
        let next = next_number(&file::read(&path)?) + lost;
        let line = format!(
            "{PRIORITY},{next},{},-;{}\n",
            microseconds()?,
            escaped(message)
        );
        let written = file::append(&path)?.write_all(line.as_bytes());
        written.map_err(|error| FileError::new("writing", path, error))
    }
}

/// The number after that of the last record.
fn next_number(log: &str) -> u64 {
    let last = log.lines().rev().find_map(|line| {
        let number = line.split(';').next()?.split(',').nth(1)?;
        number.parse::<u64>().ok()
    });
    last.map_or(0, |last| last + 1)
}

/// Time since the start of the kernel.
fn microseconds() -> Result<u64, FileError> {
    let uptime = file::read("/proc/uptime".as_ref())?;
    let (seconds, rest) = uptime.split_once('.').unwrap_or((&uptime, "0"));
    let hundredths = rest.split(' ').next().unwrap_or_default();
    let number = |text: &str| text.trim().parse::<u64>().unwrap_or_default();
    Ok(number(seconds) * 1_000_000 + number(hundredths) * 10_000)
}

/// A record is one line.
fn escaped(message: &str) -> String {
    message.replace('\\', "\\x5c").replace('\n', "\\x0a")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_numbered() {
        assert_eq!(next_number(""), 0);
        assert_eq!(next_number("3,7,1,-;x\n SUBSYSTEM=block\n"), 8);
        assert!(microseconds().unwrap() > 0);
        assert_eq!(escaped("a\nb"), "a\\x0ab");
    }
}
