//! What an agent said of its node: the document, the way it came, and why other ways failed.

use jiff::Timestamp;
use node::wire::{Annotation, Diagnosis, Status, Verdict};
use serde::{Deserialize, Serialize};

use super::Way;

/// What the agent is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// How the node is, as the daemon knows it.
    Status,
    /// Everything looked at anew, by probes; takes the node up to half a minute.
    Diagnosis,
    /// What watched units wrote.
    Logs(Logs),
}

/// A part of the node's journal. Both kinds of text are checked by [`Logs::is_plain`] when the command line is read: they
/// become words of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logs {
    /// Units, as `nodeagent logs --unit` takes them.
    pub units: Vec<String>,
    /// A duration or a time; the last lines of this boot without one.
    pub since: Option<String>,
}

/// The last bytes of an output that Systems Manager keeps whole.
const TAIL: usize = 23_900;

impl Logs {
    /// Whether a text is a name, a duration or a time, and nothing that a shell or a URL would read otherwise.
    pub fn is_plain(text: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:@".contains(&byte);
        text.starts_with(|first: char| first.is_ascii_alphanumeric()) && text.bytes().all(is_plain)
    }

    /// The newest lines are the end of the output, of which Systems Manager would keep the beginning.
    fn command(&self) -> String {
        let units = self.units.iter().map(|unit| format!(" --unit {unit}"));
        let since = self.since.iter().map(|since| format!(" --since {since}"));
        let arguments: String = units.chain(since).collect();
        format!(
            "lines=$(nodeagent logs{arguments}) || exit $?; printf '%s\\n' \"$lines\" | tail --bytes={TAIL}"
        )
    }

    /// The route of the agent's listener.
    pub fn route(&self) -> String {
        let units = self.units.iter().map(|unit| format!("unit={unit}"));
        let since = self.since.iter().map(|since| format!("since={since}"));
        let parameters: Vec<String> = units.chain(since).collect();
        format!("/v1/logs?{}", parameters.join("&"))
    }

    /// The lines of an answer that came over Systems Manager, and whether older ones are left out.
    pub fn whole_lines(text: &str) -> (&str, bool) {
        if text.len() < TAIL - 1 {
            return (text, false);
        }
        (text.split_once('\n').map_or(text, |(_, rest)| rest), true)
    }
}

impl Question {
    /// The command that is run on the node.
    pub fn command(&self) -> String {
        match self {
            Self::Status => "nodeagent status -o json".to_owned(),
            Self::Diagnosis => "nodeagent diagnose -o json".to_owned(),
            Self::Logs(logs) => logs.command(),
        }
    }

    /// The route of the agent's listener. It has none that starts probes: there the status has to do.
    pub fn route(&self) -> String {
        match self {
            Self::Status | Self::Diagnosis => "/v1/status".to_owned(),
            Self::Logs(logs) => logs.route(),
        }
    }

    /// Whether a command that ended so has answered: `nodeagent` says by 3 and 4 that a node is not well, or that not
    /// everything could be looked at.
    pub fn is_answered_by(&self, exit_status: i32, output: &str) -> bool {
        match self {
            Self::Status | Self::Diagnosis => {
                [0, 3, 4].contains(&exit_status) && !output.trim().is_empty()
            }
            Self::Logs(_) => exit_status == 0,
        }
    }
}

/// A document of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Document {
    /// The node as the daemon knows it.
    Status(Box<Status>),
    /// The node looked at from all sides.
    Diagnosis(Box<Diagnosis>),
    /// How the boot went: there is no daemon, or the console was read.
    Verdict(Box<Verdict>),
    /// The summary at the Node.
    Annotation(Box<Annotation>),
}

/// Why an answer is no document.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is no JSON, or not of the form that its kind has.
    #[error("reading the agent's answer")]
    Json {
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// It is a document that we do not know.
    #[error("the agent's answer is of kind `{kind}`, which this version of nodectl does not know")]
    Kind {
        /// Its kind; empty when it has none.
        kind: String,
    },
}

impl Document {
    /// Reads what `nodeagent … -o json` or a route of the listener answered.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let json = |source| ParseError::Json { source };
        let value: serde_json::Value = serde_json::from_str(text).map_err(json)?;
        let kind = value
            .get("kind")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
            .to_owned();
        match kind.as_str() {
            "Status" => serde_json::from_value(value).map(Self::Status),
            "Diagnosis" => serde_json::from_value(value).map(Self::Diagnosis),
            "Verdict" => serde_json::from_value(value).map(Self::Verdict),
            _ => return Err(ParseError::Kind { kind }),
        }
        .map_err(json)
    }

    /// The verdict of the boot, if the document has one.
    pub fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Status(status) => status.verdict.as_ref(),
            Self::Diagnosis(diagnosis) => diagnosis.verdict.as_ref(),
            Self::Verdict(verdict) => Some(verdict),
            Self::Annotation(_) => None,
        }
    }

    /// Version of the agent that speaks.
    pub fn agent_version(&self) -> &str {
        match self {
            Self::Status(status) => &status.agent_version,
            Self::Diagnosis(diagnosis) => &diagnosis.agent_version,
            Self::Verdict(verdict) => &verdict.agent_version,
            Self::Annotation(annotation) => &annotation.version,
        }
    }
}

/// A way that led to no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// The way.
    pub reach: Way,
    /// Why, on one line.
    pub error: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

/// What came of asking one agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// The way the answer came; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reach: Option<Way>,
    /// When the document was true; absent for the annotation, which is written on change only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// What the agent said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Document>,
    /// The ways that were tried before, and failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

impl Answer {
    /// Whether the agent itself answered, now.
    pub fn is_live(&self) -> bool {
        matches!(self.reach, Some(Way::Ssm | Way::Forward))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_a_word_of_a_command_is_plain() {
        for text in [
            "kubelet",
            "amazon-ssm-agent.service",
            "1h30m",
            "2026-01-02T03:04:05Z",
        ] {
            assert!(Logs::is_plain(text), "{text}");
        }
        for text in ["", "-f", "a b", "a;b", "$(x)", "a&b", "`x`", "a\nb", "'"] {
            assert!(!Logs::is_plain(text), "{text}");
        }
    }

    #[test]
    fn logs_are_asked_for_by_command_and_by_route() {
        let logs = Question::Logs(Logs {
            units: vec!["kubelet".into(), "containerd".into()],
            since: Some("10m".into()),
        });
        insta::assert_snapshot!(format!("{}\n{}", logs.command(), logs.route()), @r#"
        lines=$(nodeagent logs --unit kubelet --unit containerd --since 10m) || exit $?; printf '%s\n' "$lines" | tail --bytes=23900
        /v1/logs?unit=kubelet&unit=containerd&since=10m
        "#);
        assert!(logs.is_answered_by(0, "") && !logs.is_answered_by(3, "x"));
    }

    #[test]
    fn a_line_that_was_cut_is_left_out_and_said() {
        assert_eq!(Logs::whole_lines("one\ntwo\n"), ("one\ntwo\n", false));
        let long = format!("half a line\n{}\n", "x".repeat(TAIL));
        let (lines, is_cut) = Logs::whole_lines(&long);
        assert!(is_cut && lines.starts_with("xx"));
    }

    #[test]
    fn a_document_is_read_by_its_kind_and_a_stranger_is_named() {
        let status = r#"{"apiVersion":"nodectl.dev/v1alpha1","kind":"Status","agentVersion":"0.1.0",
            "startedAt":"2026-01-02T03:04:05Z","findings":[],"maxPods":{},"ssm":"registered"}"#;
        let document = Document::parse(status).unwrap();
        assert!(matches!(document, Document::Status(_)));
        let again = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&again).unwrap(), document);

        let error = Document::parse(r#"{"kind":"Pod"}"#).unwrap_err();
        assert!(error.to_string().contains("`Pod`"), "{error}");
        assert!(matches!(
            Document::parse("nodeagent: not found"),
            Err(ParseError::Json { .. })
        ));
        assert!(matches!(
            Document::parse(r#"{"kind":"Status"}"#),
            Err(ParseError::Json { .. })
        ));
    }
}
