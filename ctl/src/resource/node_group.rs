//! Groups of nodes, managed and self-managed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{ADDRESS_TAG, Address, Kind, Tags, Text};

/// Tag by which EKS marks what it makes for a managed node group.
pub const MANAGED_TAG: &str = "eks:nodegroup-name";
/// Tags that have the name of a node group as their value: of EKS, of eksctl and of Karpenter.
const NAME_TAGS: [&str; 3] = [
    MANAGED_TAG,
    "alpha.eksctl.io/nodegroup-name",
    "karpenter.sh/nodepool",
];
/// Tag that EC2 gives to the instances of an Auto Scaling group.
const GROUP_TAG: &str = "aws:autoscaling:groupName";

/// Name of the node group that the tags of an instance or of an Auto Scaling group tell: as EKS, eksctl, Karpenter or we name
/// it, else the name of the Auto Scaling group.
pub fn node_group_of(tags: &Tags) -> Option<String> {
    let named = NAME_TAGS.iter().find_map(|tag| tags.get(*tag));
    let ours = || {
        let address: Address = tags.get(ADDRESS_TAG)?.parse().ok()?;
        (address.kind == Kind::AutoScalingGroup).then_some(address.name)
    };
    named
        .cloned()
        .or_else(ours)
        .or_else(|| tags.get(GROUP_TAG).cloned())
}

/// A launch template, as its latest version says. A change is a new version, and the default version follows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LaunchTemplate {
    /// Its name.
    pub name: String,
    /// AMI; none leaves the choice to EKS.
    pub image: Option<String>,
    /// Instance type; none where the node group says it.
    pub instance_type: Option<String>,
    /// Name of the instance profile; none where EKS makes one.
    pub instance_profile: Option<Text>,
    /// Ids of security groups; none leaves the choice to EKS.
    pub security_groups: BTreeSet<Text>,
    /// The root volume.
    pub disk: Disk,
    /// The metadata service. Tokens are always required.
    pub metadata: MetadataOptions,
    /// User data as the instance reads it, not encoded; none when there is nothing to say.
    pub user_data: Option<Text>,
    /// Tags of instances, volumes and network interfaces.
    pub instance_tags: Tags,
    /// Whether instances are bought on the spot market; only where no managed node group says it.
    pub spot: bool,
    /// Its own tags.
    pub tags: Tags,
}

/// The root volume.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disk {
    /// Device name, such as `/dev/xvda`.
    pub device: String,
    /// GiB.
    pub size: u32,
    /// `gp3`, `gp2`, `io1`, `io2`, …
    #[serde(rename = "type")]
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// ARN of the KMS key; none is the account's default.
    pub key: Option<String>,
    /// Operations a second; none is the default of the type.
    pub iops: Option<u32>,
    /// MiB a second; none is the default of the type.
    pub throughput: Option<u32>,
}

/// The metadata service of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataOptions {
    /// Hops that an answer may take: 1 keeps it from pods.
    pub hop_limit: u32,
    /// Whether it shows the instance's tags.
    pub tags: bool,
}

/// Which version of which launch template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TemplateVersion {
    /// `lt-…`.
    pub id: Text,
    /// A number.
    pub version: Text,
}

/// How many nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scaling {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
    /// Now. None when an autoscaler decides: only said at creation then, and later left as it is.
    pub desired: Option<u32>,
}

/// A taint.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`, as Kubernetes spells it.
    pub effect: String,
}

/// How an EKS managed node group replaces nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// Nodes at once; none when a percentage is given.
    pub max_unavailable: Option<u32>,
    /// Percent of the nodes at once.
    pub max_unavailable_percentage: Option<u32>,
    /// `DEFAULT` or `MINIMAL`; none is EKS's default.
    pub strategy: Option<String>,
}

/// Whether EKS replaces nodes that are not healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRepair {
    /// Whether it does.
    pub enabled: bool,
}

/// An EKS managed node group. It always has a launch template of ours, so it has neither disk nor remote access of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeGroup {
    /// Name of the cluster.
    pub cluster: Text,
    /// Its name.
    pub name: String,
    /// ARN of the node role.
    pub role: Text,
    /// Ids of its subnets.
    pub subnets: BTreeSet<Text>,
    /// Instance types, the best first.
    pub instance_types: Vec<String>,
    /// `AL2023_x86_64_STANDARD`, …; none when the launch template has an AMI.
    pub ami_type: Option<String>,
    /// Minor version of Kubernetes; none when the launch template has an AMI.
    pub version: Option<String>,
    /// Release of the AMI, pinned; none takes the latest at creation and leaves it.
    pub release_version: Option<String>,
    /// `ON_DEMAND` or `SPOT`.
    pub capacity_type: String,
    /// How many nodes.
    pub scaling: Scaling,
    /// Labels of its nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    pub taints: BTreeSet<Taint>,
    /// How nodes are replaced.
    pub update: Update,
    /// Whether unhealthy nodes are replaced.
    pub repair: NodeRepair,
    /// Its launch template.
    pub launch_template: TemplateVersion,
    /// Its tags.
    pub tags: Tags,
}

/// An Auto Scaling group of self-managed nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoScalingGroup {
    /// Its name.
    pub name: String,
    /// Name of the cluster.
    pub cluster: Text,
    /// Ids of its subnets.
    pub subnets: BTreeSet<Text>,
    /// Its launch template.
    pub launch_template: TemplateVersion,
    /// Instance types that take the place of the template's; more than one makes a mixed instances policy.
    pub instance_types: Vec<String>,
    /// How many nodes.
    pub scaling: Scaling,
    /// Its tags, all of which its instances get too.
    pub tags: Tags,
}

impl AutoScalingGroup {
    /// Name of the node group that it is.
    pub fn node_group(&self) -> String {
        node_group_of(&self.tags).unwrap_or_else(|| self.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_tell_the_node_group() {
        let of = |tags: &[(&str, &str)]| {
            let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
            node_group_of(&tags.iter().map(owned).collect())
        };
        let own = (ADDRESS_TAG, "auto-scaling-group/blue");
        let group = (GROUP_TAG, "nodectl-lab-blue");
        assert_eq!(of(&[own, group]).as_deref(), Some("blue"));
        assert_eq!(of(&[group]).as_deref(), Some("nodectl-lab-blue"));
        assert_eq!(of(&[(MANAGED_TAG, "red"), group]).as_deref(), Some("red"));
        for other in ["launch-template/blue", "blue", ""] {
            assert_eq!(of(&[(ADDRESS_TAG, other)]), None);
        }
    }
}
