//! Findings of the SSM agent, by which a person gets into the node. None of them keeps a node from joining.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const SSM: &[&Finding] = &[
    &SSM_NOT_RUNNING,
    &SSM_NO_ROLE,
    &SSM_DENIED,
    &SSM_UNREACHABLE,
];

/// The SSM agent is not running.
pub const SSM_NOT_RUNNING: Finding = Finding {
    code: "ssm.not_running",
    title: "The SSM agent is not running",
    severity: Severity::Warning,
    condition: None,
    cause: "The unit is masked, was stopped, or its program crashes: nobody gets into the node through Session Manager.",
    fix: "systemctl unmask amazon-ssm-agent && systemctl enable --now amazon-ssm-agent",
};

/// The SSM agent finds no instance role.
pub const SSM_NO_ROLE: Finding = Finding {
    code: "ssm.no_role",
    title: "The SSM agent finds no instance role",
    severity: Severity::Warning,
    condition: None,
    cause: "No instance profile is attached, the metadata service does not answer the SSM agent, and Default Host Management is off.",
    fix: "Attach an instance profile whose role has the policy AmazonSSMManagedInstanceCore, then: systemctl restart amazon-ssm-agent",
};

/// The role may not use Systems Manager.
pub const SSM_DENIED: Finding = Finding {
    code: "ssm.denied",
    title: "The node role may not use Systems Manager",
    severity: Severity::Warning,
    condition: None,
    cause: "The role has no policy that allows ssm:UpdateInstanceInformation, or the policy of a VPC endpoint, a boundary or the organisation denies it. The SSM agent tries again only every half hour.",
    fix: "aws iam attach-role-policy --role-name ROLE --policy-arn arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore && systemctl restart amazon-ssm-agent",
};

/// The endpoints of Systems Manager cannot be reached.
pub const SSM_UNREACHABLE: Finding = Finding {
    code: "ssm.unreachable",
    title: "The endpoints of Systems Manager cannot be reached",
    severity: Severity::Warning,
    condition: None,
    cause: "There is no way to ssm or ssmmessages of this region: neither a NAT gateway nor interface endpoints with private DNS, a security group that does not let port 443 in, or a proxy that refuses.",
    fix: "Create interface endpoints for com.amazonaws.REGION.ssm and com.amazonaws.REGION.ssmmessages in the VPC, or let port 443 out",
};
