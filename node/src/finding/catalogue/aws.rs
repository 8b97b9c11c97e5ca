//! Findings of calls to AWS that belong to no phase.

use crate::finding::{Finding, Severity};

/// All of this area.
pub(super) const AWS: &[&Finding] = &[
    &AWS_API_THROTTLED,
    &AWS_SPOT_INTERRUPTION,
    &AWS_REBALANCE,
    &AWS_MAINTENANCE,
    &AWS_ASG_TERMINATING,
    &AWS_IMDS_HOP_LIMIT,
    &AWS_IMDS_THROTTLED,
    &AWS_CLUSTER_TAG_MISSING,
];

/// An AWS API throttles this node.
pub const AWS_API_THROTTLED: Finding = Finding {
    code: "aws.api_throttled",
    title: "An AWS API throttles this node",
    severity: Severity::Warning,
    condition: None,
    cause: "Many instances call the same API at the same time.",
    fix: "Launch in smaller batches; raise AWS_MAX_ATTEMPTS for the bootstrap; raise WARM_IP_TARGET so that the CNI calls less often",
};

/// This spot instance will be reclaimed in two minutes.
pub const AWS_SPOT_INTERRUPTION: Finding = Finding {
    code: "aws.spot_interruption",
    title: "This spot instance will be reclaimed in two minutes",
    severity: Severity::Warning,
    condition: None,
    cause: "EC2 needs the capacity back and has said when it will stop, hibernate or terminate the instance.",
    fix: "kubectl drain NODE --ignore-daemonsets --delete-emptydir-data",
};

/// EC2 recommends to move off this spot instance.
pub const AWS_REBALANCE: Finding = Finding {
    code: "aws.rebalance",
    title: "EC2 recommends to move off this spot instance",
    severity: Severity::Info,
    condition: None,
    cause: "The risk that EC2 will need this spot instance back has risen; it may be long before the notice of two minutes, or together with it.",
    fix: "Start a replacement, then: kubectl drain NODE --ignore-daemonsets --delete-emptydir-data",
};

/// EC2 scheduled maintenance for this instance.
pub const AWS_MAINTENANCE: Finding = Finding {
    code: "aws.maintenance",
    title: "EC2 scheduled maintenance for this instance",
    severity: Severity::Warning,
    condition: None,
    cause: "The host below this instance will be rebooted or retired at the time that EC2 names.",
    fix: "Drain and replace the node before that time: aws ec2 describe-instance-status --instance-ids ID",
};

/// The Auto Scaling group is terminating this instance.
pub const AWS_ASG_TERMINATING: Finding = Finding {
    code: "aws.asg_terminating",
    title: "The Auto Scaling group is terminating this instance",
    severity: Severity::Info,
    condition: None,
    cause: "The group scales in, refreshes its instances or replaces this one.",
    fix: "Nothing to do, the drain should be running; why: aws autoscaling describe-scaling-activities",
};

/// Pods cannot reach the metadata service.
pub const AWS_IMDS_HOP_LIMIT: Finding = Finding {
    code: "aws.imds_hop_limit",
    title: "Pods cannot reach the metadata service",
    severity: Severity::Warning,
    condition: None,
    cause: "The response hop limit of the instance is 1, so that answers of the metadata service do not reach pods with a network of their own. That is safer, and no fault unless pods need the role or the region of the instance.",
    fix: "Use EKS Pod Identity, or: aws ec2 modify-instance-metadata-options --http-put-response-hop-limit 2 --instance-id ID",
};

/// The metadata service throttles this instance.
pub const AWS_IMDS_THROTTLED: Finding = Finding {
    code: "aws.imds_throttled",
    title: "The metadata service throttles this instance",
    severity: Severity::Warning,
    condition: None,
    cause: "Too many calls of the metadata service come from this instance, mostly by pods that do not keep their credentials.",
    fix: "Find the caller (tcpdump -n host 169.254.169.254), and give its pods EKS Pod Identity",
};

/// The instance lacks the cluster tag.
pub const AWS_CLUSTER_TAG_MISSING: Finding = Finding {
    code: "aws.cluster_tag_missing",
    title: "The instance lacks the cluster tag",
    severity: Severity::Warning,
    condition: None,
    cause: "The instance has no tag kubernetes.io/cluster/NAME, and what finds the nodes of the cluster by it (load balancer controllers, the cloud provider) does not see this one.",
    fix: "aws ec2 create-tags --tags Key=kubernetes.io/cluster/NAME,Value=owned --resources ID",
};
