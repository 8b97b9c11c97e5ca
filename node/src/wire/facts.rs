//! What a node is.

use serde::{Deserialize, Serialize};

use super::Identity;

/// What `GET /v1/facts` answers. What is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// Always [`super::API_VERSION`].
    pub api_version: String,
    /// Always `NodeFacts`.
    pub kind: String,
    /// Version of the agent.
    pub agent_version: String,
    /// Who is speaking.
    pub identity: Identity,
    /// Release of the kernel, `6.1.159-181.297.amzn2023.x86_64`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<String>,
    /// Name and version of the operating system, as it calls itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operating_system: Option<String>,
    /// Version of the kubelet that the image says it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubelet_version: Option<String>,
    /// Version of containerd that the image says it carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerd_version: Option<String>,
    /// Seconds since the start of the kernel.
    pub uptime_seconds: u64,
    /// MiB of memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mebibytes: Option<u64>,
    /// Logical CPUs that are online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus: Option<u32>,
}
