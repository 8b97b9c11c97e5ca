//! Lines that are not faults: success, and the anchors in time that faults are judged by.

use serde::{Deserialize, Serialize};

use super::{IPAMD, KERNEL, KUBELET, Line, NODEADM_RUN, Record, SSM_AGENT, Speaker, ssm, zap};

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

/// The signal that a line gives.
pub(super) fn of(record: &Record<'_>) -> Option<Signal> {
    if record.speaker() != Speaker::Service {
        // systemd's src/core/job.c, of a unit that runs once.
        let is_done = record.unit == NODEADM_RUN && record.message.starts_with("Finished ");
        return is_done.then_some(Signal::Bootstrapped);
    }
    match record.unit {
        KUBELET => of_kubelet(record.message),
        SSM_AGENT => ssm::is_connected(record.message).then_some(Signal::SsmConnected),
        IPAMD => of_ipamd(record.message),
        // init/main.c
        KERNEL => record
            .message
            .starts_with("Linux version ")
            .then_some(Signal::KernelStarted),
        _ => None,
    }
}

/// cmd/kubelet/app/server.go, `pkg/kubelet/kubelet_node_status.go`.
fn of_kubelet(text: &str) -> Option<Signal> {
    const EVENT: &str = "Recording event message for node";
    let (literal, signal) = [
        ("Kubelet version", Signal::KubeletStarted),
        ("Successfully registered node", Signal::Registered),
        (EVENT, Signal::NodeReady),
    ]
    .into_iter()
    .find(|(literal, _)| text.contains(literal))?;
    let line = Line::parse(text);
    let is_it = line.message() == literal
        && (literal != EVENT
            || line
                .value("event")
                .is_some_and(|event| event == "NodeReady"));
    is_it.then_some(signal)
}

/// cmd/aws-k8s-agent/main.go and `pkg/ipamd/rpc_handler.go` of the VPC CNI.
fn of_ipamd(text: &str) -> Option<Signal> {
    let (literal, signal) = [
        ("Starting L-IPAMD", Signal::IpamdStarted),
        ("Serving RPC Handler version", Signal::IpamdServing),
    ]
    .into_iter()
    .find(|(literal, _)| text.contains(literal))?;
    zap::words(&Line::parse(text))
        .starts_with(literal)
        .then_some(signal)
}
