//! `AgentConfig`: settings of the agent itself, which never enter NodeConfig.
//!
//! Read from `/etc/nodeagent/config.d/*.yaml` and from user-data parts of type `application/nodectl.dev`, later wins.
//! Unknown keys are refused.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// `kind` of an AgentConfig.
pub const KIND: &str = "AgentConfig";
/// Media type of an AgentConfig in MIME user data.
pub const MEDIA_TYPE: &str = "application/nodectl.dev";

/// The merged settings of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentConfig {
    /// How long a node may take from the start of the join phase until its Node object exists. Default 10 minutes:
    /// Karpenter gives a node up after 15.
    pub registered_deadline: Duration,
    /// How the kubelet gets its token.
    pub credential: CredentialSource,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self {
            registered_deadline: Duration::from_mins(10),
            credential: CredentialSource::default(),
        }
    }
}

/// How the kubelet gets its token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CredentialSource {
    /// `nodeagent token`: signed in process.
    #[default]
    Native,
    /// `aws eks get-token`, as nodeadm sets it up.
    AwsCli,
}

impl AgentConfig {
    /// These settings with those of `document` over them.
    #[must_use]
    pub fn with(self, document: &AgentConfigDocument) -> Self {
        let spec = &document.spec;
        Self {
            registered_deadline: spec
                .deadlines
                .registered
                .unwrap_or(self.registered_deadline),
            credential: spec.credential.unwrap_or(self.credential),
        }
    }
}

/// One AgentConfig document, in which everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentConfigDocument {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    /// The settings.
    #[serde(default)]
    pub spec: AgentConfigSpec,
}

/// `spec` of an AgentConfig document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AgentConfigSpec {
    /// Deadlines of the boot.
    pub deadlines: Deadlines,
    /// How the kubelet gets its token: `native` or `awsCli`.
    pub credential: Option<CredentialSource>,
}

/// Deadlines of the boot, as durations such as `90s` or `10m`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Deadlines {
    /// See [`AgentConfig::registered_deadline`].
    #[serde(deserialize_with = "duration")]
    pub registered: Option<Duration>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed = text
        .parse::<jiff::SignedDuration>()
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok());
    match parsed {
        Some(duration) if !duration.is_zero() => Ok(Some(duration)),
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is not a duration such as `90s` or `10m`"
        ))),
    }
}
