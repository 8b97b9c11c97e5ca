//! Findings of the pod network.

use crate::finding::{Condition, Finding, Severity};

/// All of this area.
pub(super) const CNI: &[&Finding] = &[
    &CNI_NOT_READY,
    &CNI_BAD_CONFIG,
    &CNI_PLUGIN_MISSING,
    &CNI_NO_FREE_IPS,
    &CNI_SUBNET_FULL,
    &CNI_PREFIX_FRAGMENTED,
    &CNI_ENI_LIMIT,
    &CNI_IPAMD_DOWN,
    &CNI_IPAMD_NO_API,
    &CNI_IPAMD_RESTARTING,
    &CNI_IAM_DENIED,
    &CNI_POLICY_AGENT_DOWN,
    &CNI_SANDBOX_SETUP_FAILED,
];

/// The pod network is not configured.
pub const CNI_NOT_READY: Finding = Finding {
    code: "cni.not_ready",
    title: "The pod network is not configured",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "No CNI configuration exists yet: the network DaemonSet has not started or crashed.",
    fix: "kubectl -n kube-system get pods -l k8s-app=aws-node -o wide; look at its log on this node",
};

/// The CNI configuration file is broken.
pub const CNI_BAD_CONFIG: Finding = Finding {
    code: "cni.bad_config",
    title: "The CNI configuration file is broken",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "A file in /etc/cni/net.d does not parse, has no plug-in in it or was only half written, so containerd has no pod network.",
    fix: "containerd names the file: journalctl -u containerd -b | grep \"cni config load failed\" ; delete it and restart the pod of the network DaemonSet on this node",
};

/// The CNI binary is missing.
pub const CNI_PLUGIN_MISSING: Finding = Finding {
    code: "cni.plugin_missing",
    title: "The CNI binary is missing",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "The program that the CNI configuration names is not in /opt/cni/bin: the init container that installs it did not run, or the folder was emptied.",
    fix: "ls /opt/cni/bin ; kubectl -n kube-system delete pod -l k8s-app=aws-node --field-selector spec.nodeName=NODE",
};

/// No pod address is free on this node.
pub const CNI_NO_FREE_IPS: Finding = Finding {
    code: "cni.no_free_ips",
    title: "No pod address is free on this node",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "The pool of addresses of this node is empty and does not grow fast enough, or at all: pods stay in ContainerCreating.",
    fix: "Look for a finding of the subnet or of interfaces beside this one; enable prefix delegation (ENABLE_PREFIX_DELEGATION) or let fewer pods onto the node (maxPods)",
};

/// The subnet has no free addresses.
pub const CNI_SUBNET_FULL: Finding = Finding {
    code: "cni.subnet_full",
    title: "The subnet has no free addresses",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "EC2 has no address left in the subnet for another address or interface of this node.",
    fix: "Add a larger subnet, for pods alone (custom networking) or with a new node group, or delete interfaces that nobody uses: aws ec2 describe-network-interfaces --filters Name=status,Values=available",
};

/// No contiguous prefix is left in the subnet.
pub const CNI_PREFIX_FRAGMENTED: Finding = Finding {
    code: "cni.prefix_fragmented",
    title: "No contiguous prefix is left in the subnet",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "Prefix delegation takes blocks of 16 addresses; the subnet has free addresses and no free block.",
    fix: "Reserve a part of the subnet: aws ec2 create-subnet-cidr-reservation --reservation-type prefix --subnet-id SUBNET --cidr CIDR",
};

/// The instance type allows no more interfaces or addresses.
pub const CNI_ENI_LIMIT: Finding = Finding {
    code: "cni.eni_limit",
    title: "The instance type allows no more interfaces or addresses",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "The node has as many network interfaces, or as many addresses on one, as its instance type may have.",
    fix: "Use a larger instance type or prefix delegation, or set maxPods to what the type has addresses for",
};

/// The address daemon does not answer.
pub const CNI_IPAMD_DOWN: Finding = Finding {
    code: "cni.ipamd_down",
    title: "The address daemon does not answer",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "ipamd, in the pod aws-node of this node, does not run or is not ready: no pod can get an address or give one back.",
    fix: "tail /var/log/aws-routed-eni/ipamd.log ; kubectl -n kube-system get pods -l k8s-app=aws-node -o wide | grep NODE",
};

/// The address daemon cannot reach the API server.
pub const CNI_IPAMD_NO_API: Finding = Finding {
    code: "cni.ipamd_no_api",
    title: "The address daemon cannot reach the API server",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "From the host, the service address of the cluster does not answer ipamd: kube-proxy does not run on this node, a security group is in the way, or the pod has no token of its service account.",
    fix: "kubectl -n kube-system get pods -l k8s-app=kube-proxy -o wide | grep NODE ; curl -k https://CLUSTER_IP:443/version",
};

/// The address daemon keeps restarting.
pub const CNI_IPAMD_RESTARTING: Finding = Finding {
    code: "cni.ipamd_restarting",
    title: "The address daemon keeps restarting",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "ipamd was started more than five times within an hour; why it ended stands in its log before each start.",
    fix: "grep -B 5 \"Starting L-IPAMD\" /var/log/aws-routed-eni/ipamd.log | tail -30",
};

/// The network role may not manage interfaces.
pub const CNI_IAM_DENIED: Finding = Finding {
    code: "cni.iam_denied",
    title: "The network role may not manage interfaces",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "EC2 refuses ipamd what it needs: AmazonEKS_CNI_Policy (or, with IPv6, a policy of your own) is missing from the role of its service account, or from the node role where it has none.",
    fix: "aws iam attach-role-policy --policy-arn arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy --role-name ROLE",
};

/// The network policy agent is down or lost its state.
pub const CNI_POLICY_AGENT_DOWN: Finding = Finding {
    code: "cni.policy_agent_down",
    title: "The network policy agent is down or lost its state",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "The plug-in waits for the network policy agent before it lets a pod start, and the agent does not run, or could not take up again what it knew of the pods before it was restarted.",
    fix: "tail /var/log/aws-routed-eni/network-policy-agent.log ; kubectl -n kube-system logs -l k8s-app=aws-node -c aws-eks-nodeagent",
};

/// The pod network setup fails.
pub const CNI_SANDBOX_SETUP_FAILED: Finding = Finding {
    code: "cni.sandbox_setup_failed",
    title: "The pod network setup fails",
    severity: Severity::Warning,
    condition: Some(Condition::Networking),
    cause: "The CNI plug-in answers with an error that no sharper finding names; pods stay in ContainerCreating or Terminating.",
    fix: "Read the end of the message, then the log of the CNI: tail /var/log/aws-routed-eni/plugin.log",
};
