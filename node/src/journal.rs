//! Entries of the journal: one line of `journalctl --output=json`.
//!
//! A field is text; an array of byte values where it is not printable UTF-8; null where it is too long; an array of those
//! where an entry has it more than once. <https://systemd.io/JOURNAL_EXPORT_FORMATS/#journal-json-format>

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};

use crate::redact;
use crate::rule::{KERNEL, MANAGER, Record};

/// Unit of journald.
const JOURNALD: &str = "systemd-journald.service";

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The unit that the entry is about, or [`KERNEL`].
    pub unit: String,
    /// Who wrote it.
    pub identifier: String,
    /// The line. Bytes that are not UTF-8 are replaced.
    pub message: String,
    /// When journald received it.
    pub at: Timestamp,
    /// Its place in the journal, for `journalctl --after-cursor`.
    pub cursor: String,
}

impl Entry {
    /// The entry as rules read it.
    pub fn record(&self) -> Record<'_> {
        Record {
            unit: &self.unit,
            identifier: &self.identifier,
            message: &self.message,
            at: self.at,
        }
    }

    /// The entry as one line, in the form of `journalctl --output=short-iso-precise` that `nodeagent scan` reads as well.
    /// Secrets are masked, and what would move a terminal's cursor is spelt out.
    pub fn line(&self, host: &str) -> String {
        let writer = if self.identifier.is_empty() {
            &self.unit
        } else {
            &self.identifier
        };
        let message = redact::text(&self.message);
        let mut line = format!("{:.6} {host} ", self.at);
        for character in writer.chars().chain(": ".chars()).chain(message.chars()) {
            if character.is_control() && character != '\t' {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        line
    }
}

/// Why a line is not an entry.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not the JSON that journalctl writes.
    #[error("reading a journal entry of {bytes} bytes")]
    Json {
        /// Length of the line; its content may hold anything, so it is not shown.
        bytes: usize,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Its time is not a number of microseconds.
    #[error("the time `{time}` of a journal entry is not a number of microseconds")]
    Time {
        /// The text.
        time: String,
    },
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "__CURSOR")]
    cursor: Text,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    microseconds: Text,
    #[serde(rename = "MESSAGE", default)]
    message: Text,
    #[serde(rename = "UNIT", default)]
    about: Text,
    #[serde(rename = "_SYSTEMD_UNIT", default)]
    writer: Text,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Text,
    #[serde(rename = "_TRANSPORT", default)]
    transport: Text,
}

/// The entry that a line holds.
///
/// # Errors
/// When it is not one.
pub fn entry(line: &[u8]) -> Result<Entry, Error> {
    let fields: Fields = serde_json::from_slice(line).map_err(|source| Error::Json {
        bytes: line.len(),
        source,
    })?;
    let time = fields.microseconds.0;
    let at = time
        .parse()
        .ok()
        .and_then(|microseconds| Timestamp::from_microsecond(microseconds).ok());
    // The service manager writes from `init.scope` and names the unit that it speaks of.
    let is_about = fields.identifier.0 == MANAGER && !fields.about.0.is_empty();
    Ok(Entry {
        unit: if is_about {
            fields.about.0
        } else if fields.transport.0 == KERNEL {
            KERNEL.to_owned()
        } else {
            fields.writer.0
        },
        identifier: fields.identifier.0,
        message: fields.message.0,
        at: at.ok_or(Error::Time { time })?,
        cursor: fields.cursor.0,
    })
}

/// Whose lines journald did not take because there were too many, and how many, where an entry says so.
pub fn suppressed(entry: &Entry) -> Option<(&str, u64)> {
    if entry.unit != JOURNALD {
        return None;
    }
    let rest = entry.message.strip_prefix("Suppressed ")?;
    let (count, unit) = rest.split_once(" messages from ")?;
    // It may be named by its control group.
    let unit = unit.rsplit('/').next().unwrap_or(unit);
    Some((unit, count.parse().ok()?))
}

/// A field in any of its forms, as text.
#[derive(Debug, Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form)
    }
}

struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = Text;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("text, byte values, null, or an array of those")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text(text))
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Text, A::Error> {
        let (mut bytes, mut first) = (Vec::new(), None);
        while let Some(element) = elements.next_element::<Element>()? {
            match element {
                Element::Byte(byte) => bytes.push(byte),
                // Of a field that an entry has more than once, the first is the writer's own.
                Element::Value(text) => first = first.or(Some(text)),
            }
        }
        Ok(first.unwrap_or_else(|| Text(String::from_utf8_lossy(&bytes).into_owned())))
    }
}

/// Element of an array: a byte, or a value of a repeated field.
enum Element {
    Byte(u8),
    Value(Text),
}

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Element;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a byte value, text, null, or byte values")
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Element, E> {
                u8::try_from(value)
                    .map(Element::Byte)
                    .map_err(|_| E::custom("a byte value above 255"))
            }

            fn visit_str<E>(self, text: &str) -> Result<Element, E> {
                Ok(Element::Value(Text(text.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<Element, E> {
                Ok(Element::Value(Text::default()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<Element, A::Error> {
                Form.visit_seq(elements).map(Element::Value)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(field: &str) -> String {
        let line = format!(
            r#"{{"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1767323045000000","MESSAGE":{field},"_SYSTEMD_UNIT":"kubelet.service"}}"#
        );
        entry(line.as_bytes()).unwrap().message
    }

    #[test]
    fn a_message_is_read_in_each_of_its_forms() {
        assert_eq!(message(r#""text \u00e9""#), "text é");
        assert_eq!(message("[104,105,27,255]"), "hi\u{1b}\u{fffd}");
        assert_eq!(message("null"), "");
        assert_eq!(message(r#"["first","second"]"#), "first");
        assert_eq!(message(r#"[[104,105],"second"]"#), "hi");
        assert_eq!(message("[]"), "");
    }

    #[test]
    fn a_line_of_the_service_manager_is_about_the_unit_that_it_names() {
        let line = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":"m","UNIT":"kubelet.service","_SYSTEMD_UNIT":"init.scope","SYSLOG_IDENTIFIER":"systemd"}"#;
        let read = entry(line.as_bytes()).unwrap();
        assert_eq!(
            (
                read.unit.as_str(),
                read.identifier.as_str(),
                read.cursor.as_str()
            ),
            ("kubelet.service", "systemd", "c")
        );
    }

    #[test]
    fn an_entry_is_one_line_without_secrets_that_scan_reads() {
        let mut entry = Entry {
            unit: "kubelet.service".into(),
            identifier: "kubelet".into(),
            message: "E0102 1 a.go:1] \"first\"\n\u{1b}[2J\tproxy http://me:pw@10.0.0.1".into(),
            at: "2026-01-02T03:04:05.25Z".parse().unwrap(),
            cursor: String::new(),
        };
        let line = entry.line("ip-10-0-0-1");
        assert_eq!(
            line,
            "2026-01-02T03:04:05.250000Z ip-10-0-0-1 kubelet: E0102 1 a.go:1] \"first\"\\n\\u{1b}[2J\tproxy http://[redacted]@10.0.0.1"
        );
        let mut reader = crate::log_line::Reader::new(entry.at);
        let read = reader.read(&line, None).unwrap();
        assert_eq!((read.unit.as_ref(), read.at), ("kubelet.service", entry.at));
        entry.identifier.clear();
        assert!(entry.line("a").contains(" a kubelet.service: "));
    }

    #[test]
    fn only_journald_says_what_it_suppressed() {
        let says = |unit: &str, message: &str| {
            let entry = Entry {
                unit: unit.into(),
                identifier: "systemd-journald".into(),
                message: message.into(),
                at: Timestamp::UNIX_EPOCH,
                cursor: String::new(),
            };
            suppressed(&entry).map(|(unit, lines)| (unit.to_owned(), lines))
        };
        let kubelet = Some(("kubelet.service".to_owned(), 4711));
        for text in [
            "Suppressed 4711 messages from kubelet.service",
            "Suppressed 4711 messages from /system.slice/kubelet.service",
        ] {
            assert_eq!(says(JOURNALD, text), kubelet);
            assert_eq!(says("kubelet.service", text), None);
        }
        assert_eq!(says(JOURNALD, "Suppressed x messages from a"), None);
        assert_eq!(says(JOURNALD, "Journal started"), None);
    }

    #[test]
    fn a_process_cannot_speak_for_another_unit() {
        let line = r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":"m","UNIT":"kubelet.service","_SYSTEMD_UNIT":"evil.service","SYSLOG_IDENTIFIER":"evil"}"#;
        assert_eq!(entry(line.as_bytes()).unwrap().unit, "evil.service");
    }

    #[test]
    fn what_is_no_entry_is_an_error_that_does_not_show_it() {
        for line in [
            "",
            "{",
            "[]",
            "-- No entries --",
            r#"{"__CURSOR":"c"}"#,
            r#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"x"}"#,
        ] {
            assert!(entry(line.as_bytes()).is_err(), "{line}");
        }
        assert!(entry(br#"{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","MESSAGE":[300]}"#).is_err());
    }
}
