//! What is known of add-ons: <https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html>.

/// What is known of an add-on that needs rights in AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub name: &'static str,
    /// Namespace of its service account.
    pub namespace: &'static str,
    /// Name of its service account.
    pub service_account: &'static str,
    /// Names, with their paths, of the policies of AWS that it needs; none when each user has to write one.
    pub policies: &'static [&'static str],
}

/// The add-ons of AWS that need rights.
pub const KNOWN: [Known; 6] = [
    Known {
        name: "vpc-cni",
        namespace: "kube-system",
        service_account: "aws-node",
        policies: &["AmazonEKS_CNI_Policy"],
    },
    Known {
        name: "aws-ebs-csi-driver",
        namespace: "kube-system",
        service_account: "ebs-csi-controller-sa",
        policies: &["service-role/AmazonEBSCSIDriverPolicy"],
    },
    Known {
        name: "aws-efs-csi-driver",
        namespace: "kube-system",
        service_account: "efs-csi-controller-sa",
        policies: &["service-role/AmazonEFSCSIDriverPolicy"],
    },
    Known {
        name: "aws-mountpoint-s3-csi-driver",
        namespace: "kube-system",
        service_account: "s3-csi-driver-sa",
        policies: &[],
    },
    Known {
        name: "amazon-cloudwatch-observability",
        namespace: "amazon-cloudwatch",
        service_account: "cloudwatch-agent",
        policies: &["AWSXrayWriteOnlyAccess", "CloudWatchAgentServerPolicy"],
    },
    Known {
        name: "aws-network-flow-monitoring-agent",
        namespace: "amazon-network-flow-monitor",
        service_account: "aws-network-flow-monitor-agent-service-account",
        policies: &["CloudWatchNetworkFlowMonitorAgentPublishPolicy"],
    },
];

/// What is known of the add-on of this name.
pub fn known(name: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.name == name)
}
