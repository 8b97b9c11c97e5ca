//! Instances: what stands in EC2 for each machine of the lab.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Moto, MotoError, need};
use crate::cloud::xml;

/// What `RunInstances` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstanceSpec {
    /// `ami-…`; moto takes any.
    pub image_id: String,
    /// Such as `m5.large`.
    pub instance_type: String,
    /// `subnet-…`, in which the address lies.
    pub subnet_id: String,
    /// The machine's address.
    pub private_ip: Ipv4Addr,
    /// Name of the instance profile; `None` for an instance without a role.
    pub instance_profile: Option<String>,
    /// The raw bytes, not encoded.
    pub user_data: Option<Vec<u8>>,
    /// Such as `Name`, `kubernetes.io/cluster/NAME`, `eks:nodegroup-name`.
    pub tags: BTreeMap<String, String>,
}

/// What EC2 knows of an instance then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-` and 17 hexadecimal digits.
    pub instance_id: String,
    /// Such as `ip-10-88-0-11.us-west-2.compute.internal`.
    pub private_dns_name: String,
    /// `eni-…` of the primary interface.
    pub interface_id: String,
    /// `subnet-…`.
    pub subnet_id: String,
    /// `vpc-…`.
    pub vpc_id: String,
}

impl Moto {
    /// Starts an instance.
    pub async fn run_instance(&self, spec: &InstanceSpec) -> Result<Instance, MotoError> {
        let action = "RunInstances";
        let answer = self.send("ec2", action, parameters(spec)).await?;
        Ok(Instance {
            instance_id: need(&answer, action, "instanceId")?,
            private_dns_name: need(&answer, action, "privateDnsName")?,
            interface_id: need(&answer, action, "networkInterfaceId")?,
            subnet_id: need(&answer, action, "subnetId")?,
            vpc_id: need(&answer, action, "vpcId")?,
        })
    }

    /// Ends an instance; one that EC2 does not know is no error.
    pub async fn terminate_instance(&self, instance_id: &str) -> Result<(), MotoError> {
        match self
            .call(
                "ec2",
                "TerminateInstances",
                &[("InstanceId.1", instance_id)],
            )
            .await
        {
            Err(MotoError::Refused { code, .. }) if code == "InvalidInstanceID.NotFound" => Ok(()),
            answer => answer.map(drop),
        }
    }

    /// Value of a tag of an instance; `None` when it has no such tag.
    pub async fn instance_tag(
        &self,
        instance_id: &str,
        key: &str,
    ) -> Result<Option<String>, MotoError> {
        let filters = [("resource-id", instance_id), ("key", key)];
        self.find("DescribeTags", &filters, "value").await
    }

    /// Such as `running` or `terminated`; `None` for an instance that EC2 does not know.
    pub async fn instance_state(&self, instance_id: &str) -> Result<Option<String>, MotoError> {
        let action = "DescribeInstances";
        match self
            .call("ec2", action, &[("InstanceId.1", instance_id)])
            .await
        {
            Ok(answer) => {
                let state = xml::element(&answer, "instanceState").unwrap_or_default();
                need(state, action, "name").map(Some)
            }
            Err(MotoError::Refused { code, .. }) if code == "InvalidInstanceID.NotFound" => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn parameters(spec: &InstanceSpec) -> Vec<(String, String)> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
    add("ImageId", &spec.image_id);
    add("InstanceType", &spec.instance_type);
    add("MinCount", "1");
    add("MaxCount", "1");
    // Said of the interface, and not of the instance, so that moto frees the address when the instance ends.
    add("NetworkInterface.1.DeviceIndex", "0");
    add("NetworkInterface.1.SubnetId", &spec.subnet_id);
    add(
        "NetworkInterface.1.PrivateIpAddress",
        &spec.private_ip.to_string(),
    );
    add("NetworkInterface.1.DeleteOnTermination", "true");
    if let Some(profile) = &spec.instance_profile {
        add("IamInstanceProfile.Name", profile);
    }
    if let Some(user_data) = &spec.user_data {
        add("UserData", &BASE64.encode(user_data));
    }
    add("MetadataOptions.HttpTokens", "required");
    if !spec.tags.is_empty() {
        add("TagSpecification.1.ResourceType", "instance");
    }
    for (number, (key, value)) in spec.tags.iter().enumerate() {
        let prefix = format!("TagSpecification.1.Tag.{}", number + 1);
        add(&format!("{prefix}.Key"), key);
        add(&format!("{prefix}.Value"), value);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_specification_becomes_the_parameters_of_the_call() {
        let spec = InstanceSpec {
            image_id: "ami-1".to_owned(),
            instance_type: "m5.large".to_owned(),
            subnet_id: "subnet-1".to_owned(),
            private_ip: Ipv4Addr::new(10, 88, 0, 11),
            instance_profile: None,
            user_data: Some(b"#!".to_vec()),
            tags: BTreeMap::from([("Name".to_owned(), "worker-1".to_owned())]),
        };
        let form = crate::cloud::uri::form(&parameters(&spec));
        assert_eq!(
            form,
            "ImageId=ami-1&InstanceType=m5.large&MinCount=1&MaxCount=1\
             &NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SubnetId=subnet-1\
             &NetworkInterface.1.PrivateIpAddress=10.88.0.11\
             &NetworkInterface.1.DeleteOnTermination=true&UserData=IyE%3D&MetadataOptions.HttpTokens=required\
             &TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=Name\
             &TagSpecification.1.Tag.1.Value=worker-1"
        );
    }
}
