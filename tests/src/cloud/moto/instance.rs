//! Instances: what stands in EC2 for each machine of the lab.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use jiff::Timestamp;

use super::{Moto, MotoError, incomplete, need};
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

/// What EC2 knows of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `i-` and 17 hexadecimal digits.
    pub instance_id: String,
    /// Such as `running` or `stopped`.
    pub state: String,
    /// `ami-…`.
    pub image_id: String,
    /// Such as `m5.large`.
    pub instance_type: String,
    /// The address of the primary interface.
    pub private_ip: Ipv4Addr,
    /// Such as `ip-10-88-0-11.us-west-2.compute.internal`.
    pub private_dns_name: String,
    /// `eni-…` of the primary interface.
    pub interface_id: String,
    /// `subnet-…`.
    pub subnet_id: String,
    /// `vpc-…`.
    pub vpc_id: String,
    /// Such as `us-west-2a`.
    pub availability_zone: String,
    /// Name of the instance profile.
    pub instance_profile: Option<String>,
    /// With those that came from a launch template and an Auto Scaling group.
    pub tags: BTreeMap<String, String>,
    /// Whether the metadata service shows the tags.
    pub metadata_tags: bool,
    /// When it was launched.
    pub launch_time: Timestamp,
}

impl Instance {
    /// Reads an `item` of an `instancesSet`.
    fn read(item: &str, action: &str) -> Result<Self, MotoError> {
        let text = |element| need(item, action, element);
        let state = xml::element(item, "instanceState").unwrap_or_default();
        let profile = xml::element(item, "iamInstanceProfile");
        let profile = profile.and_then(|profile| xml::text(profile, "arn"));
        let tags = items(item, "tagSet");
        Ok(Self {
            instance_id: text("instanceId")?,
            state: need(state, action, "name")?,
            image_id: text("imageId")?,
            instance_type: text("instanceType")?,
            private_ip: text("privateIpAddress")?
                .parse()
                .map_err(|_| incomplete(action, "privateIpAddress"))?,
            private_dns_name: text("privateDnsName")?,
            interface_id: text("networkInterfaceId")?,
            subnet_id: text("subnetId")?,
            vpc_id: text("vpcId")?,
            availability_zone: text("availabilityZone")?,
            instance_profile: profile.map(|arn| {
                let name = arn.rsplit_once('/').map(|(_, name)| name.to_owned());
                name.unwrap_or(arn)
            }),
            tags: tags
                .filter_map(|tag| {
                    let value = xml::text(tag, "value").unwrap_or_default();
                    Some((xml::text(tag, "key")?, value))
                })
                .collect(),
            metadata_tags: xml::element(item, "instanceMetadataTags") == Some("enabled"),
            launch_time: text("launchTime")?
                .parse()
                .map_err(|_| incomplete(action, "launchTime"))?,
        })
    }
}

impl Moto {
    /// Starts an instance; returns its id.
    pub async fn run_instance(&self, spec: &InstanceSpec) -> Result<String, MotoError> {
        let action = "RunInstances";
        let answer = self.send("ec2", action, parameters(spec)).await?;
        need(&answer, action, "instanceId")
    }

    /// All instances that are not terminated.
    pub async fn instances(&self) -> Result<Vec<Instance>, MotoError> {
        let states = ["pending", "running", "stopping", "stopped"];
        let mut parameters = vec![("Filter.1.Name".to_owned(), "instance-state-name".to_owned())];
        parameters.extend(states.iter().zip(1..).map(|(state, number)| {
            let name = format!("Filter.1.Value.{number}");
            (name, (*state).to_owned())
        }));
        self.describe_instances(parameters).await
    }

    /// What EC2 knows of this instance.
    pub async fn instance(&self, instance_id: &str) -> Result<Instance, MotoError> {
        let parameters = vec![("InstanceId.1".to_owned(), instance_id.to_owned())];
        let mut instances = self.describe_instances(parameters).await?;
        instances
            .pop()
            .ok_or_else(|| incomplete("DescribeInstances", "instancesSet"))
    }

    async fn describe_instances(
        &self,
        parameters: Vec<(String, String)>,
    ) -> Result<Vec<Instance>, MotoError> {
        let action = "DescribeInstances";
        let answer = self.send("ec2", action, parameters).await?;
        items(&answer, "reservationSet")
            .flat_map(|reservation| items(reservation, "instancesSet"))
            .map(|item| Instance::read(item, action))
            .collect()
    }

    /// The user data of an instance, in base64, from wherever they came; `None` when it has none.
    pub async fn user_data(&self, instance_id: &str) -> Result<Option<String>, MotoError> {
        let parameters = [("InstanceId", instance_id), ("Attribute", "userData")];
        let answer = self
            .call("ec2", "DescribeInstanceAttribute", &parameters)
            .await?;
        let user_data = xml::element(&answer, "userData").unwrap_or_default();
        Ok(xml::text(user_data, "value").filter(|text| !text.is_empty()))
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

/// The items of the first set of that name.
fn items<'a>(document: &'a str, set: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let set = xml::element(document, set).unwrap_or_default();
    xml::children(set)
        .into_iter()
        .map(|(_item, content)| content)
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
    fn an_instance_of_an_auto_scaling_group_is_read() {
        let item = "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>\
            <groupSet><item><groupId>sg-1</groupId></item></groupSet></item></networkInterfaceSet>\
            <metadataOptions><instanceMetadataTags>enabled</instanceMetadataTags></metadataOptions>\
            <instanceId>i-1</instanceId><imageId>ami-1</imageId>\
            <instanceState><code>16</code><name>running</name></instanceState>\
            <privateDnsName>ip-10-0-1-4.ec2.internal</privateDnsName><instanceType>m5.large</instanceType>\
            <launchTime>2026-11-27T18:04:59.000Z</launchTime>\
            <placement><availabilityZone>us-east-1b</availabilityZone></placement>\
            <subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><privateIpAddress>10.0.1.4</privateIpAddress>\
            <iamInstanceProfile><arn>arn:aws:iam::123456789012:instance-profile/eks/node</arn></iamInstanceProfile>\
            <tagSet><item><key>eks:nodegroup-name</key><value>general</value></item>\
            <item><key>empty</key><value/></item></tagSet>";
        let instance = Instance::read(item, "DescribeInstances").unwrap();
        assert_eq!(instance.state, "running");
        assert_eq!(instance.interface_id, "eni-1");
        assert_eq!(instance.private_ip, Ipv4Addr::new(10, 0, 1, 4));
        assert_eq!(instance.instance_profile.as_deref(), Some("node"));
        assert_eq!(instance.tags["eks:nodegroup-name"], "general");
        assert_eq!(instance.tags["empty"], "");
        assert!(instance.metadata_tags);

        let error = Instance::read("<instanceId>i-1</instanceId>", "DescribeInstances");
        assert!(error.unwrap_err().to_string().contains("`name`"));
    }

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
