//! What is left behind and what is not. Pure.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{
    Instance, InstanceStateName, NetworkInterface, NetworkInterfaceStatus, SecurityGroup, Tag,
    Volume, VpcEndpoint,
};

use super::{CNI_TAG, LEGACY_TAG, LOAD_BALANCER_TAG, Leftover};
use crate::observe::ec2::tag_key;
use crate::resource::{Body, CLUSTER_TAG, Kind, Observed};

/// What still stands of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    cluster: String,
    cluster_exists: bool,
    /// Names of its node groups, managed and self-managed.
    groups: BTreeSet<String>,
    /// Whatever is known of its things: ids, names, ARNs.
    known: BTreeSet<String>,
    has_vpc: bool,
}

impl Standing {
    pub(super) fn new(cluster: &str, observed: &[Observed]) -> Self {
        let groups = observed.iter().filter_map(|one| match &one.body {
            Body::NodeGroup(group) => Some(group.name.clone()),
            Body::AutoScalingGroup(group) => Some(group.name.clone()),
            _ => None,
        });
        let has = |kind| observed.iter().any(|one| one.address.kind == kind);
        Self {
            cluster: cluster.to_owned(),
            cluster_exists: has(Kind::Cluster),
            groups: groups.collect(),
            known: observed
                .iter()
                .flat_map(|one| one.outputs.values().cloned())
                .collect(),
            has_vpc: has(Kind::Vpc),
        }
    }

    fn knows(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    /// Whether tags say that a thing belongs to the cluster. EC2 finds by keys only.
    fn claims(&self, tags: &BTreeMap<&str, &str>) -> bool {
        let of_cluster = tag_key(&self.cluster);
        let by_value = [LOAD_BALANCER_TAG, LEGACY_TAG, CNI_TAG, CLUSTER_TAG];
        tags.get(of_cluster.as_str()) == Some(&"owned")
            || by_value
                .iter()
                .any(|key| tags.get(key) == Some(&self.cluster.as_str()))
    }

    /// Whether tags, or a VPC of ours, make a thing a matter of the cluster.
    fn concerns(&self, tags: &BTreeMap<&str, &str>, vpc: Option<&str>) -> bool {
        self.claims(tags) || self.has_vpc && vpc.is_some_and(|vpc| self.knows(vpc))
    }
}

/// All tags, those of AWS itself too.
fn all(tags: &[Tag]) -> BTreeMap<&str, &str> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default())))
        .collect()
}

pub(super) fn instance(instance: &Instance, standing: &Standing) -> Option<Leftover> {
    let id = instance.instance_id()?;
    let tags = all(instance.tags());
    let state = instance.state().and_then(|state| state.name());
    let group = ["eks:nodegroup-name", "aws:autoscaling:groupName"]
        .iter()
        .find_map(|key| tags.get(key).copied());
    let is_of_group = group.is_some_and(|group| standing.groups.contains(group));
    let is_gone = state == Some(&InstanceStateName::Terminated);
    if is_gone || is_of_group || !standing.concerns(&tags, instance.vpc_id()) {
        return None;
    }
    let launched_by = match (tags.get("karpenter.sh/nodepool"), group) {
        (Some(pool), _) => format!("launched by Karpenter for node pool `{pool}`"),
        (None, Some(group)) => format!("launched by group `{group}`"),
        (None, None) => "launched by no group of the cluster".to_owned(),
    };
    Some(Leftover {
        what: "instance".to_owned(),
        id: id.to_owned(),
        why: format!("{launched_by}; it keeps its subnet and its security groups in use"),
        command: format!("aws ec2 terminate-instances --instance-ids {id}"),
    })
}

/// Those of instances and of what still stands go with it.
pub(super) fn interface(interface: &NetworkInterface, standing: &Standing) -> Option<Leftover> {
    let id = interface.network_interface_id()?;
    let tags = all(interface.tag_set());
    let description = interface.description().unwrap_or_default();
    let is_of_instance = interface
        .attachment()
        .is_some_and(|attachment| attachment.instance_id().is_some());
    let is_of_cluster =
        standing.cluster_exists && description == format!("Amazon EKS {}", standing.cluster);
    let is_of_known = standing
        .known
        .iter()
        // NAT gateways name themselves; names that people give may stand in any description.
        .any(|known| known.starts_with("nat-") && description.contains(known.as_str()));
    if is_of_instance
        || is_of_cluster
        || is_of_known
        || !standing.concerns(&tags, interface.vpc_id())
    {
        return None;
    }
    let is_free = interface.status() == Some(&NetworkInterfaceStatus::Available);
    let verb = if is_free {
        "delete-network-interface --network-interface-id"
    } else {
        "describe-network-interfaces --network-interface-ids"
    };
    let whose = if description.is_empty() {
        "without a description".to_owned()
    } else {
        format!("\"{description}\"")
    };
    Some(Leftover {
        what: "network interface".to_owned(),
        id: id.to_owned(),
        why: format!("{whose}; it keeps its subnet and its security groups in use"),
        command: format!("aws ec2 {verb} {id}"),
    })
}

pub(super) fn security_group(group: &SecurityGroup, standing: &Standing) -> Option<Leftover> {
    let id = group.group_id()?;
    let name = group.group_name().unwrap_or_default();
    let tags = all(group.tags());
    let is_of_cluster =
        standing.cluster_exists && tags.get("aws:eks:cluster-name") == Some(&&*standing.cluster);
    if name == "default"
        || is_of_cluster
        || standing.knows(id)
        || !standing.concerns(&tags, group.vpc_id())
    {
        return None;
    }
    Some(Leftover {
        what: "security group".to_owned(),
        id: id.to_owned(),
        why: format!("`{name}`; it keeps its VPC in use"),
        command: format!("aws ec2 delete-security-group --group-id {id}"),
    })
}

/// Volumes that hold data. The root volume of an instance goes with it.
pub(super) fn volume(volume: &Volume, standing: &Standing) -> Option<Leftover> {
    let id = volume.volume_id()?;
    let tags = all(volume.tags());
    let claim = tags.get("kubernetes.io/created-for/pvc/name").map(|claim| {
        let namespace = tags.get("kubernetes.io/created-for/pvc/namespace");
        format!("{}/{claim}", namespace.unwrap_or(&"default"))
    });
    if !standing.claims(&tags) || claim.is_none() && !volume.attachments().is_empty() {
        return None;
    }
    let whose = claim.map_or_else(
        || "attached to nothing".to_owned(),
        |claim| format!("made for the claim {claim}"),
    );
    let size = volume.size().unwrap_or_default();
    Some(Leftover {
        what: "volume".to_owned(),
        id: id.to_owned(),
        why: format!("{whose}, {size} GiB; it blocks nothing, holds data and costs money"),
        command: format!("aws ec2 delete-volume --volume-id {id}"),
    })
}

pub(super) fn endpoint(endpoint: &VpcEndpoint) -> Leftover {
    let id = endpoint.vpc_endpoint_id().unwrap_or_default();
    Leftover {
        what: "VPC endpoint".to_owned(),
        id: id.to_owned(),
        why: format!(
            "for {}, made by others; it keeps the VPC in use",
            endpoint.service_name().unwrap_or("an unknown service")
        ),
        command: format!("aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}"),
    }
}

/// A load balancer or target group by its ARN; none for the listeners and rules of one.
pub(super) fn load_balancer(arn: &str) -> Option<Leftover> {
    let resource = arn.splitn(6, ':').nth(5)?;
    let (what, why, command) = match resource.split_once('/')? {
        ("loadbalancer", name) => {
            // Those of the older sort have a name only, the others a sort, a name and an id.
            let command = match name.split_once('/') {
                None => format!("aws elb delete-load-balancer --load-balancer-name {name}"),
                Some(_) => format!("aws elbv2 delete-load-balancer --load-balancer-arn {arn}"),
            };
            let why = "made for a Service or an Ingress; its network interfaces keep subnets and security groups in use";
            ("load balancer", why, command)
        }
        ("targetgroup", _) => {
            let command = format!("aws elbv2 delete-target-group --target-group-arn {arn}");
            (
                "target group",
                "made for a Service or an Ingress; it keeps the VPC in use",
                command,
            )
        }
        _ => return None,
    };
    Some(Leftover {
        what: what.to_owned(),
        id: arn.to_owned(),
        why: why.to_owned(),
        command,
    })
}

pub(super) fn log_group(name: &str, standing: &Standing) -> Option<Leftover> {
    let is_of_cluster = standing.cluster_exists && name.starts_with("/aws/eks/");
    (!standing.knows(name) && !is_of_cluster).then(|| Leftover {
        what: "log group".to_owned(),
        id: name.to_owned(),
        why: "made by EKS or by an agent in the cluster; it blocks nothing and costs money"
            .to_owned(),
        command: format!("aws logs delete-log-group --log-group-name {name}"),
    })
}

#[cfg(test)]
mod tests;
