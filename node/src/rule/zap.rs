//! Lines of zap, the logger of the VPC CNI's daemons: one JSON object a line, the words in `msg`.

use std::borrow::Cow;

use serde::Deserialize;

use super::Line;

/// What rules ask of a line of zap.
#[derive(Debug, Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    level: Cow<'a, str>,
    #[serde(borrow, default)]
    msg: Cow<'a, str>,
}

/// The words of the line, without the names of its levels and files. A line of another form, or one that was cut off, is
/// all words.
pub(super) fn words<'a>(line: &'a Line<'_>) -> Cow<'a, str> {
    entry(line).map_or_else(|| Cow::Borrowed(line.message()), |entry| entry.msg)
}

/// The words of a line that reports something gone wrong: what the daemons say of it for those who look for faults in the
/// daemons themselves is left out.
pub(super) fn complaint<'a>(line: &'a Line<'_>) -> Option<Cow<'a, str>> {
    match entry(line) {
        Some(entry) if matches!(&*entry.level, "debug" | "info") => None,
        Some(entry) => Some(entry.msg),
        None => Some(Cow::Borrowed(line.message())),
    }
}

fn entry<'a>(line: &'a Line<'_>) -> Option<Entry<'a>> {
    let text = line.message();
    text.starts_with('{')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_message() {
        let line = Line::parse(
            r#"{"level":"error","ts":"2026-01-02T03:04:05.123Z","caller":"ipamd/ipamd.go:400","msg":"Failed: \"x\"\n\tstatus code: 400"}"#,
        );
        assert_eq!(words(&line), "Failed: \"x\"\n\tstatus code: 400");
        assert!(complaint(&line).is_some());
        let line = Line::parse(r#"{"level":"debug","msg":"Found ENI"}"#);
        assert_eq!(words(&line), "Found ENI");
        assert_eq!(complaint(&line), None);
    }

    #[test]
    fn other_lines_are_all_words() {
        for text in [
            "2020-03-16T15:02:38.124Z [ERROR] Failed",
            r#"{"level":"error","msg":"cut o"#,
            "{}x",
        ] {
            let line = Line::parse(text);
            assert_eq!(words(&line), text);
            assert_eq!(complaint(&line).as_deref(), Some(text));
        }
    }
}
