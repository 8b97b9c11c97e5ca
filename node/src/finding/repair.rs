//! Whether a machine is to be replaced for a finding: decided for every fatal finding of the catalogue, with why.
//!
//! True only for a fault of this machine that a new machine would not have. EKS auto repair replaces a node within half
//! an hour of a condition that turned False, and its successor too where that has the same fault: so a misconfiguration
//! of role, CNI, registry, subnet, image or user data never is one, and neither is what a log line alone cannot tell from
//! a fault of a pod.

use super::Finding;

/// Whether a machine is to be replaced for a finding, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// It is to be replaced, when nothing else that is open explains the finding.
    pub is_wanted: bool,
    /// Why, as the end of a sentence.
    pub why: &'static str,
}

impl Finding {
    /// The decision for this finding; `None` for one that is not fatal.
    pub fn repair(&self) -> Option<Repair> {
        let decision = DECISIONS
            .iter()
            .find(|(codes, ..)| codes.contains(&self.code));
        decision.map(|(_, is_wanted, why)| Repair {
            is_wanted: *is_wanted,
            why,
        })
    }
}

/// (codes, whether a machine is to be replaced for them, why), in the order of the catalogue.
const DECISIONS: &[(&[&str], bool, &str)] = &[
    // Before the daemons start.
    (
        &[
            "bootstrap.no_node_config",
            "bootstrap.bad_user_data",
            "bootstrap.incomplete_config",
            "bootstrap.al2_script",
            "bootstrap.called_too_early",
            "bootstrap.containerd_config_version",
        ],
        false,
        "a new machine gets the same user data from the launch template.",
    ),
    (
        &["bootstrap.imds_unreachable"],
        false,
        "the metadata options of the launch template, a firewall in the image or the network are the same on a new machine.",
    ),
    (
        &["bootstrap.ec2_unreachable"],
        false,
        "routes, endpoints and name resolution belong to the subnet, where a new machine would be too.",
    ),
    (
        &["bootstrap.ec2_forbidden"],
        false,
        "a new machine has the same role.",
    ),
    (
        &[
            "bootstrap.credential_provider_missing",
            "bootstrap.kubelet_missing",
            "bootstrap.exec_denied",
        ],
        false,
        "a new machine comes from the same image.",
    ),
    (
        &["bootstrap.unit_failed"],
        false,
        "what ends the bootstrap is nearly always the configuration or the image, which a new machine has too.",
    ),
    // Clocks and certificates.
    (
        &["time.signature_expired", "time.cert_validity"],
        false,
        "the clock is set again by chronyc, and a certificate that has expired is so for every machine.",
    ),
    // The cluster and this node.
    (
        &[
            "join.unauthorized",
            "join.groups_missing",
            "join.node_name_mismatch",
            "join.registration_forbidden",
            "join.sts_region_disabled",
        ],
        false,
        "the cluster or the account decides so for every node of this role.",
    ),
    (
        &["join.no_credentials", "join.credentials_expired"],
        false,
        "the instance profile and the trust of its role are the launch template's and IAM's.",
    ),
    (
        &["join.no_private_dns"],
        false,
        "the VPC gives a new machine no name either.",
    ),
    (
        &["join.cluster_name_mismatch"],
        false,
        "a new machine gets the same cluster name from its user data.",
    ),
    (
        &["join.exec_failed"],
        false,
        "the helper fails for want of credentials, of a way to STS or of a right region, and none of them is the machine's.",
    ),
    (
        &["join.exec_missing"],
        false,
        "a new machine comes from the same image.",
    ),
    (
        &["join.anonymous", "join.kubeconfig_invalid"],
        false,
        "the bootstrap writes the same kubeconfig on a new machine.",
    ),
    (
        &["join.not_registered"],
        false,
        "the cause is not known, and a node that is not registered has no condition.",
    ),
    // The network, and the way to the API server.
    (
        &["network.proxy_failed"],
        false,
        "the proxy and who may use it are the same for a new machine.",
    ),
    (
        &["network.ca_mismatch", "network.cert_name"],
        false,
        "endpoint and authority come from the user data, and a device between is between for every machine.",
    ),
    (
        &["network.dns_no_such_host", "network.dns_unavailable"],
        false,
        "names are resolved by the VPC or by servers that it names, for all of its machines.",
    ),
    (
        &[
            "network.api_refused",
            "network.api_timeout",
            "network.tls_timeout",
            "network.tls_failed",
        ],
        false,
        "the endpoint, or the way from this subnet to it, is the same for a new machine.",
    ),
    (
        &["network.no_route"],
        false,
        "routes come from the subnet, and an overlap with the VPC from the configuration.",
    ),
    (
        &["network.interface_down"],
        true,
        "the interface of this machine does not come up again by itself, and that of a new machine does.",
    ),
    (
        &["network.ip_forward_off"],
        false,
        "something in the image, or a program on every node, has turned it off.",
    ),
    // The kubelet.
    (
        &[
            "kubelet.unknown_flag",
            "kubelet.bad_node_label",
            "kubelet.swap_on",
            "kubelet.kernel_settings",
            "kubelet.config_invalid",
            "kubelet.cgroup_driver",
            "kubelet.client_ca_missing",
        ],
        false,
        "configuration and image are the same on a new machine.",
    ),
    (
        &["kubelet.port_in_use"],
        false,
        "whatever takes the port is in the image or in a DaemonSet.",
    ),
    (
        &["kubelet.crash_loop"],
        false,
        "the kubelet ends for a reason that it names, nearly always its configuration.",
    ),
    (
        &["kubelet.not_healthy"],
        false,
        "a restart of the kubelet is enough where it hangs, and EKS watches a node that is not Ready by itself.",
    ),
    (
        &["kubelet.inotify_limit", "kubelet.fork_failed"],
        false,
        "a pod uses up what there is, and would do so where it is scheduled next.",
    ),
    (
        &["kubelet.pleg_unhealthy"],
        true,
        "when nothing explains it, the runtime hangs on this machine and no pod on it can be looked after.",
    ),
    (
        &["kubelet.runtime_down"],
        true,
        "when nothing explains it, the runtime of this machine has stopped for good and no pod can start or end.",
    ),
    // containerd.
    (
        &[
            "runtime.not_installed",
            "runtime.config_invalid",
            "runtime.cri_unavailable",
            "runtime.runc_missing",
        ],
        false,
        "configuration and image are the same on a new machine.",
    ),
    (
        &["runtime.socket_missing", "runtime.restarting"],
        false,
        "containerd ends for a reason that it names, mostly its configuration; systemd starts it again.",
    ),
    (
        &["runtime.not_ready"],
        false,
        "load, a slow disk or a plug-in that is still missing pass; when it lasts, the kubelet says that the runtime is down.",
    ),
    // The kernel.
    (
        &["kernel.panic"],
        false,
        "the machine has booted since and works; when the cause is its hardware, that has a finding of its own.",
    ),
    (
        &["kernel.oops"],
        true,
        "what the kernel was working on stays locked or half done until it boots again, and pods hang on it.",
    ),
    (
        &["kernel.hardware_error"],
        true,
        "memory, processor or bus of this host fail, and a new machine is on another host.",
    ),
    (
        &["kernel.oom_system_daemon"],
        false,
        "limits and the memory that pods ask for are the same on a new machine.",
    ),
    // Disks and file systems.
    (
        &["storage.read_only", "storage.fs_shutdown"],
        false,
        "the line may speak of the volume of a pod, which follows the pod, or of an image that is mounted read-only.",
    ),
    (
        &["storage.local_disks_failed"],
        false,
        "the strategy, the tools of the image and the disks of the instance type are the same on a new machine.",
    ),
    // The pod network's plug-in.
    (
        &["cni.not_ready", "cni.plugin_missing"],
        false,
        "the CNI is installed by a DaemonSet: where that does not work here, it does not on a new machine.",
    ),
    (
        &["cni.bad_config"],
        false,
        "a DaemonSet writes the file, on a new machine too.",
    ),
    (
        &["cni.ipamd_down", "cni.policy_agent_down"],
        false,
        "the kubelet restarts the pod aws-node; what keeps it from running is its version, its configuration or its role.",
    ),
    (
        &["cni.ipamd_no_api"],
        false,
        "kube-proxy, a security group or a service account is in the way, on a new machine too.",
    ),
    (
        &["cni.iam_denied"],
        false,
        "a new machine has the same role.",
    ),
    // Images.
    (
        &["image.sandbox_unavailable"],
        false,
        "the image lacks the pause image, or a registry refuses it, on a new machine too.",
    ),
    // GPUs and other accelerators.
    (
        &["gpu.fallen_off_bus"],
        true,
        "the device of this host does not come back without a stop of the instance.",
    ),
    (
        &["gpu.xid_fatal"],
        true,
        "the device of this host must be reset or replaced, and until then every program on it fails.",
    ),
    (
        &["gpu.neuron_error"],
        true,
        "the device of this host has failed, and a new machine is on another host.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::finding::{Severity, catalogue};

    #[test]
    fn every_fatal_finding_is_decided_once_and_nothing_else_is() {
        let fatal: BTreeSet<&str> = catalogue()
            .filter(|finding| finding.severity == Severity::Fatal)
            .map(|finding| finding.code)
            .collect();
        let mut decided = BTreeSet::new();
        for (codes, _, why) in DECISIONS {
            assert!(why.ends_with('.'), "{codes:?}: {why}");
            for code in *codes {
                assert!(decided.insert(*code), "`{code}` is decided twice");
            }
        }
        assert_eq!(decided, fatal);
    }

    #[test]
    fn a_machine_is_replaced_for_its_own_faults_only() {
        let wanted: BTreeSet<&str> = catalogue()
            .filter(|finding| finding.repair().is_some_and(|repair| repair.is_wanted))
            .map(|finding| finding.code)
            .collect();
        let expected = [
            "gpu.fallen_off_bus",
            "gpu.neuron_error",
            "gpu.xid_fatal",
            "kernel.hardware_error",
            "kernel.oops",
            "kubelet.pleg_unhealthy",
            "kubelet.runtime_down",
            "network.interface_down",
        ];
        assert_eq!(wanted, BTreeSet::from(expected));
        // What no condition shows cannot be repaired.
        for finding in catalogue().filter(|finding| wanted.contains(finding.code)) {
            assert!(finding.condition.is_some(), "{}", finding.code);
        }
    }
}
