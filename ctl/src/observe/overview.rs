//! Clusters, node groups and add-ons in one line each, for `nodectl get`.

use aws_sdk_autoscaling::types::{AutoScalingGroup, LifecycleState};
use aws_sdk_eks::primitives::DateTime;
use aws_sdk_eks::types::{
    Addon, AddonStatus, AmiTypes, Cluster, ClusterStatus, Nodegroup, NodegroupStatus,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::aws;
use super::clients::Clients;
use super::ec2::tag_key;
use super::eks::described;
use super::parallel::each;
use super::resources::{auto_scaling_group, cluster, launch_template, node_group};
use crate::resource::{self, MANAGED_TAG, Scaling, TemplateVersion};
use crate::spec::GroupKind;

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRow {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `CREATING`, …
    pub status: String,
    /// Minor version of Kubernetes.
    pub version: String,
    /// EKS's own version, such as `eks.5`.
    pub platform_version: String,
    /// How its API server is reached: `public`, `private` or `public+private`.
    pub endpoint: String,
    /// VPC.
    pub vpc: String,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// What ails it, in one line; none when it is well.
    pub health: Option<String>,
}

/// A node group, managed or self-managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroupRow {
    /// Its name.
    pub name: String,
    /// Name of its Auto Scaling group, of a self-managed one.
    pub auto_scaling_group: Option<String>,
    /// Who replaces its nodes.
    pub kind: GroupKind,
    /// `ACTIVE`, `DEGRADED`, …
    pub status: String,
    /// How many nodes.
    pub scaling: Scaling,
    /// Instance types, the best first.
    pub instance_types: Vec<String>,
    /// `ON_DEMAND` or `SPOT`.
    pub capacity_type: String,
    /// AMI type of EKS; none where the launch template names the AMI.
    pub ami_type: Option<String>,
    /// What its nodes boot: the release of EKS, or `ami-…`.
    pub ami: Option<String>,
    /// Minor version of Kubernetes; none where the AMI decides it.
    pub version: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// What ails it, in one line; none when it is well.
    pub health: Option<String>,
}

/// An add-on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AddonRow {
    /// Its name.
    pub name: String,
    /// `ACTIVE`, `DEGRADED`, …
    pub status: String,
    /// Its version.
    pub version: String,
    /// ARN of the role of its service account by IRSA.
    pub service_account_role: Option<String>,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// What ails it, in one line; none when it is well.
    pub health: Option<String>,
}

/// All clusters of the region, by name.
pub async fn clusters(clients: &Clients) -> Result<Vec<ClusterRow>, aws::Error> {
    let found = described::clusters(clients).await?;
    Ok(found.iter().map(cluster_row).collect())
}

/// The add-ons of a cluster, by name.
pub async fn addons(clients: &Clients, cluster: &str) -> Result<Vec<AddonRow>, aws::Error> {
    let found = described::addons(clients, cluster).await?;
    Ok(found.iter().map(addon_row).collect())
}

/// The node groups of a cluster: the managed ones, then those Auto Scaling groups that carry the tag of the cluster.
pub async fn node_groups(
    clients: &Clients,
    cluster: &str,
) -> Result<Vec<NodeGroupRow>, aws::Error> {
    let key = tag_key(cluster);
    let (managed, groups) = tokio::try_join!(
        described::node_groups(clients, cluster),
        auto_scaling_group::tagged(clients, &key, "owned"),
    )?;
    let managed = managed.unwrap_or_default();
    let mut rows: Vec<NodeGroupRow> = managed.iter().map(managed_row).collect();
    let groups: Vec<AutoScalingGroup> = groups.into_iter().filter(is_self_managed).collect();
    let more = each("ec2:DescribeLaunchTemplateVersions", groups, |group| {
        let (clients, body) = (clients.clone(), auto_scaling_group::body(&group, cluster));
        async move {
            let template = template_of(&clients, &body.launch_template).await?;
            Ok::<_, aws::Error>(self_managed_row(&group, body, template))
        }
    });
    rows.extend(more.await?);
    Ok(rows)
}

/// Whether an Auto Scaling group is none of a managed group.
pub(super) fn is_self_managed(group: &AutoScalingGroup) -> bool {
    !group
        .tags()
        .iter()
        .any(|tag| tag.key() == Some(MANAGED_TAG))
}

fn time(time: Option<&DateTime>) -> Option<Timestamp> {
    Timestamp::from_second(time?.secs()).ok()
}

fn owned(text: Option<&str>) -> String {
    text.unwrap_or_default().to_owned()
}

fn cluster_row(found: &Cluster) -> ClusterRow {
    let network = found.resources_vpc_config();
    let is = |way: fn(&aws_sdk_eks::types::VpcConfigResponse) -> bool| network.is_some_and(way);
    let endpoint = match (
        is(aws_sdk_eks::types::VpcConfigResponse::endpoint_public_access),
        is(aws_sdk_eks::types::VpcConfigResponse::endpoint_private_access),
    ) {
        (true, true) => "public+private",
        (true, false) => "public",
        (false, true) => "private",
        (false, false) => "none",
    };
    ClusterRow {
        name: owned(found.name()),
        status: owned(found.status().map(ClusterStatus::as_str)),
        version: owned(found.version()),
        platform_version: owned(found.platform_version()),
        endpoint: endpoint.to_owned(),
        vpc: owned(network.and_then(|network| network.vpc_id())),
        created_at: time(found.created_at()),
        health: cluster::cluster_issues(found),
    }
}

fn addon_row(found: &Addon) -> AddonRow {
    AddonRow {
        name: owned(found.addon_name()),
        status: owned(found.status().map(AddonStatus::as_str)),
        version: owned(found.addon_version()),
        service_account_role: found
            .service_account_role_arn()
            .filter(|arn| !arn.is_empty())
            .map(str::to_owned),
        created_at: time(found.created_at()),
        health: cluster::addon_issues(found),
    }
}

fn managed_row(found: &Nodegroup) -> NodeGroupRow {
    NodeGroupRow {
        name: owned(found.nodegroup_name()),
        auto_scaling_group: None,
        kind: GroupKind::Managed,
        status: owned(found.status().map(NodegroupStatus::as_str)),
        scaling: node_group::scaling(found),
        instance_types: found.instance_types().to_vec(),
        capacity_type: found
            .capacity_type()
            .map_or("ON_DEMAND", |kind| kind.as_str())
            .to_owned(),
        ami_type: found
            .ami_type()
            .filter(|kind| **kind != AmiTypes::Custom)
            .map(|kind| kind.as_str().to_owned()),
        ami: found.release_version().map(str::to_owned),
        version: found.version().map(str::to_owned),
        created_at: time(found.created_at()),
        health: node_group::issues(found),
    }
}

/// What the launch template of an Auto Scaling group says, in the version that the group uses.
pub(super) async fn template_of(
    clients: &Clients,
    template: &TemplateVersion,
) -> Result<Option<resource::LaunchTemplate>, aws::Error> {
    let (Some(id), Some(number)) = (template.id.known(), template.version.known()) else {
        return Ok(None);
    };
    if id.is_empty() {
        return Ok(None);
    }
    let version = launch_template::version(clients, id, number).await?;
    Ok(version.and_then(|version| {
        let name = version.launch_template_name().unwrap_or_default();
        Some(launch_template::body(name, version.launch_template_data()?))
    }))
}

fn self_managed_row(
    group: &AutoScalingGroup,
    body: resource::AutoScalingGroup,
    template: Option<resource::LaunchTemplate>,
) -> NodeGroupRow {
    let template = template.unwrap_or_default();
    let in_service = group
        .instances()
        .iter()
        .filter(|one| one.lifecycle_state() == Some(&LifecycleState::InService))
        .filter(|one| one.health_status() != Some("Unhealthy"))
        .count();
    let desired = group.desired_capacity().unwrap_or_default();
    let is_whole = usize::try_from(desired).is_ok_and(|desired| desired == in_service);
    let name = body.node_group();
    let mut instance_types = body.instance_types;
    if instance_types.is_empty() {
        instance_types.extend(template.instance_type);
    }
    NodeGroupRow {
        name,
        auto_scaling_group: Some(body.name),
        kind: GroupKind::SelfManaged,
        status: group.status().unwrap_or("ACTIVE").to_owned(),
        scaling: body.scaling,
        instance_types,
        capacity_type: if template.spot { "SPOT" } else { "ON_DEMAND" }.to_owned(),
        ami_type: None,
        ami: template.image,
        version: None,
        created_at: time(group.created_time()),
        health: (!is_whole).then(|| format!("{in_service} of {desired} instances are in service")),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_autoscaling::types::Instance;
    use aws_sdk_eks::types::{Issue, NodegroupHealth, NodegroupIssueCode, VpcConfigResponse};

    use super::*;

    #[test]
    fn a_cluster_says_how_it_is_reached() {
        let row = |public, private| {
            let network = VpcConfigResponse::builder()
                .endpoint_public_access(public)
                .endpoint_private_access(private)
                .build();
            cluster_row(&Cluster::builder().resources_vpc_config(network).build()).endpoint
        };
        assert_eq!(row(true, true), "public+private");
        assert_eq!(row(false, true), "private");
    }

    #[test]
    fn a_managed_group_says_what_ails_it() {
        let issue = Issue::builder()
            .code(NodegroupIssueCode::AsgInstanceLaunchFailures)
            .message("no capacity")
            .build();
        let group = Nodegroup::builder()
            .nodegroup_name("workers")
            .status(NodegroupStatus::Degraded)
            .ami_type(AmiTypes::Custom)
            .release_version("ami-1")
            .created_at(DateTime::from_secs(86_400))
            .health(NodegroupHealth::builder().issues(issue).build())
            .build();
        let row = managed_row(&group);
        assert_eq!(
            row.health.as_deref(),
            Some("AsgInstanceLaunchFailures: no capacity")
        );
        assert_eq!((row.ami_type, row.ami.as_deref()), (None, Some("ami-1")));
        assert_eq!(row.created_at, "1970-01-02T00:00:00Z".parse().ok());
    }

    #[test]
    fn a_self_managed_group_says_how_many_instances_it_lacks() {
        let one = |state| Instance::builder().lifecycle_state(state).build();
        let group = AutoScalingGroup::builder()
            .desired_capacity(2)
            .instances(one(LifecycleState::InService))
            .instances(one(LifecycleState::Pending))
            .build();
        let template = resource::LaunchTemplate {
            image: Some("ami-1".to_owned()),
            instance_type: Some("m5.large".to_owned()),
            ..resource::LaunchTemplate::default()
        };
        let row = self_managed_row(
            &group,
            resource::AutoScalingGroup::default(),
            Some(template),
        );
        assert_eq!(
            row.health.as_deref(),
            Some("1 of 2 instances are in service")
        );
        assert_eq!(row.instance_types, ["m5.large"]);
        assert_eq!(row.ami.as_deref(), Some("ami-1"));
    }
}
