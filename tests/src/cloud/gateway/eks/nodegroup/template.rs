//! The launch template that EKS makes of a request: the user's own template, if there is one, with what EKS adds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::super::request::Request;
use super::super::{Fault, Work, words};
use super::user_data;
use crate::cloud::moto::MotoError;
use crate::cloud::xml;

/// What EKS takes for a group that does not say.
const INSTANCE_TYPE: &str = "t3.medium";
const AMI_TYPE: &str = "AL2023_x86_64_STANDARD";
const DISK_GIB: i64 = 20;

/// Of what instances of a group are started.
#[derive(Debug)]
pub(super) struct Template {
    /// Parameters of `CreateLaunchTemplate`, without the user data.
    parameters: Vec<(String, String)>,
    /// The user's own user data.
    user_data: Option<String>,
    /// The cluster that nodes join.
    cluster: Value,
    pub(super) image_id: String,
    /// The user's template names the image.
    pub(super) is_custom: bool,
    pub(super) ami_type: String,
    /// Of the image: its release.
    pub(super) release: String,
    /// `instanceTypes` as the API shows them: null where the user's template has one.
    pub(super) shown_types: Value,
    pub(super) shown_disk: Value,
    /// `launchTemplate` as the API shows it.
    pub(super) source: Value,
}

/// A version of the user's template.
#[derive(Debug, Default)]
struct Source {
    shown: Value,
    data: String,
}

impl Work<'_> {
    /// Reads the template of a request, refusing what cannot be said both there and here.
    pub(super) async fn template(
        &self,
        request: &Request,
        cluster: &Value,
    ) -> Result<Template, Fault> {
        let source = self.source(request.get("launchTemplate")).await?;
        let inner = |name: &str| xml::text(&source.data, name);
        let (image_id, instance_type) = (inner("imageId"), inner("instanceType"));
        let has_template = !source.shown.is_null();
        refuse(
            request,
            has_template,
            image_id.as_deref(),
            instance_type.as_deref(),
        )?;
        if source.data.contains("<iamInstanceProfile>") {
            let message = "Launch template should not specify an instance profile. The noderole in your request will be used to construct an instance profile.";
            return Err(words::bad_request(message));
        }
        let types = self.types(request, instance_type.as_deref()).await?;
        let ami_type = request.text("amiType").unwrap_or(AMI_TYPE).to_owned();
        let version = cluster["version"].as_str().unwrap_or_default();
        check_version(request, version)?;
        let is_custom = image_id.is_some();
        let (image_id, release) = match image_id {
            Some(image_id) => (image_id.clone(), image_id),
            None => self.image(version, &ami_type).await?,
        };
        let mut parameters = xml::parameters(&source.data, "LaunchTemplateData");
        let own = ["ImageId", "InstanceType", "UserData"]
            .map(|name| format!("LaunchTemplateData.{name}"));
        parameters.retain(|(name, _)| !own.contains(name));
        let disk = if has_template {
            Value::Null
        } else {
            request.or("diskSize", json!(DISK_GIB))
        };
        let security_group = &cluster["resourcesVpcConfig"]["clusterSecurityGroupId"];
        add_defaults(
            &mut parameters,
            &disk,
            security_group.as_str().unwrap_or_default(),
        );
        let mut add = |name: &str, value: &str| {
            parameters.push((format!("LaunchTemplateData.{name}"), value.to_owned()));
        };
        add("ImageId", &image_id);
        add(
            "InstanceType",
            types.first().map_or(INSTANCE_TYPE, String::as_str),
        );
        Ok(Template {
            parameters,
            user_data: user_data(inner("userData").as_deref(), is_custom)?,
            cluster: cluster.clone(),
            image_id,
            is_custom,
            ami_type,
            release,
            shown_types: if instance_type.is_some() {
                Value::Null
            } else {
                json!(types)
            },
            shown_disk: disk,
            source: source.shown,
        })
    }

    async fn source(&self, asked: &Value) -> Result<Source, Fault> {
        if asked.is_null() {
            return Ok(Source::default());
        }
        let (key, of) = match (asked["id"].as_str(), asked["name"].as_str()) {
            (Some(id), None) => ("LaunchTemplateId", id),
            (None, Some(name)) => ("LaunchTemplateName", name),
            _ => {
                let message = "You must specify either the launch template ID or the launch template name in the request, but not both.";
                return Err(words::invalid(message));
            }
        };
        let version = asked["version"].as_str().unwrap_or("$Default");
        let parameters = [(key, of), ("LaunchTemplateVersion.1", version)];
        let found = self
            .moto
            .call("ec2", "DescribeLaunchTemplateVersions", &parameters)
            .await;
        let found = found.map_err(|error| match error {
            MotoError::Refused { message, .. } => words::bad_request(message),
            other => Fault::internal(&other),
        })?;
        let text = |name: &str| xml::text(&found, name);
        let data = xml::element(&found, "launchTemplateData").unwrap_or_default();
        Ok(Source {
            shown: json!({
                "name": text("launchTemplateName"),
                "id": text("launchTemplateId"),
                "version": text("versionNumber"),
            }),
            data: data.to_owned(),
        })
    }

    async fn types(&self, request: &Request, own: Option<&str>) -> Result<Vec<String>, Fault> {
        let mut types = request.texts("instanceTypes");
        types.extend(own.map(str::to_owned));
        if types.is_empty() {
            types.push(INSTANCE_TYPE.to_owned());
        }
        for instance_type in &types {
            let parameters = [("InstanceType.1", instance_type.as_str())];
            let found = self
                .moto
                .call("ec2", "DescribeInstanceTypes", &parameters)
                .await;
            found.map_err(|error| match error {
                MotoError::Refused { message, .. } => words::invalid(message),
                other => Fault::internal(&other),
            })?;
        }
        Ok(types)
    }

    /// The newest image of a version and its release, from the public parameters.
    async fn image(&self, version: &str, ami_type: &str) -> Result<(String, String), Fault> {
        let kind = match ami_type {
            "AL2023_x86_64_STANDARD" => "x86_64/standard",
            "AL2023_ARM_64_STANDARD" => "arm64/standard",
            "AL2023_x86_64_NVIDIA" => "x86_64/nvidia",
            _ => {
                return Err(words::invalid(format!(
                    "{ami_type} is no AMI type of version {version}"
                )));
            }
        };
        let mut values = Vec::new();
        for leaf in ["image_id", "release_version"] {
            let name = format!(
                "/aws/service/eks/optimized-ami/{version}/amazon-linux-2023/{kind}/recommended/{leaf}"
            );
            let found = self
                .moto
                .json("ssm", "AmazonSSM.GetParameter", &json!({ "Name": name }))
                .await;
            let found = found.map_err(|error| Fault::internal(&error))?;
            values.push(
                found["Parameter"]["Value"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        let release = values.pop().unwrap_or_default();
        Ok((values.pop().unwrap_or_default(), release))
    }
}

impl Template {
    /// The parameters of the call that makes it for a group.
    pub(super) fn parameters(&self, document: &Value, profile: &str) -> Vec<(String, String)> {
        let mut parameters = self.parameters.clone();
        let mut add = |name: &str, value: String| {
            parameters.push((format!("LaunchTemplateData.{name}"), value));
        };
        add("IamInstanceProfile.Name", profile.to_owned());
        let text = if self.is_custom {
            self.user_data.clone()
        } else {
            let node = user_data::Node {
                cluster: &self.cluster,
                labels: user_data::labels(document, &self.image_id),
                taints: &document["taints"],
            };
            user_data::merge(self.user_data.as_deref(), &user_data::node_config(&node))
        };
        if let Some(text) = text {
            add("UserData", BASE64.encode(text));
        }
        parameters
    }
}

/// The user's user data as text; with an image of EKS it must be a MIME message, since EKS adds to it.
fn user_data(encoded: Option<&str>, is_custom: bool) -> Result<Option<String>, Fault> {
    let Some(encoded) = encoded.filter(|encoded| !encoded.is_empty()) else {
        return Ok(None);
    };
    let decoded = BASE64.decode(encoded).unwrap_or_default();
    let text = String::from_utf8_lossy(&decoded).into_owned();
    if is_custom || user_data::merge(Some(&text), "").is_some() {
        return Ok(Some(text));
    }
    let message =
        "Ec2LaunchTemplateInvalidConfiguration: User data was not in the MIME multipart format.";
    Err(words::bad_request(message))
}

/// What the request may not say beside a launch template.
fn refuse(
    request: &Request,
    has_template: bool,
    image_id: Option<&str>,
    instance_type: Option<&str>,
) -> Result<(), Fault> {
    let problem = if has_template && request.has("diskSize") {
        "Disk size must be specified within the launch template."
    } else if has_template && request.has("remoteAccess") {
        "Remote access configuration cannot be specified with a launch template."
    } else if instance_type.is_some() && request.has("instanceTypes") {
        "Cannot specify instance types in launch template and API request"
    } else if image_id.is_some() && request.text("amiType").is_some_and(|kind| kind != "CUSTOM") {
        "You cannot specify an AMI Type other than CUSTOM, when specifying an image id in your launch template."
    } else if image_id.is_none() && request.text("amiType") == Some("CUSTOM") {
        "You must specify an image id in your launch template when AMI Type is CUSTOM."
    } else if image_id.is_some() && request.has("releaseVersion") {
        "You cannot specify the field releaseVersion when using custom AMI."
    } else if image_id.is_some() && request.has("version") {
        "You cannot specify the field kubernetesVersion when using custom AMI."
    } else {
        return Ok(());
    };
    Err(words::bad_request(problem))
}

/// A group starts with its cluster's version, and never with a newer one.
fn check_version(request: &Request, of_cluster: &str) -> Result<(), Fault> {
    match request.text("version") {
        Some(version) if version != of_cluster => Err(words::invalid(format!(
            "Requested Nodegroup release version {version} is invalid. Allowed release version is {of_cluster}"
        ))),
        _ => Ok(()),
    }
}

/// What EKS sets where the user's template leaves it open.
fn add_defaults(parameters: &mut Vec<(String, String)>, disk: &Value, security_group: &str) {
    let has = |parameters: &[(String, String)], part: &str| {
        parameters.iter().any(|(name, _)| name.contains(part))
    };
    let mut defaults: Vec<(&str, String)> = Vec::new();
    if !has(parameters, ".SecurityGroupId.") {
        defaults.push(("SecurityGroupId.1", security_group.to_owned()));
    }
    if !has(parameters, ".MetadataOptions.") {
        defaults.push(("MetadataOptions.HttpTokens", "required".to_owned()));
        defaults.push(("MetadataOptions.HttpPutResponseHopLimit", "2".to_owned()));
    }
    if let Some(size) = disk.as_i64() {
        defaults.extend([
            ("BlockDeviceMapping.1.DeviceName", "/dev/xvda".to_owned()),
            ("BlockDeviceMapping.1.Ebs.VolumeSize", size.to_string()),
            ("BlockDeviceMapping.1.Ebs.VolumeType", "gp3".to_owned()),
            (
                "BlockDeviceMapping.1.Ebs.DeleteOnTermination",
                "true".to_owned(),
            ),
        ]);
    }
    let full = |(name, value): (&str, String)| (format!("LaunchTemplateData.{name}"), value);
    parameters.extend(defaults.into_iter().map(full));
}
