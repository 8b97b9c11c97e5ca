//! Auto Scaling groups and the launch templates that they launch from: what a node group is in EC2.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{Moto, MotoError, need};

/// What instances are launched with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchTemplate {
    /// `ami-…`; moto takes any.
    pub image_id: String,
    /// Such as `m5.large`.
    pub instance_type: String,
    /// Name of the instance profile.
    pub instance_profile: String,
    /// The raw bytes, not encoded.
    pub user_data: Vec<u8>,
}

/// What `CreateAutoScalingGroup` is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Such as `eks-general-1`.
    pub name: String,
    /// `lt-…`.
    pub launch_template_id: String,
    /// The version that instances are launched from.
    pub launch_template_version: String,
    /// `subnet-…`, in which instances are launched in turn.
    pub subnet_ids: Vec<String>,
    /// How many instances there are to be now.
    pub desired_capacity: u32,
    /// How many there may be.
    pub max_size: u32,
    /// Tags of the group that its instances get too.
    pub tags: BTreeMap<String, String>,
}

impl Moto {
    /// Makes a launch template; returns its id.
    pub async fn create_launch_template(
        &self,
        name: &str,
        template: &LaunchTemplate,
    ) -> Result<String, MotoError> {
        let action = "CreateLaunchTemplate";
        let mut parameters = data(template);
        parameters.push(("LaunchTemplateName".to_owned(), name.to_owned()));
        let answer = self.send("ec2", action, parameters).await?;
        need(&answer, action, "launchTemplateId")
    }

    /// Makes another version of a launch template; returns its number.
    pub async fn create_launch_template_version(
        &self,
        launch_template_id: &str,
        template: &LaunchTemplate,
    ) -> Result<String, MotoError> {
        let action = "CreateLaunchTemplateVersion";
        let mut parameters = data(template);
        parameters.push(("LaunchTemplateId".to_owned(), launch_template_id.to_owned()));
        let answer = self.send("ec2", action, parameters).await?;
        need(&answer, action, "versionNumber")
    }

    /// Makes an Auto Scaling group, which launches its first instances.
    pub async fn create_group(&self, group: &Group) -> Result<(), MotoError> {
        self.send("autoscaling", "CreateAutoScalingGroup", parameters(group))
            .await
            .map(drop)
    }

    /// Has the group launch or terminate instances until it has so many.
    pub async fn set_desired_capacity(&self, group: &str, capacity: u32) -> Result<(), MotoError> {
        let capacity = capacity.to_string();
        let parameters = [
            ("AutoScalingGroupName", group),
            ("DesiredCapacity", capacity.as_str()),
        ];
        self.call("autoscaling", "SetDesiredCapacity", &parameters)
            .await
            .map(drop)
    }

    /// Terminates the instances of the group and deletes it.
    pub async fn delete_group(&self, group: &str) -> Result<(), MotoError> {
        let parameters = [("AutoScalingGroupName", group), ("ForceDelete", "true")];
        self.call("autoscaling", "DeleteAutoScalingGroup", &parameters)
            .await
            .map(drop)
    }
}

fn data(template: &LaunchTemplate) -> Vec<(String, String)> {
    let of = |name: &str, value: &str| (format!("LaunchTemplateData.{name}"), value.to_owned());
    vec![
        of("ImageId", &template.image_id),
        of("InstanceType", &template.instance_type),
        of("IamInstanceProfile.Name", &template.instance_profile),
        of("UserData", &BASE64.encode(&template.user_data)),
        of("MetadataOptions.HttpTokens", "required"),
    ]
}

fn parameters(group: &Group) -> Vec<(String, String)> {
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| parameters.push((name.to_owned(), value.to_owned()));
    add("AutoScalingGroupName", &group.name);
    add("LaunchTemplate.LaunchTemplateId", &group.launch_template_id);
    add("LaunchTemplate.Version", &group.launch_template_version);
    add("VPCZoneIdentifier", &group.subnet_ids.join(","));
    add("MinSize", "0");
    add("MaxSize", &group.max_size.to_string());
    add("DesiredCapacity", &group.desired_capacity.to_string());
    for ((key, value), number) in group.tags.iter().zip(1..) {
        let prefix = format!("Tags.member.{number}");
        add(&format!("{prefix}.ResourceId"), &group.name);
        add(&format!("{prefix}.ResourceType"), "auto-scaling-group");
        add(&format!("{prefix}.Key"), key);
        add(&format!("{prefix}.Value"), value);
        add(&format!("{prefix}.PropagateAtLaunch"), "true");
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_becomes_the_parameters_of_the_call() {
        let group = Group {
            name: "eks-general-1".to_owned(),
            launch_template_id: "lt-1".to_owned(),
            launch_template_version: "2".to_owned(),
            subnet_ids: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            desired_capacity: 2,
            max_size: 3,
            tags: BTreeMap::from([("eks:nodegroup-name".to_owned(), "general".to_owned())]),
        };
        let form = crate::cloud::uri::form(&parameters(&group));
        assert_eq!(
            form,
            "AutoScalingGroupName=eks-general-1&LaunchTemplate.LaunchTemplateId=lt-1\
             &LaunchTemplate.Version=2&VPCZoneIdentifier=subnet-1%2Csubnet-2&MinSize=0&MaxSize=3\
             &DesiredCapacity=2&Tags.member.1.ResourceId=eks-general-1\
             &Tags.member.1.ResourceType=auto-scaling-group&Tags.member.1.Key=eks%3Anodegroup-name\
             &Tags.member.1.Value=general&Tags.member.1.PropagateAtLaunch=true"
        );
    }
}
