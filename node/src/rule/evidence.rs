//! The last lines that prove a finding: few, short, redacted, and each of another kind.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::line::klog_body;
use crate::redact;

/// The most lines that are kept.
const LINES: usize = 3;
/// The most bytes of one line. The kubelet prints its whole configuration behind some errors.
const LINE_BYTES: usize = 600;
/// So many of them are the line's last: the cause stands at the end of a chain of errors.
const END_BYTES: usize = 160;
/// Stands for what is left out between the two.
const LEFT_OUT: &str = " … ";

/// Evidence of one finding, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Evidence(Vec<String>);

impl Evidence {
    /// Adds a line. One that says the same as an earlier one, with other times and counts, takes its place: a fault that
    /// repeats one line every second must not push out the line that explains it.
    pub(super) fn add(&mut self, text: &str) {
        // Before it is cut, or half of a secret would be none.
        let text = cut(&redact::text(text.trim())).into_owned();
        self.0.retain(|kept| !says_the_same(kept, &text));
        if self.0.len() >= LINES {
            self.0.remove(0);
        }
        self.0.push(text);
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.0
    }

    /// Holds evidence that was read from a file to the same limits.
    pub(super) fn bound(&mut self) {
        let lines = std::mem::take(&mut self.0);
        for line in lines.iter().rev().take(LINES).rev() {
            self.0.push(cut(line).into_owned());
        }
    }
}

/// Whether two lines differ in nothing but the time and process in their heads, and numbers.
fn says_the_same(left: &str, right: &str) -> bool {
    let words = |line| {
        klog_body(line)
            .unwrap_or(line)
            .bytes()
            .filter(|byte| !byte.is_ascii_digit())
    };
    words(left).eq(words(right))
}

fn cut(text: &str) -> Cow<'_, str> {
    if text.len() <= LINE_BYTES {
        return Cow::Borrowed(text);
    }
    let beginning = text.floor_char_boundary(LINE_BYTES - END_BYTES - LEFT_OUT.len());
    let end = text.ceil_char_boundary(text.len() - END_BYTES);
    let part = |part: Option<&str>| part.unwrap_or_default().to_owned();
    Cow::Owned(part(text.get(..beginning)) + LEFT_OUT + &part(text.get(end..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_line_the_beginning_and_the_end_are_kept() {
        let mut evidence = Evidence::default();
        evidence.add(&format!("pull failed: {}é: i/o timeout", "é".repeat(5000)));
        let line = &evidence.lines()[0];
        assert!(line.len() <= LINE_BYTES, "{}", line.len());
        assert!(line.starts_with("pull failed: é") && line.ends_with("é: i/o timeout"));
        let mut again = evidence.clone();
        again.bound();
        assert_eq!(again, evidence);
    }

    #[test]
    fn a_line_that_repeats_takes_one_place_and_the_newest_comes_last() {
        let mut evidence = Evidence::default();
        evidence.add("E1120 03:04:05.1 1 a.go:1] \"first\"");
        for second in 10..40 {
            evidence.add(&format!(
                "E1120 03:04:{second}.1 1 a.go:1] \"again {second}\""
            ));
        }
        assert_eq!(
            evidence.lines(),
            [
                "E1120 03:04:05.1 1 a.go:1] \"first\"",
                "E1120 03:04:39.1 1 a.go:1] \"again 39\""
            ]
        );
        for line in ["b", "c", "d"] {
            evidence.add(line);
        }
        assert_eq!(evidence.lines(), ["b", "c", "d"]);
    }

    #[test]
    fn evidence_is_short_and_redacted() {
        let mut evidence = Evidence::default();
        evidence.add(&format!("token k8s-aws-v1.abc {}", "é".repeat(4000)));
        assert!(evidence.lines()[0].starts_with("token k8s-aws-v1.[redacted] "));
        assert!(evidence.lines()[0].len() <= LINE_BYTES + 16);
    }
}
