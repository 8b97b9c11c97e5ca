//! The Auto Scaling group, launch template and instance profile of a managed node group, made in the account by EKS.

use serde_json::Value;

use super::super::state::Made;
use super::super::{Eks, Fault, Work, tolerate};
use super::template::Template;
use super::user_data;
use crate::cloud::moto::{Moto, MotoError};
use crate::cloud::random;
use crate::cloud::xml;

impl Work<'_> {
    pub(super) async fn make_group(
        &self,
        document: &Value,
        template: &Template,
        role: &str,
    ) -> Result<Made, Fault> {
        let id = random::request_id();
        let name = document["nodegroupName"].as_str().unwrap_or_default();
        let mut made = Made {
            group: format!("eks-{name}-{id}"),
            template_id: String::new(),
            instance_profile: format!("eks-{id}"),
            role: role.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        let making = async {
            let profile = ("InstanceProfileName", made.instance_profile.as_str());
            self.moto
                .call("iam", "CreateInstanceProfile", &[profile])
                .await?;
            let parameters = [profile, ("RoleName", made.role.as_str())];
            self.moto
                .call("iam", "AddRoleToInstanceProfile", &parameters)
                .await?;
            let mut parameters = template.parameters(document, &made.instance_profile);
            parameters.push(("LaunchTemplateName".to_owned(), format!("eks-{id}")));
            parameters.extend(owner_tags(document));
            let answer = self
                .moto
                .send("ec2", "CreateLaunchTemplate", parameters)
                .await?;
            made.template_id = xml::text(&answer, "launchTemplateId").unwrap_or_default();
            let parameters = group_parameters(document, &made);
            self.moto
                .send("autoscaling", "CreateAutoScalingGroup", parameters)
                .await
        };
        match making.await {
            Ok(_) => Ok(made),
            Err(error) => {
                self.take_group_away(&made).await;
                take_profile_away(&self.moto, &made).await;
                Err(Fault::internal(&error))
            }
        }
    }

    /// A new version of the template for all instances from now on; those that there are give way one after the other.
    pub(super) async fn roll_group(
        &self,
        made: &Made,
        document: &Value,
        template: &Template,
    ) -> Result<(), Fault> {
        let rolling = async {
            let mut parameters = template.parameters(document, &made.instance_profile);
            parameters.push(("LaunchTemplateId".to_owned(), made.template_id.clone()));
            let answer = self
                .moto
                .send("ec2", "CreateLaunchTemplateVersion", parameters)
                .await?;
            let version = xml::text(&answer, "versionNumber").unwrap_or_default();
            let group = ("AutoScalingGroupName", made.group.as_str());
            let parameters = [
                group,
                ("LaunchTemplate.LaunchTemplateId", &made.template_id),
                ("LaunchTemplate.Version", &version),
            ];
            self.moto
                .call("autoscaling", "UpdateAutoScalingGroup", &parameters)
                .await?;
            for instance in instances(&self.moto, &made.group).await? {
                let parameters = [
                    ("InstanceId", instance.as_str()),
                    ("ShouldDecrementDesiredCapacity", "false"),
                ];
                let action = "TerminateInstanceInAutoScalingGroup";
                self.moto.call("autoscaling", action, &parameters).await?;
            }
            Ok(())
        };
        rolling
            .await
            .map_err(|error: MotoError| Fault::internal(&error))
    }

    pub(super) async fn scale_group(&self, made: &Made, scaling: &Value) -> Result<(), Fault> {
        let [min, max, desired] =
            ["minSize", "maxSize", "desiredSize"].map(|name| scaling[name].to_string());
        let parameters = [
            ("AutoScalingGroupName", made.group.as_str()),
            ("MinSize", &min),
            ("MaxSize", &max),
            ("DesiredCapacity", &desired),
        ];
        let scaled = self
            .moto
            .call("autoscaling", "UpdateAutoScalingGroup", &parameters)
            .await;
        scaled.map(drop).map_err(|error| Fault::internal(&error))
    }

    /// The instances, the group and the template. The profile stays until the node group is gone.
    pub(super) async fn take_group_away(&self, made: &Made) {
        let group = ("AutoScalingGroupName", made.group.as_str());
        let parameters = [group, ("MinSize", "0"), ("DesiredCapacity", "0")];
        tolerate(
            self.moto
                .call("autoscaling", "UpdateAutoScalingGroup", &parameters)
                .await,
        );
        let parameters = [group, ("ForceDelete", "true")];
        tolerate(
            self.moto
                .call("autoscaling", "DeleteAutoScalingGroup", &parameters)
                .await,
        );
        let parameters = [("LaunchTemplateId", made.template_id.as_str())];
        tolerate(
            self.moto
                .call("ec2", "DeleteLaunchTemplate", &parameters)
                .await,
        );
    }
}

impl Eks {
    /// What is left of a node group that is gone.
    pub(in crate::cloud::gateway::eks) async fn forget_group(&self, region: &str, made: &Made) {
        take_profile_away(&self.moto.in_region(region), made).await;
    }
}

async fn take_profile_away(moto: &Moto, made: &Made) {
    let profile = ("InstanceProfileName", made.instance_profile.as_str());
    let parameters = [profile, ("RoleName", made.role.as_str())];
    tolerate(
        moto.call("iam", "RemoveRoleFromInstanceProfile", &parameters)
            .await,
    );
    tolerate(moto.call("iam", "DeleteInstanceProfile", &[profile]).await);
}

async fn instances(moto: &Moto, group: &str) -> Result<Vec<String>, MotoError> {
    let parameters = [("AutoScalingGroupNames.member.1", group)];
    let answer = moto
        .call("autoscaling", "DescribeAutoScalingGroups", &parameters)
        .await?;
    Ok(xml::texts(&answer, "InstanceId"))
}

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap_or_default()
}

/// The tags of the template that EKS makes.
fn owner_tags(document: &Value) -> Vec<(String, String)> {
    let prefix = "TagSpecification.1";
    let mut parameters = vec![(
        format!("{prefix}.ResourceType"),
        "launch-template".to_owned(),
    )];
    let tags = [
        ("eks:cluster-name", text(document, "clusterName")),
        ("eks:nodegroup-name", text(document, "nodegroupName")),
    ];
    for (number, (key, value)) in (1..).zip(tags) {
        parameters.push((format!("{prefix}.Tag.{number}.Key"), key.to_owned()));
        parameters.push((format!("{prefix}.Tag.{number}.Value"), value.to_owned()));
    }
    parameters
}

fn group_parameters(document: &Value, made: &Made) -> Vec<(String, String)> {
    let scaling = &document["scalingConfig"];
    let cluster = text(document, "clusterName");
    let mut parameters: Vec<(String, String)> = [
        ("AutoScalingGroupName", made.group.clone()),
        ("MinSize", scaling["minSize"].to_string()),
        ("MaxSize", scaling["maxSize"].to_string()),
        ("DesiredCapacity", scaling["desiredSize"].to_string()),
        ("VPCZoneIdentifier", user_data::zones(document)),
        ("LaunchTemplate.LaunchTemplateId", made.template_id.clone()),
        ("LaunchTemplate.Version", "1".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let tags = [
        ("eks:cluster-name".to_owned(), cluster),
        (
            "eks:nodegroup-name".to_owned(),
            text(document, "nodegroupName"),
        ),
        (format!("kubernetes.io/cluster/{cluster}"), "owned"),
        ("k8s.io/cluster-autoscaler/enabled".to_owned(), "true"),
        (format!("k8s.io/cluster-autoscaler/{cluster}"), "owned"),
    ];
    for (number, (key, value)) in (1..).zip(tags) {
        for (name, value) in [
            ("Key", key.as_str()),
            ("Value", value),
            ("PropagateAtLaunch", "true"),
            ("ResourceId", &made.group),
            ("ResourceType", "auto-scaling-group"),
        ] {
            parameters.push((format!("Tags.member.{number}.{name}"), value.to_owned()));
        }
    }
    parameters
}
