//! Records of the kernel's log, as `/dev/kmsg` gives them: `PRIORITY,SEQUENCE,MICROSECONDS,FLAGS[,…];text`, after which
//! lines that begin with a space say more of the device.
//!
//! <https://www.kernel.org/doc/Documentation/ABI/testing/dev-kmsg>

use std::borrow::Cow;
use std::time::Duration;

/// Bits of the priority that are the severity; what is above them is the facility.
const SEVERITY_BITS: u32 = 3;

/// The first line of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Who wrote it, as syslog numbers them: 0 is the kernel, everything else a process that wrote into the kernel's log.
    pub facility: u32,
    /// Its number. The kernel counts every record, so one that is missing was overwritten.
    pub sequence: u64,
    /// Time since the start of the kernel.
    pub since_start: Duration,
    /// The text as the kernel gives it, with bytes that do not print as `\xNN`.
    pub text: &'a str,
}

impl<'a> Record<'a> {
    /// The record that a line begins; none where it is no such line, as those that say more of a device.
    pub fn parse(line: &'a str) -> Option<Self> {
        let (head, text) = line.split_once(';')?;
        let mut fields = head.split(',');
        let mut number = || fields.next()?.parse::<u64>().ok();
        let priority = u32::try_from(number()?).ok()?;
        Some(Self {
            facility: priority >> SEVERITY_BITS,
            sequence: number()?,
            since_start: Duration::from_micros(number()?),
            text,
        })
    }

    /// Whether the kernel itself wrote it, and not a process.
    pub fn is_kernels(&self) -> bool {
        self.facility == 0
    }

    /// The text with its escaped bytes restored. What then is no UTF-8 is replaced.
    pub fn message(&self) -> Cow<'a, str> {
        if !self.text.contains("\\x") {
            return Cow::Borrowed(self.text);
        }
        let mut bytes = Vec::with_capacity(self.text.len());
        let mut rest = self.text;
        while let Some((before, after)) = rest.split_once("\\x") {
            bytes.extend_from_slice(before.as_bytes());
            let digits = after.get(..2);
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            if let Some(byte) = byte {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            } else {
                bytes.extend_from_slice(b"\\x");
                rest = after;
            }
        }
        bytes.extend_from_slice(rest.as_bytes());
        Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_a_number_a_clock_and_a_writer() {
        let record =
            Record::parse("3,339,5140900,-;I/O error, dev sda, sector 8 op 0x0:(READ); 2 more")
                .unwrap();
        assert_eq!(
            (record.facility, record.sequence, record.is_kernels()),
            (0, 339, true)
        );
        assert_eq!(record.since_start, Duration::from_micros(5_140_900));
        assert_eq!(
            record.text,
            "I/O error, dev sda, sector 8 op 0x0:(READ); 2 more"
        );
        // Fields that are added later stand before the semicolon. 30 is a message of a daemon.
        let other = Record::parse("30,12,7,c,caller=T1;systemd[1]: hello").unwrap();
        assert_eq!((other.facility, other.is_kernels()), (3, false));
    }

    #[test]
    fn what_is_no_record_is_none() {
        for line in [
            "",
            " SUBSYSTEM=block",
            " DEVICE=b8:0;",
            "3,1;text",
            "a,1,2,-;text",
            "4294967296,1,2,-;text",
            "3,1,2,-",
            "-3,1,2,-;text",
        ] {
            assert_eq!(Record::parse(line), None, "{line}");
        }
    }

    #[test]
    fn escaped_bytes_are_restored() {
        let message = |text: &str| {
            let line = format!("3,1,2,-;{text}");
            Record::parse(&line).unwrap().message().into_owned()
        };
        assert_eq!(
            message(r"two\x0alines, a \x5c and \xc3\xa9"),
            "two\nlines, a \\ and é"
        );
        assert_eq!(message(r"\xff"), "\u{fffd}");
        for text in [r"\x", r"\xg1", r"\x1", "plain", r"a\xé"] {
            assert_eq!(message(text), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_survived(line in "\\PC*") {
            let text = format!("3,1,2,-;{line}");
            if let Some(record) = Record::parse(&text) {
                record.message();
            }
            Record::parse(&line);
        }
    }
}
