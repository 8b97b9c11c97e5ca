//! A RuleSet as it is written.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::super::agent_config::parse_duration;
use crate::finding::{Condition, Severity};
use crate::rule::{Signal, Speaker};

#[derive(Debug, Deserialize)]
pub(super) struct RuleSetDocument {
    pub spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spec {
    pub rules: Vec<RuleSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RuleSpec {
    pub code: String,
    pub severity: Severity,
    #[serde(default)]
    pub condition: Option<Condition>,
    pub title: String,
    pub fix: String,
    #[serde(rename = "match")]
    pub lines: Vec<LineSpec>,
    #[serde(default)]
    pub threshold: ThresholdSpec,
    #[serde(default)]
    pub harmless: Option<HarmlessSpec>,
    #[serde(default)]
    pub clears: Option<ClearsSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct LineSpec {
    pub units: Vec<String>,
    #[serde(default)]
    pub speaker: SpeakerWord,
    #[serde(default)]
    pub identifier: Option<String>,
    pub contains: Vec<String>,
    #[serde(default)]
    pub excludes: Vec<String>,
    #[serde(default)]
    pub regex: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum SpeakerWord {
    #[default]
    Service,
    Manager,
}

impl From<SpeakerWord> for Speaker {
    fn from(word: SpeakerWord) -> Self {
        match word {
            SpeakerWord::Service => Self::Service,
            SpeakerWord::Manager => Self::Manager,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ThresholdSpec {
    pub hits: Option<u32>,
    #[serde(deserialize_with = "optional")]
    pub within: Option<Duration>,
    #[serde(deserialize_with = "optional")]
    pub lasting: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct HarmlessSpec {
    pub after: After,
    #[serde(deserialize_with = "duration")]
    pub within: Duration,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum After {
    Boot,
    KubeletStart,
    Registration,
    Ready,
}

impl From<After> for Signal {
    fn from(after: After) -> Self {
        match after {
            After::Boot => Self::KernelStarted,
            After::KubeletStart => Self::KubeletStarted,
            After::Registration => Self::Registered,
            After::Ready => Self::NodeReady,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct ClearsSpec {
    #[serde(deserialize_with = "optional")]
    pub silence: Option<Duration>,
    pub lines: Vec<LineSpec>,
    pub unit_active: Option<UnitActiveSpec>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnitActiveSpec {
    pub unit: String,
    #[serde(rename = "for", deserialize_with = "duration")]
    pub time: Duration,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_duration(&text).ok_or_else(|| {
        serde::de::Error::custom(format!("`{text}` is not a duration such as `90s` or `10m`"))
    })
}

fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(deserializer).map(Some)
}
