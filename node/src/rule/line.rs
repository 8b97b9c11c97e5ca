//! One log line, taken apart: the head that its writer puts before the message, the message, and its pairs.
//!
//! The kubelet writes klog, containerd logfmt, systemd and most others plain text. What is written as a pair is read as a
//! pair: a rule asks for the message and the error of a line, never for a word somewhere in it.

use std::borrow::Cow;

use super::pairs::{Pairs, unquote};

/// A line whose form is known.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    message: Cow<'a, str>,
    /// The text that holds the pairs, behind the message.
    pairs: &'a str,
    /// The line is a part of a value of several lines, which journald hands over one by one.
    continued: bool,
}

impl<'a> Line<'a> {
    /// Takes a line apart. Every text is a line: what has no known form is all message.
    pub fn parse(text: &'a str) -> Self {
        let (body, structured) = match klog_body(text) {
            Some(body) => (body, true),
            None if text.starts_with("time=") || text.starts_with("level=") => {
                return Self::logfmt(text);
            }
            None => (text, false),
        };
        if structured
            && body.starts_with('"')
            && let Some((message, pairs)) = unquote(body)
            && (pairs.is_empty() || pairs.starts_with(' '))
        {
            return Self {
                message,
                pairs,
                continued: false,
            };
        }
        let continued = !structured && body.starts_with('\t');
        Self {
            message: Cow::Borrowed(body.trim()),
            pairs: "",
            continued,
        }
    }

    fn logfmt(text: &'a str) -> Self {
        let message = Pairs::new(text)
            .find(|(key, _)| *key == "msg")
            .map_or(Cow::Borrowed(""), |(_, value)| value);
        Self {
            message,
            pairs: text,
            continued: false,
        }
    }

    /// The message, without head and pairs.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Value of a pair.
    pub fn value(&self, key: &str) -> Option<Cow<'a, str>> {
        Pairs::new(self.pairs)
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value)
    }

    /// Whether there is a pair of one of these names.
    pub fn has_any(&self, keys: &[&str]) -> bool {
        Pairs::new(self.pairs).any(|(name, _)| keys.contains(&name))
    }

    /// The error that the line reports: the pair `err` (klog) or `error` (logfmt); for a line without pairs, and for a
    /// line of a longer value, its whole text.
    pub fn error(&self) -> Cow<'_, str> {
        if self.pairs.is_empty() || self.continued {
            return Cow::Borrowed(&self.message);
        }
        self.value("err")
            .or_else(|| self.value("error"))
            .unwrap_or_default()
    }

    /// Whether the line speaks of a pod, a container or an image: then an error in it is theirs, not the node's.
    pub fn is_about_workload(&self) -> bool {
        self.has_any(&[
            "pod",
            "pods",
            "podUID",
            "podName",
            "containerName",
            "containerID",
            "image",
            "output",
            "probeType",
        ])
    }
}

/// What follows klog's head, `E1120 03:04:05.123456    1234 file.go:123] `.
pub(super) fn klog_body(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let [severity, month_day @ ..] = bytes.get(..5)? else {
        return None;
    };
    if !matches!(severity, b'I' | b'W' | b'E' | b'F')
        || !month_day.iter().all(u8::is_ascii_digit)
        || bytes.get(5) != Some(&b' ')
    {
        return None;
    }
    // The head holds time, thread id and `file:line`: far less than this, whatever the length of the line.
    let end = bytes.iter().take(160).position(|byte| *byte == b']')?;
    text.get(end + 1..)?.strip_prefix(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_structured_klog_line_has_message_error_and_pairs() {
        let line = Line::parse(
            r#"E1120 03:04:05.123456    1234 kubelet_node_status.go:107] "Unable to register node with API server" err="Post \"https://a/api/v1/nodes\": EOF" node="ip-10-0-0-1""#,
        );
        assert_eq!(line.message(), "Unable to register node with API server");
        assert_eq!(line.error(), r#"Post "https://a/api/v1/nodes": EOF"#);
        assert_eq!(line.value("node").as_deref(), Some("ip-10-0-0-1"));
        assert!(!line.is_about_workload());
    }

    #[test]
    fn an_unstructured_klog_line_is_all_message_and_its_text_is_the_error() {
        let line = Line::parse(
            "I1120 03:04:05.1 1 csi_plugin.go:988] Failed to contact API server: Unauthorized",
        );
        assert_eq!(line.message(), "Failed to contact API server: Unauthorized");
        assert_eq!(line.error(), line.message());
    }

    #[test]
    fn a_logfmt_line_has_message_and_error() {
        let line = Line::parse(
            r#"time="2026-01-02T03:04:05Z" level=error msg="failed to load" error="no snapshotter \"x\"" id=cri"#,
        );
        assert_eq!(line.message(), "failed to load");
        assert_eq!(line.error(), "no snapshotter \"x\"");
        assert_eq!(line.value("id").as_deref(), Some("cri"));
    }

    #[test]
    fn a_line_of_a_longer_value_is_its_error() {
        let line = Line::parse(
            "\tGet \"https://a/api/v1/nodes\": getting credentials: exec: executable x not found",
        );
        assert!(line.error().starts_with("Get "));
    }

    #[test]
    fn what_only_resembles_a_head_is_message() {
        for text in [
            "E1120",
            "E1120 no bracket",
            "Error: x] y",
            "",
            "é1120 03] x",
            "I12",
            "E112é 03] x",
        ] {
            assert_eq!(Line::parse(text).message(), text);
        }
    }

    #[test]
    fn a_message_that_begins_with_a_quote_and_has_no_pairs_stays_whole() {
        assert_eq!(
            Line::parse(r#"W1120 03:04:05.1 1 a.go:1] "x"y: z"#).message(),
            r#""x"y: z"#
        );
    }
}
