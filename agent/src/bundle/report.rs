//! What became of each step.

use jiff::Timestamp;
use node::wire::API_VERSION;
use serde::Serialize;

/// Its place in the archive.
pub(super) const NAME: &str = "report.json";

/// What became of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepReport {
    /// Name of its file.
    pub name: String,
    /// Where its content is from.
    pub how: String,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took.
    pub milliseconds: u64,
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(
    tag = "outcome",
    rename_all = "lowercase",
    rename_all_fields = "camelCase"
)]
pub enum Outcome {
    /// Its file is there.
    Ok {
        /// Length of the file.
        bytes: usize,
        /// Whether there was more.
        is_cut: bool,
    },
    /// There is nothing to collect.
    Skipped {
        /// Why not.
        why: String,
    },
    /// It did not work.
    Failed {
        /// Why not.
        why: String,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    api_version: &'static str,
    kind: &'static str,
    agent_version: &'static str,
    at: Timestamp,
    steps: &'a [StepReport],
}

/// The file `report.json`.
pub(super) fn document(at: Timestamp, steps: &[StepReport]) -> String {
    let document = Document {
        api_version: API_VERSION,
        kind: "BundleReport",
        agent_version: env!("CARGO_PKG_VERSION"),
        at,
        steps,
    };
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}
