//! Findings of a node that the cluster does not take: credentials, identity, registration.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const JOIN: &[&Finding] = &[
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
    &JOIN_STS_UNREACHABLE,
    &JOIN_CLUSTER_NAME_MISMATCH,
    &JOIN_CREDENTIALS_EXPIRED,
    &JOIN_NODE_NAME_TAKEN,
    &JOIN_SERVING_CERT_PENDING,
    &JOIN_REGISTRATION_FORBIDDEN,
];

/// The cluster does not accept the node role.
pub const JOIN_UNAUTHORIZED: Finding = Finding {
    code: "join.unauthorized",
    title: "The cluster does not accept the node role",
    severity: Severity::Fatal,
    condition: None,
    cause: "The API server answered but did not recognise the caller: the node role has no access entry and no aws-auth mapping, the role was deleted and made again, the mapping holds a role path or an instance-profile ARN, or the token was minted for another cluster name.",
    fix: "aws eks create-access-entry --cluster-name CLUSTER --principal-arn ROLE_ARN --type EC2_LINUX",
};

/// The instance has no AWS credentials.
pub const JOIN_NO_CREDENTIALS: Finding = Finding {
    code: "join.no_credentials",
    title: "The instance has no AWS credentials",
    severity: Severity::Fatal,
    condition: None,
    cause: "No instance profile is attached, its role was removed, or the metadata service did not offer credentials in time.",
    fix: "aws ec2 associate-iam-instance-profile --instance-id ID --iam-instance-profile Name=PROFILE",
};

/// The instance has no private DNS name.
pub const JOIN_NO_PRIVATE_DNS: Finding = Finding {
    code: "join.no_private_dns",
    title: "The instance has no private DNS name",
    severity: Severity::Fatal,
    condition: None,
    cause: "The VPC gives no private DNS name, so the node name is empty: the DHCP option set lacks domain-name or domain-name-servers, or DNS hostnames are off.",
    fix: "Set enableDnsHostnames on the VPC and give the DHCP option set a domain name and AmazonProvidedDNS",
};

/// The node registers under a name its identity may not use.
pub const JOIN_NODE_NAME_MISMATCH: Finding = Finding {
    code: "join.node_name_mismatch",
    title: "The node registers under a name its identity may not use",
    severity: Severity::Fatal,
    condition: None,
    cause: "The user name the cluster maps for this instance differs from the name the kubelet registers (hostname override, custom DHCP domain, or the instance-id naming feature without a matching mapping).",
    fix: "Map the role to system:node:{{EC2PrivateDNSName}}, or use an EC2_LINUX access entry, and remove --hostname-override",
};

/// The credential helper of the kubelet fails.
pub const JOIN_EXEC_FAILED: Finding = Finding {
    code: "join.exec_failed",
    title: "The credential helper of the kubelet fails",
    severity: Severity::Fatal,
    condition: None,
    cause: "The token helper ran and exited with an error; usual reasons are missing instance credentials, an unreachable STS endpoint or a wrong region.",
    fix: "Run the command of the exec section by hand as root and repair what it prints",
};

/// The kubelet runs but never registered.
pub const JOIN_NOT_REGISTERED: Finding = Finding {
    code: "join.not_registered",
    title: "The kubelet runs but never registered",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kubelet keeps trying to register and the node object does not appear; no sharper cause was seen.",
    fix: "Read journalctl -b -u kubelet from the line \"Attempting to register node\" on",
};

/// The kubelet talks to the cluster without credentials.
pub const JOIN_ANONYMOUS: Finding = Finding {
    code: "join.anonymous",
    title: "The kubelet talks to the cluster without credentials",
    severity: Severity::Fatal,
    condition: None,
    cause: "The request reached the API server with no bearer token, so it was treated as the anonymous user: the kubeconfig has no user entry or no exec section.",
    fix: "Restore the exec section of the kubelet kubeconfig and run: systemctl restart kubelet",
};

/// The credential helper of the kubelet is not installed.
pub const JOIN_EXEC_MISSING: Finding = Finding {
    code: "join.exec_missing",
    title: "The credential helper of the kubelet is not installed",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kubeconfig names an exec plugin (aws or aws-iam-authenticator) that does not exist at that path, so no token can be minted.",
    fix: "Install the helper named in the kubeconfig or correct its path, then: systemctl restart kubelet",
};

/// The kubeconfig of the kubelet cannot be used.
pub const JOIN_KUBECONFIG_INVALID: Finding = Finding {
    code: "join.kubeconfig_invalid",
    title: "The kubeconfig of the kubelet cannot be used",
    severity: Severity::Fatal,
    condition: None,
    cause: "The kubeconfig is missing or malformed; bootstrap did not finish or a template wrote bad YAML.",
    fix: "Rerun the bootstrap (systemctl restart nodeadm-config nodeadm-run) or correct the kubeconfig file",
};

/// The node role is mapped without the group of nodes.
pub const JOIN_GROUPS_MISSING: Finding = Finding {
    code: "join.groups_missing",
    title: "The node role is mapped without the group of nodes",
    severity: Severity::Fatal,
    condition: None,
    cause: "The cluster knows this node by its name but not as a member of system:nodes, so the API server lets it do nothing: the aws-auth mapping lacks the groups, or the access entry is of another type than EC2_LINUX.",
    fix: "Give the role the groups system:bootstrappers and system:nodes in aws-auth, or replace its access entry by one of type EC2_LINUX",
};

/// STS does not serve this account in this region.
pub const JOIN_STS_REGION_DISABLED: Finding = Finding {
    code: "join.sts_region_disabled",
    title: "STS does not serve this account in this region",
    severity: Severity::Fatal,
    condition: None,
    cause: "The cluster asks the STS of its region who signed the token, and STS is not active there for the account of the node, so every token is refused.",
    fix: "Activate the region under \"Security Token Service (STS)\" in the account settings of IAM, or: aws account enable-region --region-name REGION",
};

/// STS cannot be reached from this node.
pub const JOIN_STS_UNREACHABLE: Finding = Finding {
    code: "join.sts_unreachable",
    title: "STS cannot be reached from this node",
    severity: Severity::Warning,
    condition: None,
    cause: "Calls of this node to the regional STS endpoint fail: no NAT and no VPC endpoint, a blocked security group, or a proxy that does not let them through. The kubelet only presigns, so this alone keeps no node from joining; programs that call STS fail.",
    fix: "Create an interface endpoint for com.amazonaws.REGION.sts in the node subnets (port 443 from the nodes), or add a NAT route",
};

/// The configured cluster name is not this cluster's.
pub const JOIN_CLUSTER_NAME_MISMATCH: Finding = Finding {
    code: "join.cluster_name_mismatch",
    title: "The configured cluster name is not this cluster's",
    severity: Severity::Fatal,
    condition: None,
    cause: "A token is bound to one cluster name; with the wrong name every request is refused although role and network are right. EKS itself says so: it has no cluster of the configured name in this account and region, or has another one than the configured endpoint's.",
    fix: "Write the name that aws eks list-clusters --region REGION shows in spec.cluster.name of the NodeConfig, and launch the instance anew",
};

/// The credentials of the instance have expired.
pub const JOIN_CREDENTIALS_EXPIRED: Finding = Finding {
    code: "join.credentials_expired",
    title: "The credentials of the instance have expired",
    severity: Severity::Fatal,
    condition: None,
    cause: "The metadata service hands out credentials of the node role whose time is over, so every token signed with them is refused: AWS cannot renew them, because the role or its trust policy for ec2.amazonaws.com was changed or deleted after the instance was launched.",
    fix: "Restore the role and its trust policy: aws iam get-role --role-name ROLE ; then attach the instance profile anew, or replace the instance",
};

/// The Node of this name belongs to another instance.
pub const JOIN_NODE_NAME_TAKEN: Finding = Finding {
    code: "join.node_name_taken",
    title: "The Node of this name belongs to another instance",
    severity: Severity::Warning,
    condition: None,
    cause: "A Node of this name was registered by another instance, one that is gone and whose address this one has, or one that lives under the same name. The kubelet takes it over with that instance's provider id, and the cloud controller deletes it when that instance is gone; a kubelet registers only once.",
    fix: "kubectl delete node NODE ; then on this instance: systemctl restart kubelet",
};

/// The kubelet has no serving certificate.
pub const JOIN_SERVING_CERT_PENDING: Finding = Finding {
    code: "join.serving_cert_pending",
    title: "The kubelet has no serving certificate",
    severity: Severity::Warning,
    condition: None,
    cause: "The kubelet's request for a serving certificate was not approved: the role is mapped twice or to a wrong user name, or the DNS domain is custom. The node runs pods; logs and exec through the API server fail.",
    fix: "kubectl get csr ; then correct the mapping of the role, so that the request is approved by itself",
};

/// The cluster refuses to register this node.
pub const JOIN_REGISTRATION_FORBIDDEN: Finding = Finding {
    code: "join.registration_forbidden",
    title: "The cluster refuses to register this node",
    severity: Severity::Fatal,
    condition: None,
    cause: "The API server knows the node and answers 403 to the creation of its Node: a policy or a webhook of admission refuses it (a label, a taint or an annotation that Nodes must have here), or the API server runs without the Node authorizer and RBAC does not allow it.",
    fix: "kubectl get validatingadmissionpolicybindings,validatingwebhookconfigurations ; then exempt Nodes of the group system:nodes, or give the node what is asked for in spec.kubelet.flags",
};
