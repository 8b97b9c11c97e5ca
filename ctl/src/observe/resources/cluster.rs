//! The control plane, its log group and its add-ons.

use aws_sdk_cloudwatchlogs::types::LogGroup;
use aws_sdk_eks::types::{self, AddonStatus, ClusterStatus};
use serde_json::Value;

use super::found::Found;
use crate::observe::aws::{self, present};
use crate::observe::clients::Clients;
use crate::observe::tags;
use crate::resource::{self, Attribute, Body, Outputs, Status, Tags, Text, outputs_of};

/// Asks for the log group of the cluster's control plane.
pub(super) async fn log_group(
    clients: &Clients,
    cluster: &str,
) -> Result<Option<Found>, aws::Error> {
    let name = format!("/aws/eks/{cluster}/cluster");
    let object = || format!("log group `{name}`");
    let request = clients.logs.describe_log_groups();
    let pages = request.log_group_name_prefix(&name).into_paginator();
    let groups = pages
        .items()
        .send()
        .try_collect()
        .await
        .map_err(|error| aws::Error::of_call("logs:DescribeLogGroups", object(), error))?;
    let group = groups
        .into_iter()
        .find(|group| group.log_group_name() == Some(&name));
    let Some(group) = group else {
        return Ok(None);
    };
    let request = clients.logs.list_tags_for_resource();
    let answer = request.resource_arn(arn(&group)).send().await;
    let answer =
        answer.map_err(|error| aws::Error::of_call("logs:ListTagsForResource", object(), error));
    let tags = present(answer)?.map(|answer| tags::of_map(answer.tags()));
    Ok(tags.map(|tags| read_log_group(&group, tags)))
}

/// ARN of a log group: its own API gives one with a star for its streams as well, which the calls about tags refuse.
fn arn(group: &LogGroup) -> String {
    let arn = group.log_group_arn().or_else(|| group.arn());
    arn.unwrap_or_default().trim_end_matches(":*").to_owned()
}

/// A cluster that was found.
pub(super) fn read_cluster(cluster: &types::Cluster) -> Found {
    let body = cluster_body(cluster);
    Found {
        tags: body.tags.clone(),
        body: Body::Cluster(body),
        outputs: cluster_outputs(cluster),
        status: cluster_status(cluster),
    }
}

/// A cluster.
pub(in crate::observe) fn cluster_body(cluster: &types::Cluster) -> resource::Cluster {
    let network = cluster.resources_vpc_config();
    let access = cluster.access_config();
    let services = cluster.kubernetes_network_config();
    let log_types = cluster
        .logging()
        .map(types::Logging::cluster_logging)
        .unwrap_or_default()
        .iter()
        .filter(|setup| setup.enabled() == Some(true))
        .flat_map(types::LogSetup::types)
        .map(|log| log.as_str().to_owned())
        .collect();
    let set = |ids: Option<&[String]>| {
        let ids = ids.unwrap_or_default().iter();
        ids.map(|id| Text::Known(id.clone())).collect()
    };
    let key = cluster
        .encryption_config()
        .iter()
        .find_map(|encryption| encryption.provider()?.key_arn());
    resource::Cluster {
        name: owned(cluster.name()),
        version: owned(cluster.version()),
        role: owned(cluster.role_arn()).into(),
        subnets: set(network.map(types::VpcConfigResponse::subnet_ids)),
        security_groups: set(network.map(types::VpcConfigResponse::security_group_ids)),
        endpoint: network.map(endpoint).unwrap_or_default(),
        log_types,
        authentication_mode: access
            .and_then(|access| access.authentication_mode())
            .map_or("CONFIG_MAP", types::AuthenticationMode::as_str)
            .to_owned(),
        service_cidr: services
            .and_then(|services| services.service_ipv4_cidr())
            .map(str::to_owned),
        encryption_key: key.map(str::to_owned),
        tags: tags::of_map(cluster.tags()),
        // The rest is only said when it is created.
        ..resource::Cluster::default()
    }
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

/// Networks count only while the public endpoint is on.
fn endpoint(network: &types::VpcConfigResponse) -> resource::Endpoint {
    let public = network.endpoint_public_access();
    let cidrs = network.public_access_cidrs().iter().filter(|_| public);
    resource::Endpoint {
        public,
        private: network.endpoint_private_access(),
        public_cidrs: cidrs.cloned().collect(),
    }
}

/// What others need of a cluster: little at first, all when it is active.
pub(crate) fn cluster_outputs(cluster: &types::Cluster) -> Outputs {
    let authority = cluster.certificate_authority();
    let services = cluster.kubernetes_network_config();
    let issuer = cluster
        .identity()
        .and_then(|identity| identity.oidc()?.issuer());
    let network = cluster.resources_vpc_config();
    outputs_of([
        (Attribute::Id, cluster.name()),
        (Attribute::Arn, cluster.arn()),
        (Attribute::Endpoint, cluster.endpoint()),
        (
            Attribute::CertificateAuthority,
            authority.and_then(|authority| authority.data()),
        ),
        (
            Attribute::ServiceCidr,
            services.and_then(|services| services.service_ipv4_cidr()),
        ),
        (Attribute::Issuer, issuer),
        (
            Attribute::IssuerHost,
            issuer.map(|url| url.split_once("://").map_or(url, |(_, host)| host)),
        ),
        (
            Attribute::SecurityGroup,
            network.and_then(|network| network.cluster_security_group_id()),
        ),
    ])
}

fn cluster_status(cluster: &types::Cluster) -> Status {
    match cluster.status() {
        Some(ClusterStatus::Creating | ClusterStatus::Pending) => Status::Creating,
        Some(ClusterStatus::Updating) => Status::Updating,
        Some(ClusterStatus::Deleting) => Status::Deleting,
        Some(ClusterStatus::Failed) => Status::Failed {
            reason: cluster_issues(cluster).unwrap_or_else(|| "EKS says no reason".to_owned()),
        },
        _ => Status::Ready,
    }
}

/// What EKS says of the health of a cluster; none when it is well.
pub(crate) fn cluster_issues(cluster: &types::Cluster) -> Option<String> {
    let issues = cluster.health()?.issues().iter().map(|issue| {
        let code = issue
            .code()
            .map_or("issue", types::ClusterIssueCode::as_str);
        sentence(code, issue.message(), issue.resource_ids())
    });
    joined(issues)
}

/// What EKS says of the health of an add-on; none when it is well.
pub(crate) fn addon_issues(addon: &types::Addon) -> Option<String> {
    let issues = addon.health()?.issues().iter().map(|issue| {
        let code = issue.code().map_or("issue", types::AddonIssueCode::as_str);
        sentence(code, issue.message(), issue.resource_ids())
    });
    joined(issues)
}

/// One health issue.
pub(crate) fn sentence(code: &str, message: Option<&str>, resources: &[String]) -> String {
    let message = message.unwrap_or_default();
    let mut sentence = format!("{code}: {message}");
    let unnamed: Vec<&str> = resources
        .iter()
        .map(String::as_str)
        .filter(|id| !message.contains(id))
        .collect();
    if !unnamed.is_empty() {
        sentence.push_str(" (");
        sentence.push_str(&unnamed.join(", "));
        sentence.push(')');
    }
    sentence
}

/// Several health issues; none where there is none.
pub(super) fn joined(issues: impl Iterator<Item = String>) -> Option<String> {
    let issues: Vec<String> = issues.collect();
    (!issues.is_empty()).then(|| issues.join("; "))
}

fn read_log_group(group: &LogGroup, tags: Tags) -> Found {
    let name = owned(group.log_group_name());
    Found {
        body: Body::LogGroup(resource::LogGroup {
            name: name.clone(),
            retention_days: group
                .retention_in_days()
                .and_then(|days| u32::try_from(days).ok()),
            tags: tags.clone(),
        }),
        outputs: Outputs::from([(Attribute::Id, name), (Attribute::Arn, arn(group))]),
        tags,
        status: Status::Ready,
    }
}

/// An add-on that is degraded is as it should be: what it lacks, such as nodes, is not its own to mend.
/// An add-on that was found.
pub(super) fn read_addon(addon: &types::Addon) -> Found {
    let failed = || Status::Failed {
        reason: addon_issues(addon).unwrap_or_else(|| "EKS says no reason".to_owned()),
    };
    let status = match addon.status() {
        Some(AddonStatus::Creating) => Status::Creating,
        Some(AddonStatus::Updating) => Status::Updating,
        Some(AddonStatus::Deleting) => Status::Deleting,
        Some(AddonStatus::CreateFailed | AddonStatus::DeleteFailed) => failed(),
        _ => Status::Ready,
    };
    let body = addon_body(addon);
    Found {
        tags: body.tags.clone(),
        body: Body::Addon(body),
        outputs: Outputs::from([
            (Attribute::Id, owned(addon.addon_name())),
            (Attribute::Arn, owned(addon.addon_arn())),
        ]),
        status,
    }
}

/// An add-on.
pub(in crate::observe) fn addon_body(addon: &types::Addon) -> resource::Addon {
    resource::Addon {
        cluster: owned(addon.cluster_name()).into(),
        name: owned(addon.addon_name()),
        version: addon.addon_version().map(str::to_owned),
        service_account_role: addon
            .service_account_role_arn()
            .filter(|arn| !arn.is_empty())
            .map(Text::from),
        configuration: addon
            .configuration_values()
            .filter(|values| !values.is_empty())
            .map(configuration),
        // Only said when it is created or changed.
        resolve_conflicts: String::new(),
        tags: tags::of_map(addon.tags()),
    }
}

/// JSON with its keys in order, so that equal configurations are equal texts. EKS takes YAML as well.
fn configuration(values: &str) -> String {
    let document: Result<Value, _> = serde_json::from_str(values);
    let document = document.or_else(|_| serde_saphyr::from_str::<Value>(values));
    document.map_or_else(|_| values.to_owned(), |document| document.to_string())
}

#[cfg(test)]
mod tests;
