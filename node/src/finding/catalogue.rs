//! The catalogue: every fault that the agent can name, one constant each.
//!
//! A code is never reused or renamed. An entry comes in together with the rule, probe or error that raises it.

mod join;
mod network;

use super::{Condition, Finding, Severity};

pub use join::*;
pub use network::*;

/// The user data holds no NodeConfig.
pub const BOOTSTRAP_NO_NODE_CONFIG: Finding = Finding {
    code: "bootstrap.no_node_config",
    title: "The user data holds no NodeConfig",
    severity: Severity::Fatal,
    condition: None,
    cause: "The bootstrap found user data but no part of type application/node.eks.aws in it.",
    fix: "Add a MIME part \"Content-Type: application/node.eks.aws\" with a NodeConfig to the launch template",
};

/// The user data cannot be parsed.
pub const BOOTSTRAP_BAD_USER_DATA: Finding = Finding {
    code: "bootstrap.bad_user_data",
    title: "The user data cannot be parsed",
    severity: Severity::Fatal,
    condition: None,
    cause: "The NodeConfig or the MIME document around it is malformed, or the user data is a shell script made for another AMI family.",
    fix: "Correct the user data of the launch template; try it with: nodeagent config check --config-source file://FILE",
};

/// The NodeConfig lacks a mandatory field.
pub const BOOTSTRAP_INCOMPLETE_CONFIG: Finding = Finding {
    code: "bootstrap.incomplete_config",
    title: "The NodeConfig lacks a mandatory field",
    severity: Severity::Fatal,
    condition: None,
    cause: "One of name, apiServerEndpoint, certificateAuthority or cidr is absent.",
    fix: "Fill spec.cluster from: aws eks describe-cluster --name CLUSTER",
};

/// The user data calls a script this AMI does not have.
pub const BOOTSTRAP_AL2_SCRIPT: Finding = Finding {
    code: "bootstrap.al2_script",
    title: "The user data calls a script this AMI does not have",
    severity: Severity::Fatal,
    condition: None,
    cause: "The launch template was written for an older or other AMI family.",
    fix: "Replace the bootstrap.sh call by a NodeConfig, or use the AMI family the script was written for",
};

/// The metadata service cannot be reached.
pub const BOOTSTRAP_IMDS_UNREACHABLE: Finding = Finding {
    code: "bootstrap.imds_unreachable",
    title: "The metadata service cannot be reached",
    severity: Severity::Fatal,
    condition: None,
    cause: "IMDS is disabled for the instance, the network is not up yet, or a firewall blocks 169.254.169.254.",
    fix: "aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled",
};

/// The EC2 API cannot be reached at boot.
pub const BOOTSTRAP_EC2_UNREACHABLE: Finding = Finding {
    code: "bootstrap.ec2_unreachable",
    title: "The EC2 API cannot be reached at boot",
    severity: Severity::Fatal,
    condition: None,
    cause: "The instance cannot ask EC2 about itself: no route, no endpoint, or DNS failure; the bootstrap gives up after some minutes.",
    fix: "Create an interface endpoint for com.amazonaws.REGION.ec2, give the subnet a NAT route, or set AWS_USE_DUALSTACK_ENDPOINT=true in an IPv6-only subnet; or name nodes by instance id (featureGates: InstanceIdNodeName), which needs no EC2",
};

/// The node role may not describe its instance.
pub const BOOTSTRAP_EC2_FORBIDDEN: Finding = Finding {
    code: "bootstrap.ec2_forbidden",
    title: "The node role may not describe its instance",
    severity: Severity::Fatal,
    condition: None,
    cause: "The role lacks ec2:DescribeInstances, or its credentials are not valid.",
    fix: "aws iam attach-role-policy --role-name ROLE --policy-arn arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy",
};

/// The image credential provider is not installed.
pub const BOOTSTRAP_CREDENTIAL_PROVIDER_MISSING: Finding = Finding {
    code: "bootstrap.credential_provider_missing",
    title: "The image credential provider is not installed",
    severity: Severity::Fatal,
    condition: None,
    cause: "A custom AMI lacks ecr-credential-provider, so no image could be pulled from ECR.",
    fix: "Install ecr-credential-provider under /etc/eks/image-credential-provider",
};

/// The containerd user configuration does not fit.
pub const BOOTSTRAP_CONTAINERD_CONFIG_VERSION: Finding = Finding {
    code: "bootstrap.containerd_config_version",
    title: "The containerd user configuration does not fit",
    severity: Severity::Fatal,
    condition: None,
    cause: "The NodeConfig carries settings for another containerd major version.",
    fix: "Write spec.containerd.config for the containerd version on the AMI",
};

/// The kubelet program is not installed.
pub const BOOTSTRAP_KUBELET_MISSING: Finding = Finding {
    code: "bootstrap.kubelet_missing",
    title: "The kubelet program is not installed",
    severity: Severity::Fatal,
    condition: None,
    cause: "The AMI build is incomplete or the file was removed.",
    fix: "Use an AMI that contains the kubelet",
};

/// A bootstrap unit failed.
pub const BOOTSTRAP_UNIT_FAILED: Finding = Finding {
    code: "bootstrap.unit_failed",
    title: "A bootstrap unit failed",
    severity: Severity::Fatal,
    condition: None,
    cause: "systemd reports the bootstrap as failed; the reason stands in the journal of the unit.",
    fix: "journalctl -b -u nodeadm-config -u nodeadm-run",
};

/// An AWS API throttles this node.
pub const AWS_API_THROTTLED: Finding = Finding {
    code: "aws.api_throttled",
    title: "An AWS API throttles this node",
    severity: Severity::Warning,
    condition: None,
    cause: "Many instances call the same API at the same time.",
    fix: "Launch in smaller batches; raise AWS_MAX_ATTEMPTS for the bootstrap; raise WARM_IP_TARGET so that the CNI calls less often",
};

/// The kubelet was given a flag it does not know.
pub const KUBELET_UNKNOWN_FLAG: Finding = Finding {
    code: "kubelet.unknown_flag",
    title: "The kubelet was given a flag it does not know",
    severity: Severity::Fatal,
    condition: None,
    cause: "A flag was removed in this version, or extra arguments have a typing error.",
    fix: "Remove the flag from spec.kubelet.flags or from the drop-in of the unit",
};

/// A node label is not allowed.
pub const KUBELET_BAD_NODE_LABEL: Finding = Finding {
    code: "kubelet.bad_node_label",
    title: "A node label is not allowed",
    severity: Severity::Fatal,
    condition: None,
    cause: "Nodes may not set labels in the reserved namespaces.",
    fix: "Use a label under node.kubernetes.io/ or your own domain",
};

/// The kubelet port is taken.
pub const KUBELET_PORT_IN_USE: Finding = Finding {
    code: "kubelet.port_in_use",
    title: "The kubelet port is taken",
    severity: Severity::Fatal,
    condition: None,
    cause: "Another process or a second kubelet listens on 10250.",
    fix: "ss -ltnp \"sport = :10250\" and stop that process",
};

/// The kubelet configuration is not valid.
pub const KUBELET_CONFIG_INVALID: Finding = Finding {
    code: "kubelet.config_invalid",
    title: "The kubelet configuration is not valid",
    severity: Severity::Fatal,
    condition: None,
    cause: "The configuration file is missing, malformed or holds values that contradict each other. An unknown field alone only warns and does not stop the kubelet.",
    fix: "Correct the file or the drop-in named in the message",
};

/// The kubelet keeps restarting.
pub const KUBELET_CRASH_LOOP: Finding = Finding {
    code: "kubelet.crash_loop",
    title: "The kubelet keeps restarting",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kubelet exits shortly after each start; its own last error is the cause.",
    fix: "journalctl -u kubelet -b | grep \"command failed\" | tail -1",
};

/// The client CA file of the kubelet is missing.
pub const KUBELET_CLIENT_CA_MISSING: Finding = Finding {
    code: "kubelet.client_ca_missing",
    title: "The client CA file of the kubelet is missing",
    severity: Severity::Fatal,
    condition: None,
    cause: "The bootstrap did not write the cluster CA, or wrote an empty file.",
    fix: "Rerun the bootstrap; check certificateAuthority in the NodeConfig",
};

/// The runtime offers no CRI service.
pub const RUNTIME_CRI_UNAVAILABLE: Finding = Finding {
    code: "runtime.cri_unavailable",
    title: "The runtime offers no CRI service",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "The CRI plugin is disabled in the configuration or failed to load (wrong section, missing snapshotter).",
    fix: "Remove cri from disabled_plugins in /etc/containerd/config.toml; ctr plugins ls | grep cri",
};

/// The container runtime socket does not exist.
pub const RUNTIME_SOCKET_MISSING: Finding = Finding {
    code: "runtime.socket_missing",
    title: "The container runtime socket does not exist",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "containerd is not running or listens elsewhere.",
    fix: "systemctl status containerd; journalctl -u containerd -b",
};

/// The pod network is not configured.
pub const CNI_NOT_READY: Finding = Finding {
    code: "cni.not_ready",
    title: "The pod network is not configured",
    severity: Severity::Fatal,
    condition: Some(Condition::Networking),
    cause: "No CNI configuration exists yet: the network DaemonSet has not started or crashed.",
    fix: "kubectl -n kube-system get pods -l k8s-app=aws-node -o wide; look at its log on this node",
};

/// The pause image is not available.
pub const IMAGE_SANDBOX_UNAVAILABLE: Finding = Finding {
    code: "image.sandbox_unavailable",
    title: "The pause image is not available",
    severity: Severity::Fatal,
    condition: Some(Condition::ContainerRuntime),
    cause: "No pod can start: the pause image was removed or never loaded and the runtime cannot pull it (it has no registry credentials of its own).",
    fix: "systemctl restart sandbox-image, or use an AMI with the image built in; keep it out of image garbage collection",
};

/// The SSM agent is not running.
pub const SSM_NOT_RUNNING: Finding = Finding {
    code: "ssm.not_running",
    title: "The SSM agent is not running",
    severity: Severity::Warning,
    condition: None,
    cause: "The unit is not installed, masked or crashed.",
    fix: "systemctl enable --now amazon-ssm-agent",
};

/// Every entry of the catalogue.
pub const CATALOGUE: &[&Finding] = &[
    &BOOTSTRAP_NO_NODE_CONFIG,
    &BOOTSTRAP_BAD_USER_DATA,
    &BOOTSTRAP_INCOMPLETE_CONFIG,
    &BOOTSTRAP_AL2_SCRIPT,
    &BOOTSTRAP_IMDS_UNREACHABLE,
    &BOOTSTRAP_EC2_UNREACHABLE,
    &BOOTSTRAP_EC2_FORBIDDEN,
    &BOOTSTRAP_CREDENTIAL_PROVIDER_MISSING,
    &BOOTSTRAP_CONTAINERD_CONFIG_VERSION,
    &BOOTSTRAP_KUBELET_MISSING,
    &BOOTSTRAP_UNIT_FAILED,
    &AWS_API_THROTTLED,
    &TIME_SIGNATURE_EXPIRED,
    &TIME_CERT_VALIDITY,
    &TIME_UNSYNCHRONIZED,
    &NETWORK_PROXY_FAILED,
    &NETWORK_CA_MISMATCH,
    &NETWORK_DNS_NO_SUCH_HOST,
    &NETWORK_API_REFUSED,
    &NETWORK_API_TIMEOUT,
    &NETWORK_DNS_UNAVAILABLE,
    &NETWORK_NO_ROUTE,
    &NETWORK_TLS_TIMEOUT,
    &NETWORK_CERT_NAME,
    &NETWORK_API_THROTTLED,
    &NETWORK_API_UNAVAILABLE,
    &NETWORK_TLS_FAILED,
    &JOIN_UNAUTHORIZED,
    &JOIN_NO_CREDENTIALS,
    &JOIN_NO_PRIVATE_DNS,
    &JOIN_NODE_NAME_MISMATCH,
    &JOIN_EXEC_FAILED,
    &JOIN_NOT_REGISTERED,
    &JOIN_ANONYMOUS,
    &JOIN_EXEC_MISSING,
    &JOIN_KUBECONFIG_INVALID,
    &JOIN_GROUPS_MISSING,
    &JOIN_STS_REGION_DISABLED,
    &KUBELET_UNKNOWN_FLAG,
    &KUBELET_BAD_NODE_LABEL,
    &KUBELET_PORT_IN_USE,
    &KUBELET_CONFIG_INVALID,
    &KUBELET_CRASH_LOOP,
    &KUBELET_CLIENT_CA_MISSING,
    &RUNTIME_CRI_UNAVAILABLE,
    &RUNTIME_SOCKET_MISSING,
    &CNI_NOT_READY,
    &IMAGE_SANDBOX_UNAVAILABLE,
    &SSM_NOT_RUNNING,
];
