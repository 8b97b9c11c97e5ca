//! What Kubernetes and others left behind: load balancers, volumes, network interfaces and security groups that carry the
//! tags of the cluster, and whatever else stands in a VPC of ours and keeps it from being deleted. Only shown, never
//! deleted: `delete` proves with it that nothing is left.

mod read;

use std::collections::BTreeSet;

use aws_sdk_ec2::types::Filter;
use aws_sdk_resourcegroupstagging::types::TagFilter;
use serde::{Deserialize, Serialize};

use super::aws;
use super::clients::Clients;
use super::ec2::{filter, tag_key};
use crate::resource::{Attribute, CLUSTER_TAG, Kind, Observed, Owner};
use read::Standing;

/// Tag of the AWS Load Balancer Controller.
const LOAD_BALANCER_TAG: &str = "elbv2.k8s.aws/cluster";
/// Tag of older controllers and of the EBS CSI driver.
const LEGACY_TAG: &str = "KubernetesCluster";
/// Tag of the VPC CNI on its network interfaces.
const CNI_TAG: &str = "cluster.k8s.amazonaws.com/name";

/// One thing that was left behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// What it is, such as `load balancer`.
    pub what: String,
    /// Its id, name or ARN.
    pub id: String,
    /// What it is for, and what it blocks.
    pub why: String,
    /// The command that shows or removes it.
    pub command: String,
}

/// Asks for what was left behind. What is `observed`, and what belongs to it, such as the instances of a node group that
/// still is there, is not left behind.
pub async fn leftovers(
    clients: &Clients,
    cluster: &str,
    observed: &[Observed],
) -> Result<Vec<Leftover>, aws::Error> {
    let standing = Standing::new(cluster, observed);
    let keys = tag_keys(cluster);
    let tagged = filter("tag-key", keys.iter().map(String::as_str));
    let vpc = own_vpc(observed);
    let in_vpc = vpc.map(|vpc| filter("vpc-id", [vpc]));
    let mut found = BTreeSet::new();
    for filter in [Some(tagged.clone()), in_vpc].into_iter().flatten() {
        let (instances, interfaces, groups) = tokio::try_join!(
            instances(clients, filter.clone(), &standing),
            interfaces(clients, filter.clone(), &standing),
            security_groups(clients, filter.clone(), &standing),
        )?;
        found.extend([instances, interfaces, groups].concat());
    }
    let (volumes, balancers, logs, endpoints) = tokio::try_join!(
        volumes(clients, tagged, &standing),
        load_balancers(clients, cluster),
        log_groups(clients, cluster, &standing),
        endpoints(clients, vpc),
    )?;
    found.extend([volumes, balancers, logs, endpoints].concat());
    Ok(found.into_iter().collect())
}

fn own_vpc(observed: &[Observed]) -> Option<&str> {
    let vpc = observed
        .iter()
        .find(|one| one.address.kind == Kind::Vpc && one.owner == Owner::Ours)?;
    vpc.outputs.get(&Attribute::Id).map(String::as_str)
}

/// Keys of the tags by which things of a cluster are known.
fn tag_keys(cluster: &str) -> [String; 5] {
    [
        tag_key(cluster),
        LOAD_BALANCER_TAG.to_owned(),
        LEGACY_TAG.to_owned(),
        CNI_TAG.to_owned(),
        CLUSTER_TAG.to_owned(),
    ]
}

async fn instances(
    clients: &Clients,
    filter: Filter,
    standing: &Standing,
) -> Result<Vec<Leftover>, aws::Error> {
    let request = clients.ec2.describe_instances().filters(filter);
    let pages = request.into_paginator().items().send();
    let found = pages.try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeInstances", "what was left behind", error)
    })?;
    let instances = found
        .iter()
        .flat_map(aws_sdk_ec2::types::Reservation::instances);
    Ok(instances
        .filter_map(|instance| read::instance(instance, standing))
        .collect())
}

async fn interfaces(
    clients: &Clients,
    filter: Filter,
    standing: &Standing,
) -> Result<Vec<Leftover>, aws::Error> {
    let request = clients.ec2.describe_network_interfaces().filters(filter);
    let pages = request.into_paginator().items().send();
    let found = pages.try_collect().await.map_err(|error| {
        aws::Error::of_call(
            "ec2:DescribeNetworkInterfaces",
            "what was left behind",
            error,
        )
    })?;
    Ok(found
        .iter()
        .filter_map(|interface| read::interface(interface, standing))
        .collect())
}

async fn security_groups(
    clients: &Clients,
    filter: Filter,
    standing: &Standing,
) -> Result<Vec<Leftover>, aws::Error> {
    let request = clients.ec2.describe_security_groups().filters(filter);
    let pages = request.into_paginator().items().send();
    let found = pages.try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeSecurityGroups", "what was left behind", error)
    })?;
    Ok(found
        .iter()
        .filter_map(|group| read::security_group(group, standing))
        .collect())
}

async fn volumes(
    clients: &Clients,
    filter: Filter,
    standing: &Standing,
) -> Result<Vec<Leftover>, aws::Error> {
    let request = clients.ec2.describe_volumes().filters(filter);
    let pages = request.into_paginator().items().send();
    let found = pages.try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeVolumes", "what was left behind", error)
    })?;
    Ok(found
        .iter()
        .filter_map(|volume| read::volume(volume, standing))
        .collect())
}

/// Endpoints in a VPC of ours that a person or another tool made.
async fn endpoints(clients: &Clients, vpc: Option<&str>) -> Result<Vec<Leftover>, aws::Error> {
    let Some(vpc) = vpc else {
        return Ok(Vec::new());
    };
    let request = clients.ec2.describe_vpc_endpoints();
    let pages = request.filters(filter("vpc-id", [vpc])).into_paginator();
    let found = pages.items().send().try_collect().await.map_err(|error| {
        aws::Error::of_call("ec2:DescribeVpcEndpoints", format!("VPC `{vpc}`"), error)
    })?;
    Ok(found.iter().map(read::endpoint).collect())
}

/// Load balancers and target groups of every sort, which Resource Groups Tagging knows by their tags.
async fn load_balancers(clients: &Clients, cluster: &str) -> Result<Vec<Leftover>, aws::Error> {
    let [of_cluster, of_controller, legacy, ..] = tag_keys(cluster);
    let mut found = Vec::new();
    for (key, value) in [
        (of_cluster, "owned"),
        (of_controller, cluster),
        (legacy, cluster),
    ] {
        let object = format!("load balancers with the tag `{key}={value}`");
        let request = clients
            .tagging
            .get_resources()
            .resource_type_filters("elasticloadbalancing")
            .tag_filters(TagFilter::builder().key(key).values(value).build());
        let pages = request.into_paginator().items().send();
        let page = pages
            .try_collect()
            .await
            .map_err(|error| aws::Error::of_call("tag:GetResources", object, error))?;
        found.extend(
            page.iter()
                .filter_map(|one| read::load_balancer(one.resource_arn()?)),
        );
    }
    Ok(found)
}

async fn log_groups(
    clients: &Clients,
    cluster: &str,
    standing: &Standing,
) -> Result<Vec<Leftover>, aws::Error> {
    let mut found = Vec::new();
    for prefix in [
        format!("/aws/eks/{cluster}/"),
        format!("/aws/containerinsights/{cluster}/"),
    ] {
        let request = clients.logs.describe_log_groups();
        let pages = request.log_group_name_prefix(&prefix).into_paginator();
        let groups = pages.items().send().try_collect().await.map_err(|error| {
            aws::Error::of_call("logs:DescribeLogGroups", format!("`{prefix}*`"), error)
        })?;
        found.extend(
            groups
                .iter()
                .filter_map(|group| read::log_group(group.log_group_name()?, standing)),
        );
    }
    Ok(found)
}
