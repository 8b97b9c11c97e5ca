//! Findings of a boot that ends before the kubelet starts: user data, metadata service, EC2, the image.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const BOOTSTRAP: &[&Finding] = &[
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
    &BOOTSTRAP_USER_SCRIPT_FAILED,
    &BOOTSTRAP_USER_SCRIPT_RUNNING,
    &BOOTSTRAP_UNIT_FAILED,
    &BOOTSTRAP_EXEC_DENIED,
    &BOOTSTRAP_MAX_PODS_EXPRESSION,
    &BOOTSTRAP_CALLED_TOO_EARLY,
];

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
    cause: "The AMI build is incomplete, the file was removed or cannot be executed, or the unit of the kubelet is missing or masked.",
    fix: "systemctl status kubelet; use an AMI that contains the kubelet, and unmask its unit",
};

/// A user data script failed.
pub const BOOTSTRAP_USER_SCRIPT_FAILED: Finding = Finding {
    code: "bootstrap.user_script_failed",
    title: "A user data script failed",
    severity: Severity::Warning,
    condition: None,
    cause: "A script of the launch template or of the image that cloud-init ran before this node joined exited with an error; what follows the error in the script was not done.",
    fix: "Read /var/log/cloud-init-output.log from the first error and repair the script; AgentConfig scriptGate says whether the node joins all the same",
};

/// A user data script has not ended.
pub const BOOTSTRAP_USER_SCRIPT_RUNNING: Finding = Finding {
    code: "bootstrap.user_script_running",
    title: "A user data script has not ended",
    severity: Severity::Warning,
    condition: None,
    cause: "cloud-init still runs the scripts of the launch template or of the image, and the kubelet is started only after them.",
    fix: "systemd-cgls -u cloud-final.service shows what it is at; read the end of /var/log/cloud-init-output.log",
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

/// The bootstrap program may not be executed.
pub const BOOTSTRAP_EXEC_DENIED: Finding = Finding {
    code: "bootstrap.exec_denied",
    title: "The bootstrap program may not be executed",
    severity: Severity::Fatal,
    condition: None,
    cause: "SELinux enforces and the file has a wrong label, its file system is mounted noexec, or hardening took its execute bit.",
    fix: "restorecon -v /usr/bin/nodeadm ; ls -lZ /usr/bin/nodeadm ; ausearch -m avc -ts boot",
};

/// The max pods expression was not used.
pub const BOOTSTRAP_MAX_PODS_EXPRESSION: Finding = Finding {
    code: "bootstrap.max_pods_expression",
    title: "The max pods expression was not used",
    severity: Severity::Warning,
    condition: None,
    cause: "The expression has an error or gives no usable number, so max pods is what it would be without it.",
    fix: "Correct spec.kubelet.maxPodsExpression in the NodeConfig; the message names the error",
};

/// The bootstrap was called from user data.
pub const BOOTSTRAP_CALLED_TOO_EARLY: Finding = Finding {
    code: "bootstrap.called_too_early",
    title: "The bootstrap was called from user data",
    severity: Severity::Fatal,
    condition: None,
    cause: "A script of the user data called nodeadm before cloud-init had ended; it refuses that.",
    fix: "Remove the call from the user data: the units nodeadm-config and nodeadm-run make it",
};
