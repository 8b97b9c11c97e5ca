//! Lines that are not faults: success, and the anchors in time that faults are judged by.

use serde::{Deserialize, Serialize};

use super::{KUBELET, Line, Record, Speaker};

/// Something good or neutral that happened on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Signal {
    /// A kubelet process began to run: it has read its flags and its configuration, and found them valid.
    KubeletStarted,
    /// The kubelet registered its Node object, which takes name resolution, network, TLS, credentials and authorisation.
    Registered,
}

/// The signal that a line gives.
pub(super) fn of(record: &Record<'_>) -> Option<Signal> {
    if record.unit != KUBELET || record.speaker() != Speaker::Service {
        return None;
    }
    // cmd/kubelet/app/server.go, pkg/kubelet/kubelet_node_status.go.
    let (literal, signal) = [
        ("Kubelet version", Signal::KubeletStarted),
        ("Successfully registered node", Signal::Registered),
    ]
    .into_iter()
    .find(|(literal, _)| record.message.contains(literal))?;
    (Line::parse(record.message).message() == literal).then_some(signal)
}
