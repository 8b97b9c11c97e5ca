//! Subnets and the VPCs that they are part of.

use super::{Moto, MotoError, need};

/// What EC2 knows of a subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Such as `10.0.0.0/24`.
    pub cidr: String,
    /// The primary network of its VPC, such as `10.0.0.0/16`.
    pub vpc_cidr: String,
    /// Such as `use1-az1`.
    pub availability_zone_id: String,
}

impl Moto {
    /// What EC2 knows of this subnet.
    pub async fn subnet(&self, subnet_id: &str) -> Result<Subnet, MotoError> {
        let action = "DescribeSubnets";
        let parameters = [("SubnetId.1", subnet_id)];
        let answer = self.call("ec2", action, &parameters).await?;
        let vpc_id = need(&answer, action, "vpcId")?;
        let parameters = [("VpcId.1", vpc_id.as_str())];
        let vpc = self.call("ec2", "DescribeVpcs", &parameters).await?;
        Ok(Subnet {
            cidr: need(&answer, action, "cidrBlock")?,
            vpc_cidr: need(&vpc, "DescribeVpcs", "cidrBlock")?,
            availability_zone_id: need(&answer, action, "availabilityZoneId")?,
        })
    }
}
