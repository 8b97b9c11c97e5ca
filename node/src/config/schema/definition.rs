//! The fields, in the order of the documents.

mod rule_set;

use super::super::{agent_config, node_config};
use super::{Definition, Field, Kind, field, required, with_default};

pub use rule_set::RULE_SET;

/// `NodeConfig` of `node.eks.aws/v1alpha1`.
pub const NODE_CONFIG: Definition = Definition {
    api_version: node_config::API_VERSION,
    kind: node_config::KIND,
    doc: "What an EKS worker node is to be, as nodeadm reads it.",
    fields: &[
        field("metadata", Kind::FreeForm, "Has no effect."),
        field("spec", Kind::Object(NODE_SPEC), "What the node is to be."),
    ],
    is_strict: false,
    is_whole: false,
};

const NODE_SPEC: &[Field] = &[
    field("cluster", Kind::Object(CLUSTER), "The cluster to join."),
    field(
        "containerd",
        Kind::Object(CONTAINERD),
        "Settings of containerd.",
    ),
    field(
        "instance",
        Kind::Object(INSTANCE),
        "Settings of the instance itself.",
    ),
    field("kubelet", Kind::Object(KUBELET), "Settings of the kubelet."),
    field(
        "featureGates",
        Kind::Named(FEATURE_GATES, "a feature gate"),
        "Features by name.",
    ),
];

const CLUSTER: &[Field] = &[
    required("name", Kind::Text, "Name of the EKS cluster."),
    required("apiServerEndpoint", Kind::Text, "URL of the API server."),
    required(
        "certificateAuthority",
        Kind::Text,
        "Base64 of the PEM bundle that signs the API server's certificate.",
    ),
    required(
        "cidr",
        Kind::Text,
        "Service network of the cluster; decides the IP family and the address of the cluster's DNS.",
    ),
    with_default(
        "enableOutpost",
        Kind::Flag,
        "false",
        "Whether this is a local cluster on an Outpost.",
    ),
    field(
        "id",
        Kind::Text,
        "Id of the cluster; required on an Outpost.",
    ),
];

const CONTAINERD: &[Field] = &[
    field(
        "config",
        Kind::Text,
        "TOML that is merged over the generated configuration.",
    ),
    field(
        "baseRuntimeSpec",
        Kind::FreeForm,
        "OCI runtime specification that is merged over the generated one.",
    ),
];

const INSTANCE: &[Field] = &[
    field(
        "localStorage",
        Kind::Object(LOCAL_STORAGE),
        "Instance store volumes.",
    ),
    field(
        "environment",
        Kind::Map(&Kind::Map(&Kind::Text)),
        "Environment by systemd unit without its suffix; `default` is every unit's.",
    ),
    field("network", Kind::Object(NETWORK), "Name resolution."),
];

const LOCAL_STORAGE: &[Field] = &[
    field(
        "strategy",
        Kind::Words(&["RAID0", "RAID10", "Mount"]),
        "How instance store volumes are used; without it they are left alone.",
    ),
    with_default(
        "mountPath",
        Kind::Text,
        "/mnt/k8s-disks/",
        "Where they are mounted.",
    ),
    field(
        "disabledMounts",
        Kind::List(&Kind::Words(&["Containerd", "PodLogs", "SOCI"])),
        "Directories that are not bound to them.",
    ),
];

const NETWORK: &[Field] = &[
    field(
        "nameservers",
        Kind::List(&Kind::Text),
        "Addresses for `DNS=` of systemd-resolved.",
    ),
    field(
        "domains",
        Kind::List(&Kind::Text),
        "Names for `Domains=` of systemd-resolved.",
    ),
];

const KUBELET: &[Field] = &[
    field(
        "config",
        Kind::FreeForm,
        "Fragment of a `KubeletConfiguration`, written as a drop-in over the generated one.",
    ),
    field(
        "flags",
        Kind::List(&Kind::Text),
        "Flags that follow the generated ones.",
    ),
    field(
        "maxPodsExpression",
        Kind::Text,
        "CEL over `default_enis`, `ips_per_eni` and `max_pods` that gives max pods.",
    ),
];

const FEATURE_GATES: &[Field] = &[
    with_default(
        "InstanceIdNodeName",
        Kind::Flag,
        "false",
        "Whether the Node is named after the instance id and not after the private DNS name.",
    ),
    with_default(
        "FastImagePull",
        Kind::Flag,
        "false",
        "Whether images are pulled in parallel by the SOCI snapshotter, on machines that are large enough.",
    ),
];

/// `AgentConfig` of `nodectl.dev/v1alpha1`.
pub const AGENT_CONFIG: Definition = Definition {
    api_version: crate::wire::API_VERSION,
    kind: agent_config::KIND,
    doc: "Settings of nodeagent itself, from `/etc/nodeagent/config.d` or a user-data part of type `application/nodectl.dev`.",
    fields: &[field("spec", Kind::Object(AGENT_SPEC), "The settings.")],
    is_strict: true,
    is_whole: false,
};

/// `spec` of an AgentConfig.
pub const AGENT_SPEC: &[Field] = &[
    field(
        "deadlines",
        Kind::Object(DEADLINES),
        "Deadlines of the boot.",
    ),
    with_default(
        "credential",
        Kind::Words(&["native", "awsCli"]),
        "native",
        "How the kubelet gets its token: signed in process, or by `aws eks get-token`.",
    ),
    field(
        "maxPods",
        Kind::Object(MAX_PODS),
        "How max pods and the kubelet's reserve are computed.",
    ),
    field(
        "labels",
        Kind::Map(&Kind::Text),
        "Labels of the Node, each with the path below `/latest/meta-data/` whose text is its value.",
    ),
    with_default(
        "scriptGate",
        Kind::Words(&["warn", "block"]),
        "warn",
        "Whether a node joins after a script of cloud-init has failed: with `block` it does not.",
    ),
    with_default(
        "fastPath",
        Kind::Flag,
        "true",
        "Whether the kubelet is started before cloud-init's final stage when that has nothing to do.",
    ),
    field("ssm", Kind::Object(SSM), "The SSM agent."),
    field(
        "signals",
        Kind::Object(SIGNALS),
        "Who in AWS is told how the boot ended; nobody by default.",
    ),
    with_default(
        "onFailure",
        Kind::Words(&["nothing", "powerOff"]),
        "nothing",
        "What becomes of a machine that did not register: it stays as it is, or it is shut down.",
    ),
    field(
        "report",
        Kind::Object(REPORT),
        "What is written to the Node beside the annotation.",
    ),
    field(
        "serve",
        Kind::Object(SERVE),
        "Where the daemon answers beside its unix socket; nowhere by default.",
    ),
    field(
        "watch",
        Kind::Object(WATCH),
        "What the daemon watches. Lists of several documents add up.",
    ),
];

const SERVE: &[Field] = &[
    with_default(
        "loopback",
        Kind::Flag,
        "false",
        "Whether it answers on 127.0.0.1:9977, whoever shows the token in `/run/nodeagent/token`.",
    ),
    with_default(
        "tls",
        Kind::Flag,
        "false",
        "Whether it answers on every address of the node by TLS, with the kubelet's serving certificate, whom the cluster's access control allows `get` of `nodeagents.nodectl.dev`.",
    ),
    with_default(
        "tlsPort",
        Kind::Port,
        "9978",
        "The port of the TLS listener.",
    ),
];

const WATCH: &[Field] = &[
    field(
        "units",
        Kind::List(&Kind::Text),
        "More units whose lines are read, for `nodeagent logs`; those of your own rules are read anyway.",
    ),
    field(
        "disabledRules",
        Kind::List(&Kind::Text),
        "Codes of findings that the daemon does not look for.",
    ),
];

const REPORT: &[Field] = &[
    with_default(
        "conditions",
        Kind::Words(&["own", "eks", "off"]),
        "own",
        "Which conditions of the Node are written: `nodectl.dev/Kernel` and so on, those that EKS auto repair reads and replaces the node for, or none.",
    ),
    with_default(
        "events",
        Kind::Flag,
        "true",
        "Whether findings become events of the Node.",
    ),
];

const SIGNALS: &[Field] = &[
    field(
        "ec2Tag",
        Kind::Object(&[required("key", Kind::Text, "Key of the tag.")]),
        "A tag of the instance that gets the outcome and the code as its value.",
    ),
    field(
        "lifecycleHook",
        Kind::Object(LIFECYCLE_HOOK),
        "A launching lifecycle hook that is completed: CONTINUE, or ABANDON for a boot that failed.",
    ),
    field(
        "cloudFormation",
        Kind::Object(CLOUD_FORMATION),
        "A resource of a CloudFormation stack that gets SUCCESS or FAILURE.",
    ),
];

const LIFECYCLE_HOOK: &[Field] = &[
    required("name", Kind::Text, "Name of the hook."),
    field(
        "autoScalingGroup",
        Kind::Text,
        "Name of the group; without it the tag `aws:autoscaling:groupName` in the instance metadata.",
    ),
];

const CLOUD_FORMATION: &[Field] = &[
    required("stack", Kind::Text, "Name or id of the stack."),
    required(
        "logicalResourceId",
        Kind::Text,
        "Logical id of the resource.",
    ),
];

const SSM: &[Field] = &[with_default(
    "enabled",
    Kind::Flag,
    "true",
    "Whether the SSM agent is enabled and started before all else, and checked. `false` leaves it as the image has it.",
)];

const DEADLINES: &[Field] = &[with_default(
    "registered",
    Kind::Duration,
    "10m",
    "How long the node may take from the start of the join phase until its Node object exists.",
)];

const MAX_PODS: &[Field] = &[
    with_default(
        "mode",
        Kind::Words(&["secondaryIP", "prefixDelegation", "customNetworking"]),
        "secondaryIP",
        "How the VPC CNI gives addresses to pods.",
    ),
    with_default(
        "reservedENIs",
        Kind::Count,
        "0",
        "Network interfaces that pods get no address from.",
    ),
    with_default(
        "cap",
        Kind::Words(&["none", "recommended"]),
        "none",
        "Whether max pods is kept to what Kubernetes recommends: 110, and 250 with more than 30 vCPUs.",
    ),
    with_default(
        "kubeReserved",
        Kind::Words(&["standard", "effective"]),
        "standard",
        "Which number of pods the kubelet reserves memory for: the computed one, or the one it will use.",
    ),
];
