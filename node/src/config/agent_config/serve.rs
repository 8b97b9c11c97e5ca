//! Where the daemon answers beside its unix socket.

use serde::{Deserialize, Serialize};

use crate::wire::access::TLS_PORT;

/// Where the daemon answers beside its unix socket. Default: nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Serve {
    /// On 127.0.0.1, whoever knows the token of this boot.
    pub loopback: bool,
    /// On every address of the node by TLS, whom the cluster's access control allows it.
    pub tls: bool,
    /// The port of the TLS listener.
    pub tls_port: u16,
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            loopback: false,
            tls: false,
            tls_port: TLS_PORT,
        }
    }
}

/// `spec.serve` of an AgentConfig document; see [`Serve`] for each field.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ServeSpec {
    /// Whether it answers on loopback.
    pub loopback: Option<bool>,
    /// Whether it answers by TLS.
    pub tls: Option<bool>,
    /// On which port.
    pub tls_port: Option<u16>,
}

impl Serve {
    /// This with what `over` sets in its place.
    #[must_use]
    pub(super) fn with(self, over: &ServeSpec) -> Self {
        Self {
            loopback: over.loopback.unwrap_or(self.loopback),
            tls: over.tls.unwrap_or(self.tls),
            tls_port: over.tls_port.unwrap_or(self.tls_port),
        }
    }
}
