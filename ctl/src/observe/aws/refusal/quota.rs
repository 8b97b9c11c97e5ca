//! Quotas by the error code that says that one is used up.
//!
//! Codes of quotas: `aws service-quotas list-service-quotas --service-code SERVICE`.

/// A quota of an account in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Its name in Service Quotas.
    pub name: &'static str,
    /// Code of the service in Service Quotas.
    pub service: &'static str,
    /// Its code, `L-…`.
    pub code: &'static str,
}

impl Quota {
    /// How more of it is asked for.
    pub(super) fn hint(&self) -> String {
        let Self {
            name,
            service,
            code,
        } = self;
        format!(
            "the quota \"{name}\" is used up: `aws service-quotas request-service-quota-increase --service-code {service} --quota-code {code} --desired-value N` asks for more"
        )
    }
}

/// The quota that an error code is about, where the code and the action that was refused say it.
pub(super) fn quota(action: &str, code: &str) -> Option<Quota> {
    let (name, service, code) = match (code, action) {
        ("VpcLimitExceeded", _) => ("VPCs per Region", "vpc", "L-F678F1CE"),
        ("InternetGatewayLimitExceeded", _) => {
            ("Internet gateways per Region", "vpc", "L-A4707A72")
        }
        ("NatGatewayLimitExceeded", _) => {
            ("NAT gateways per Availability Zone", "vpc", "L-FE5A380F")
        }
        ("SubnetLimitExceeded", _) => ("Subnets per VPC", "vpc", "L-407747CB"),
        ("RouteTableLimitExceeded", _) => ("Route tables per VPC", "vpc", "L-589F43AA"),
        ("SecurityGroupLimitExceeded", _) => {
            ("VPC security groups per Region", "vpc", "L-E79EC296")
        }
        ("AddressLimitExceeded", _) => ("EC2-VPC Elastic IPs", "ec2", "L-0263D0A3"),
        ("VcpuLimitExceeded" | "InstanceLimitExceeded", _) => (
            "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
            "ec2",
            "L-1216C47A",
        ),
        ("MaxSpotInstanceCountExceeded", _) => (
            "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests",
            "ec2",
            "L-34B43A08",
        ),
        ("ResourceLimitExceededException", "eks:CreateCluster") => {
            ("Clusters", "eks", "L-1194D53C")
        }
        ("ResourceLimitExceededException", "eks:CreateNodegroup") => {
            ("Managed node groups per cluster", "eks", "L-6D54EA21")
        }
        ("LimitExceeded" | "LimitExceededException", "iam:CreateRole") => {
            ("Roles per account", "iam", "L-FE177D64")
        }
        ("LimitExceeded" | "LimitExceededException", "iam:AttachRolePolicy") => {
            ("Managed policies per role", "iam", "L-0DA4ABF3")
        }
        ("LimitExceeded" | "LimitExceededFault", "autoscaling:CreateAutoScalingGroup") => (
            "Auto Scaling groups per region",
            "autoscaling",
            "L-CDE20ADC",
        ),
        _ => return None,
    };
    Some(Quota {
        name,
        service,
        code,
    })
}
