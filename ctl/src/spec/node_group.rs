//! Node groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Addon;

/// A node group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeGroup {
    /// Its name.
    pub name: String,
    /// Who replaces its nodes. Default `managed`.
    pub kind: GroupKind,
    /// Instance types, the best first. Default `m5.large`.
    pub instance_types: Vec<String>,
    /// What its nodes boot.
    pub ami: Ami,
    /// How many nodes.
    pub scaling: Scaling,
    /// The root volume.
    pub disk: Disk,
    /// Where its nodes are. Default the private subnets, or the public ones when there are no private ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnets: Option<GroupSubnets>,
    /// Ids of security groups of its nodes, beside the one that EKS made for the cluster.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub security_groups: BTreeSet<String>,
    /// Labels of its nodes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Taints of its nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<Taint>,
    /// Tags of the group and of its instances and volumes.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// How its instances are bought. Default `onDemand`.
    pub capacity: Capacity,
    /// How its nodes are replaced; managed groups only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update: Option<Update>,
    /// The metadata service of its instances.
    pub imds: Imds,
    /// Whether Systems Manager may manage its instances: its node role gets the policy for it. Default yes.
    pub ssm: bool,
    /// Settings of the kubelet.
    pub kubelet: Kubelet,
    /// Most pods of a node; none lets the agent count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pods: Option<u32>,
    /// Parts of user data of one's own, before ours.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_data: Vec<UserDataPart>,
    /// `spec` of an AgentConfig.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_config: Option<serde_json::Value>,
    /// Whether EKS replaces nodes that are not healthy; managed groups only.
    pub repair: Repair,
    /// The role of its nodes; none is the one that the cluster's groups share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<NodeRole>,
    /// Whether the group carries the tags by which the cluster autoscaler finds it and knows its nodes. Default yes.
    pub autoscaler_tags: bool,
}

impl Default for NodeGroup {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: GroupKind::default(),
            instance_types: vec!["m5.large".to_owned()],
            ami: Ami::default(),
            scaling: Scaling::default(),
            disk: Disk::default(),
            subnets: None,
            security_groups: BTreeSet::new(),
            labels: BTreeMap::new(),
            taints: Vec::new(),
            tags: BTreeMap::new(),
            capacity: Capacity::default(),
            update: None,
            imds: Imds::default(),
            ssm: true,
            kubelet: Kubelet::default(),
            max_pods: None,
            user_data: Vec::new(),
            agent_config: None,
            repair: Repair::default(),
            role: None,
            autoscaler_tags: true,
        }
    }
}

/// Who replaces the nodes of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupKind {
    /// EKS.
    #[default]
    Managed,
    /// An Auto Scaling group of one's own.
    SelfManaged,
}

/// What nodes boot. At most one of them; none is the EKS-optimised AMI of Amazon Linux 2023 for the cluster's version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ami {
    /// `ami-…`, pinned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name of a public SSM parameter whose value is an AMI; it is read at each plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssm_parameter: Option<String>,
    /// Tags of an AMI of one's own, such as those that our Packer template sets; the newest is taken at each plan.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// AMI type of EKS, such as `AL2023_x86_64_STANDARD`; managed groups only.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub ami_type: Option<String>,
    /// Release of the EKS-optimised AMI, such as `1.34.0-20251103`; managed groups only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_version: Option<String>,
}

impl Ami {
    /// Whether it is an AMI that EKS does not choose, so that the launch template names it.
    pub fn is_custom(&self) -> bool {
        self.id.is_some() || self.ssm_parameter.is_some() || !self.tags.is_empty()
    }
}

/// How many nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Scaling {
    /// At least. Default 1.
    pub min: u32,
    /// At most. Default the larger of `min` and `desired`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// At first `min` when it is not given; later, what an autoscaler or a person made of it is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired: Option<u32>,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            min: 1,
            max: None,
            desired: None,
        }
    }
}

impl Scaling {
    /// At most.
    pub fn max(&self) -> u32 {
        self.max
            .unwrap_or_else(|| self.min.max(self.desired.unwrap_or_default()).max(1))
    }

    /// How many at creation.
    pub fn first(&self) -> u32 {
        self.desired.unwrap_or(self.min)
    }
}

/// The root volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Disk {
    /// GiB. Default 20.
    #[serde(rename = "sizeGiB")]
    pub size: u32,
    /// Volume type. Default `gp3`.
    #[serde(rename = "type")]
    pub volume_type: String,
    /// Whether it is encrypted. Default yes.
    pub encrypted: bool,
    /// ARN of the KMS key; none is the account's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_arn: Option<String>,
    /// Operations a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// MiB a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput: Option<u32>,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            size: 20,
            volume_type: "gp3".to_owned(),
            encrypted: true,
            key_arn: None,
            iops: None,
            throughput: None,
        }
    }
}

/// Where nodes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GroupSubnets {
    /// In the public subnets.
    Public,
    /// In the private subnets.
    Private,
    /// In these, by id.
    #[serde(untagged)]
    Ids(BTreeSet<String>),
}

/// A taint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
    /// What it does.
    pub effect: Effect,
}

/// What a taint does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// New pods stay away.
    NoSchedule,
    /// New pods stay away if they can.
    PreferNoSchedule,
    /// All pods leave.
    NoExecute,
}

impl Effect {
    /// Every effect.
    pub const ALL: [Self; 3] = [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute];

    /// As Kubernetes spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSchedule => "NoSchedule",
            Self::PreferNoSchedule => "PreferNoSchedule",
            Self::NoExecute => "NoExecute",
        }
    }
}

/// How instances are bought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Capacity {
    /// At the list price.
    #[default]
    OnDemand,
    /// On the spot market.
    Spot,
}

/// How nodes of a managed group are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Update {
    /// Nodes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<u32>,
    /// Percent of the nodes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable_percentage: Option<u32>,
    /// Whether new nodes come first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
}

/// In which order nodes are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Strategy {
    /// New nodes first.
    Default,
    /// Old nodes go first, for scarce instance types.
    Minimal,
}

/// The metadata service of instances. Tokens (IMDSv2) are always required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Imds {
    /// Hops that an answer may take. Default 1: pods with a network of their own get none.
    pub hop_limit: u32,
    /// Whether it shows the instance's tags. Default no.
    pub tags: bool,
}

impl Default for Imds {
    fn default() -> Self {
        Self {
            hop_limit: 1,
            tags: false,
        }
    }
}

/// Settings of the kubelet, as NodeConfig has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Kubelet {
    /// KubeletConfiguration that is merged over the generated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<serde_json::Value>,
    /// Flags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
}

/// A part of user data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct UserDataPart {
    /// Media type, such as `text/x-shellscript` or `text/cloud-config`.
    pub content_type: String,
    /// Its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// File with its text, from the directory of `cluster.yaml` on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Whether EKS replaces nodes that are not healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Repair {
    /// Whether it does. Default no.
    pub enabled: bool,
}

/// The role of nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NodeRole {
    /// ARN of a role that is there; none makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// Name of an instance profile with that role, for self-managed groups; none makes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    /// ARNs of policies beside those that nodes need.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub policies: BTreeSet<String>,
}

/// The tags by which the cluster autoscaler finds a group of a cluster, and knows what its nodes have.
pub(crate) fn autoscaler_tags(
    cluster: &str,
    labels: &BTreeMap<String, String>,
    taints: &[Taint],
) -> BTreeMap<String, String> {
    const AUTOSCALER: &str = "k8s.io/cluster-autoscaler";
    let mut tags = BTreeMap::from([
        (format!("{AUTOSCALER}/enabled"), "true".to_owned()),
        (format!("{AUTOSCALER}/{cluster}"), "owned".to_owned()),
    ]);
    for (key, value) in labels {
        tags.insert(
            format!("{AUTOSCALER}/node-template/label/{key}"),
            value.clone(),
        );
    }
    for taint in taints {
        tags.insert(
            format!("{AUTOSCALER}/node-template/taint/{}", taint.key),
            format!("{}:{}", taint.value, taint.effect.name()),
        );
    }
    tags
}

/// Names of the policies of AWS that the role of nodes is made with. The VPC CNI has the rights of its node unless it has a role
/// of its own.
pub(crate) fn node_policies<'a>(
    addons: &[Addon],
    groups: impl IntoIterator<Item = &'a NodeGroup>,
) -> Vec<&'static str> {
    let mut needed = vec![
        "AmazonEKSWorkerNodePolicy",
        "AmazonEC2ContainerRegistryPullOnly",
    ];
    let mut addons = addons.iter();
    if !addons.any(|addon| addon.name == "vpc-cni" && addon.role.is_some()) {
        needed.push("AmazonEKS_CNI_Policy");
    }
    if groups.into_iter().any(|group| group.ssm) {
        needed.push("AmazonSSMManagedInstanceCore");
    }
    needed
}
