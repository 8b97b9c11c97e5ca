//! `spec.nodeGroups` and `spec.nodeRole`.

use node::config::schema::{AGENT_SPEC, Field, Kind, field, required, with_default};

pub(super) const NODE_GROUP: &[Field] = &[
    required(
        "name",
        Kind::Text,
        "Its name: 1 to 63 letters, digits, `-` and `_`, a letter or digit first.",
    ),
    with_default(
        "kind",
        Kind::Words(&["managed", "selfManaged"]),
        "managed",
        "Who replaces its nodes: EKS, or an Auto Scaling group of one's own.",
    ),
    with_default(
        "instanceTypes",
        Kind::List(&Kind::Text),
        "[\"m5.large\"]",
        "Instance types, the best first.",
    ),
    field(
        "ami",
        Kind::Object(AMI),
        "What its nodes boot, by one of these; by default the EKS-optimised AMI of Amazon Linux 2023 for the cluster's version.",
    ),
    field("scaling", Kind::Object(SCALING), "How many nodes."),
    field("disk", Kind::Object(DISK), "The root volume."),
    field(
        "subnets",
        Kind::WordsOrList(&["public", "private"], &Kind::Text),
        "Where its nodes are: `public`, `private` or ids; by default the private subnets, or the public ones when there are no others.",
    ),
    field(
        "securityGroups",
        Kind::List(&Kind::Text),
        "Ids of security groups of its nodes, beside the one that EKS makes for the cluster.",
    ),
    field("labels", Kind::Map(&Kind::Text), "Labels of its nodes."),
    field(
        "taints",
        Kind::List(&Kind::Object(TAINT)),
        "Taints of its nodes.",
    ),
    field(
        "tags",
        Kind::Map(&Kind::Text),
        "Tags of the group and of its instances and volumes.",
    ),
    with_default(
        "capacity",
        Kind::Words(&["onDemand", "spot"]),
        "onDemand",
        "How its instances are bought.",
    ),
    field(
        "update",
        Kind::Object(UPDATE),
        "How its nodes are replaced; managed groups only.",
    ),
    field(
        "imds",
        Kind::Object(IMDS),
        "The metadata service of its instances. Tokens (IMDSv2) are always required.",
    ),
    with_default(
        "ssm",
        Kind::Flag,
        "true",
        "Whether Systems Manager may manage its instances: its node role gets `AmazonSSMManagedInstanceCore`.",
    ),
    field(
        "kubelet",
        Kind::Object(KUBELET),
        "Settings of the kubelet, as in a NodeConfig.",
    ),
    field(
        "maxPods",
        Kind::Count,
        "Most pods of a node; by default the agent counts them.",
    ),
    field(
        "userData",
        Kind::List(&Kind::Object(USER_DATA_PART)),
        "Parts of user data of your own, before ours.",
    ),
    field(
        "agentConfig",
        Kind::Object(AGENT_SPEC),
        "`spec` of an AgentConfig: settings of nodeagent on these nodes.",
    ),
    field(
        "repair",
        Kind::Object(REPAIR),
        "Whether EKS replaces nodes that are not healthy; managed groups only.",
    ),
    field(
        "role",
        Kind::Object(NODE_ROLE),
        "The role of its nodes; by default the one of `spec.nodeRole`, which groups share.",
    ),
    with_default(
        "autoscalerTags",
        Kind::Flag,
        "true",
        "Whether the group carries the tags by which the cluster autoscaler finds it and knows its nodes.",
    ),
];

const AMI: &[Field] = &[
    field(
        "id",
        Kind::Text,
        "`ami-…`, pinned: nodes boot it until you write another one.",
    ),
    field(
        "ssmParameter",
        Kind::Text,
        "Name of an SSM parameter whose value is the id of an AMI; it is read at each plan.",
    ),
    field(
        "tags",
        Kind::Map(&Kind::Text),
        "Tags of an AMI of your own, such as those of our Packer template; the newest is taken at each plan.",
    ),
    field(
        "type",
        Kind::Text,
        "AMI type of EKS, such as `AL2023_x86_64_STANDARD`; managed groups only.",
    ),
    field(
        "releaseVersion",
        Kind::Text,
        "Release of the EKS-optimised AMI of the version of the cluster, such as `1.34.0-20251103`; managed groups only. Without it the latest is taken when the group is made, and kept.",
    ),
];

const SCALING: &[Field] = &[
    with_default("min", Kind::Count, "1", "At least so many."),
    field(
        "max",
        Kind::Count,
        "At most so many; by default the larger of `min`, `desired` and 1.",
    ),
    field(
        "desired",
        Kind::Count,
        "So many at first; by default `min`. What an autoscaler or a person made of it later is left.",
    ),
];

const DISK: &[Field] = &[
    with_default("sizeGiB", Kind::Count, "20", "Its size in GiB."),
    with_default("type", Kind::Text, "gp3", "Type of volume of EBS."),
    with_default("encrypted", Kind::Flag, "true", "Whether it is encrypted."),
    field(
        "keyArn",
        Kind::Text,
        "ARN of the KMS key; by default the account's own for EBS.",
    ),
    field("iops", Kind::Count, "Operations a second."),
    field("throughput", Kind::Count, "MiB a second; `gp3` only."),
];

const TAINT: &[Field] = &[
    required("key", Kind::Text, "Its key."),
    field("value", Kind::Text, "Its value."),
    required(
        "effect",
        Kind::Words(&["NoSchedule", "PreferNoSchedule", "NoExecute"]),
        "What it does: new pods stay away, stay away if they can, or all pods leave.",
    ),
];

const UPDATE: &[Field] = &[
    field(
        "maxUnavailable",
        Kind::Count,
        "Nodes that are replaced at once; EKS takes 1 by default.",
    ),
    field(
        "maxUnavailablePercentage",
        Kind::Count,
        "The same in percent.",
    ),
    field(
        "strategy",
        Kind::Words(&["DEFAULT", "MINIMAL"]),
        "Whether new nodes come before old ones go, or after, for scarce instance types.",
    ),
];

const IMDS: &[Field] = &[
    with_default(
        "hopLimit",
        Kind::Count,
        "1",
        "Hops that an answer may take, from 1 to 64. With 1, pods with a network of their own get none, and so not the role of the node.",
    ),
    with_default(
        "tags",
        Kind::Flag,
        "false",
        "Whether it shows the tags of the instance.",
    ),
];

const KUBELET: &[Field] = &[
    field(
        "config",
        Kind::FreeForm,
        "Fragment of a `KubeletConfiguration` that is laid over the generated one.",
    ),
    field(
        "flags",
        Kind::List(&Kind::Text),
        "Flags that follow the generated ones.",
    ),
];

const USER_DATA_PART: &[Field] = &[
    required(
        "contentType",
        Kind::Text,
        "Media type, such as `text/x-shellscript` or `text/cloud-config`.",
    ),
    field("content", Kind::Text, "Its text."),
    field(
        "file",
        Kind::Text,
        "File with its text, beginning at the directory of `cluster.yaml`.",
    ),
];

const REPAIR: &[Field] = &[with_default(
    "enabled",
    Kind::Flag,
    "false",
    "Whether it does.",
)];

pub(super) const NODE_ROLE: &[Field] = &[
    field(
        "arn",
        Kind::Text,
        "ARN of a role that is there. It is not changed.",
    ),
    field(
        "instanceProfile",
        Kind::Text,
        "Name of an instance profile that holds it, for self-managed groups; by default one is made.",
    ),
    field(
        "policies",
        Kind::List(&Kind::Text),
        "ARNs of policies that a role which is made gets beside those that nodes need.",
    ),
];
