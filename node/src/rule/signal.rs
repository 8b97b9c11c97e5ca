//! Lines that are not faults: success, and the anchors in time that faults are judged by.

use serde::{Deserialize, Serialize};

use super::{
    CONTAINERD, KERNEL, KUBELET, Line, Record, SSM_AGENT, Speaker, gpu, kernel, kubelet, runtime, ssm,
};

/// Something good or neutral that happened on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Signal {
    /// A kubelet process began to run: it has read its flags and its configuration, and found them valid.
    KubeletStarted,
    /// The kubelet registered its Node object, which takes name resolution, network, TLS, credentials and authorisation.
    Registered,
    /// The SSM agent has reported to Systems Manager, which takes a role, its permission and a way there.
    SsmConnected,
    /// The instance has a role; looked up in the metadata service.
    SsmRoleFound,
    /// The endpoints of Systems Manager were reached, with TLS.
    SsmReached,
    /// The kubelet has its serving certificate.
    ServingCertificate,
    /// The kernel killed a process of a pod for memory: what it says next is about that one.
    ContainerOutOfMemory,
    /// The kernel killed a process that is of no pod for memory: what it says next is about that one.
    ServiceOutOfMemory,
    /// The hardware says that it corrected an error.
    HardwareCorrected,
    /// The fabric manager found no `NVSwitch`.
    NothingToSwitch,
    /// containerd made a pod's sandbox, which takes its image, a network and a program that runs it.
    SandboxStarted,
    /// A shutdown that was announced to the kubelet does not happen.
    ShutdownCancelled,
}

/// What stands in every line that gives one.
pub(super) const TEXTS: [&str; 3] = [KUBELET_VERSION, REGISTERED, ssm::CONNECTED];
const KUBELET_VERSION: &str = "Kubelet version";
const REGISTERED: &str = "Successfully registered node";

/// The signal that a line gives.
pub(super) fn of(record: &Record<'_>) -> Option<Signal> {
    if record.speaker() != Speaker::Service {
        return None;
    }
    if record.unit == SSM_AGENT {
        return ssm::is_connected(record.message).then_some(Signal::SsmConnected);
    }
    if record.unit == KERNEL {
        return kernel::signal(record.message);
    }
    if record.unit == gpu::FABRIC_MANAGER {
        return gpu::is_without_switch(record.message).then_some(Signal::NothingToSwitch);
    }
    if record.unit == CONTAINERD {
        return runtime::is_sandbox_started(record.message).then_some(Signal::SandboxStarted);
    }
    if record.unit != KUBELET {
        return None;
    }
    if kubelet::is_shutdown_cancelled(record.message) {
        return Some(Signal::ShutdownCancelled);
    }
    // cmd/kubelet/app/server.go, pkg/kubelet/kubelet_node_status.go.
    let (literal, signal) = [
        (KUBELET_VERSION, Signal::KubeletStarted),
        (REGISTERED, Signal::Registered),
    ]
    .into_iter()
    .find(|(literal, _)| record.message.contains(literal))?;
    (Line::parse(record.message).message() == literal).then_some(signal)
}
