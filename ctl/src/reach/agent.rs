//! What an agent said of its node: the document, the way it came, and why other ways failed.

use jiff::Timestamp;
use node::wire::{Annotation, Diagnosis, Status, Verdict};
use serde::{Deserialize, Serialize};

use super::Way;

/// What the agent is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// How the node is, as the daemon knows it.
    Status,
    /// Everything looked at anew, by probes; takes the node up to half a minute.
    Diagnosis,
}

impl Question {
    /// The command that is run on the node.
    pub fn command(self) -> &'static str {
        match self {
            Self::Status => "nodeagent status -o json",
            Self::Diagnosis => "nodeagent diagnose -o json",
        }
    }

    /// The route of the agent's listener. It has none that starts probes: there the status has to do.
    pub fn route(self) -> &'static str {
        "/v1/status"
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
