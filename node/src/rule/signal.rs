//! Lines that are not faults: success, and the anchors in time that faults are judged by.

use serde::{Deserialize, Serialize};

use super::{
    CONTAINERD, IPAMD, KERNEL, KUBELET, Line, NODEADM_RUN, Record, SSM_AGENT, Speaker, gpu, kernel,
    kubelet, runtime, ssm, zap,
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
    /// The kernel began to run: the first thing that it says.
    KernelStarted,
    /// The bootstrap has done all its work: the daemons are configured and run.
    Bootstrapped,
    /// The kubelet saw its node become Ready, which takes a pod network.
    NodeReady,
    /// The VPC CNI's address manager began to run.
    IpamdStarted,
    /// The VPC CNI's address manager takes requests of the plug-in: it has reached the API server, EC2 and the metadata
    /// service.
    IpamdServing,
}

/// Lines of one source that give a signal.
struct Giver {
    unit: &'static str,
    /// Stands in every one of them.
    text: &'static str,
    signal: fn(&str) -> Option<Signal>,
}

const fn giver(
    unit: &'static str,
    text: &'static str,
    signal: fn(&str) -> Option<Signal>,
) -> Giver {
    Giver { unit, text, signal }
}

/// What a unit that runs once has done: systemd's src/core/job.c.
const FINISHED: &str = "Finished ";

const GIVERS: &[Giver] = &[
    // cmd/kubelet/app/server.go, pkg/kubelet/kubelet_node_status.go.
    giver(KUBELET, "Kubelet version", |text| {
        says(text, "Kubelet version").then_some(Signal::KubeletStarted)
    }),
    giver(KUBELET, "Successfully registered node", |text| {
        says(text, "Successfully registered node").then_some(Signal::Registered)
    }),
    giver(KUBELET, "Recording event message for node", |text| {
        let line = Line::parse(text);
        let is_ready = line
            .value("event")
            .is_some_and(|event| event == "NodeReady");
        is_ready.then_some(Signal::NodeReady)
    }),
    giver(KUBELET, kubelet::SHUTDOWN, |text| {
        kubelet::is_shutdown_cancelled(text).then_some(Signal::ShutdownCancelled)
    }),
    giver(CONTAINERD, "returns sandbox id", |text| {
        runtime::is_sandbox_started(text).then_some(Signal::SandboxStarted)
    }),
    giver(SSM_AGENT, ssm::CONNECTED, |_| Some(Signal::SsmConnected)),
    // cmd/aws-k8s-agent/main.go and pkg/ipamd/rpc_handler.go of the VPC CNI.
    giver(IPAMD, "Starting L-IPAMD", |text| {
        begins(text, "Starting L-IPAMD").then_some(Signal::IpamdStarted)
    }),
    giver(IPAMD, "Serving RPC Handler version", |text| {
        begins(text, "Serving RPC Handler version").then_some(Signal::IpamdServing)
    }),
    // init/main.c
    giver(KERNEL, "Linux version ", |text| {
        text.starts_with("Linux version ")
            .then_some(Signal::KernelStarted)
    }),
    giver(KERNEL, "oom-kill:constraint=", kernel::signal),
    giver(KERNEL, "event severity: ", kernel::signal),
    giver(KERNEL, "Corrected error", kernel::signal),
    giver(KERNEL, "CE memory ", kernel::signal),
    giver(gpu::FABRIC_MANAGER, gpu::NOTHING_TO_DO, |_| {
        Some(Signal::NothingToSwitch)
    }),
];

/// Whether the message of a line is this.
fn says(text: &str, message: &str) -> bool {
    Line::parse(text).message() == message
}

/// Whether the words of a line of JSON begin so.
fn begins(text: &str, words: &str) -> bool {
    zap::words(&Line::parse(text)).starts_with(words)
}

/// What stands in every line that gives a signal.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    GIVERS.iter().map(|giver| giver.text).chain([FINISHED])
}

/// The signal that a line gives.
pub(super) fn of(record: &Record<'_>) -> Option<Signal> {
    if record.speaker() != Speaker::Service {
        let is_done = record.unit == NODEADM_RUN && record.message.starts_with(FINISHED);
        return is_done.then_some(Signal::Bootstrapped);
    }
    GIVERS
        .iter()
        .filter(|giver| giver.unit == record.unit && record.message.contains(giver.text))
        .find_map(|giver| (giver.signal)(record.message))
}
