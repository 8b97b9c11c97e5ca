//! What a `cluster.yaml` may hold, said once: from it come the answers to unknown fields and wrong words, the JSON schema
//! and `nodectl explain-spec`.

mod access;
mod addon;
mod network;
mod node_group;
#[cfg(test)]
mod tests;

use node::config::schema::{Definition, Field, Kind, field, required, with_default};

/// `kind` of a `cluster.yaml`.
pub const KIND: &str = "Cluster";

/// `Cluster` of `nodectl.dev/v1alpha1`.
pub const CLUSTER: Definition = Definition {
    api_version: node::wire::API_VERSION,
    kind: KIND,
    doc: "A cluster and its node groups as they should be, for `nodectl plan`, `apply` and `delete`.",
    fields: &[
        required("metadata", Kind::Object(METADATA), "Which cluster it is."),
        required("spec", Kind::Object(SPEC), "How the cluster should be."),
    ],
    is_strict: true,
    is_whole: true,
};

const METADATA: &[Field] = &[
    field(
        "name",
        Kind::Text,
        "Name of the cluster: 1 to 100 letters, digits, `-` and `_`, a letter or digit first. It cannot be changed later.",
    ),
    field(
        "generateName",
        Kind::Text,
        "Beginning of a name to which five random letters are added once; the name is then written as `name`.",
    ),
    field(
        "region",
        Kind::Text,
        "Region of AWS; by default the one of the flags, the environment or the profile.",
    ),
    field(
        "tags",
        Kind::Map(&Kind::Text),
        "Tags of everything that is made for the cluster.",
    ),
];

const SPEC: &[Field] = &[
    required(
        "version",
        Kind::Text,
        "Minor version of Kubernetes, in quotes, such as `\"1.34\"`.",
    ),
    field(
        "vpc",
        Kind::Object(network::VPC),
        "Its network: one that is there, by `id` or `tags`, or else one that is made.",
    ),
    field(
        "endpoint",
        Kind::Object(network::ENDPOINT),
        "How its API server is reached.",
    ),
    field(
        "serviceCidr",
        Kind::Text,
        "Network of its services, from /12 to /24; by default EKS takes `10.100.0.0/16` or `172.20.0.0/16`. It cannot be changed later.",
    ),
    field(
        "logging",
        Kind::Object(LOGGING),
        "Logs of its control plane, in CloudWatch.",
    ),
    field(
        "clusterRole",
        Kind::Object(ROLE_CHOICE),
        "The role of its control plane; made unless `arn` names one.",
    ),
    field(
        "securityGroups",
        Kind::List(&Kind::Text),
        "Ids of security groups of its control plane, beside the one that EKS makes.",
    ),
    with_default(
        "ownSecurityGroup",
        Kind::Flag,
        "false",
        "Whether a security group is made for its control plane: nothing in, everything out.",
    ),
    field(
        "access",
        Kind::Object(access::ACCESS),
        "Who may enter it, beside its nodes, which are let in by themselves.",
    ),
    with_default(
        "oidcProvider",
        Kind::Flag,
        "false",
        "Whether its OIDC issuer is made known to IAM, so that service accounts can have roles (`role.by: irsa`).",
    ),
    field(
        "addons",
        Kind::List(&Kind::Object(addon::ADDON)),
        "What EKS installs in it. Without them it has the VPC CNI, CoreDNS and kube-proxy all the same, but nobody updates them.",
    ),
    field(
        "secretsEncryption",
        Kind::Object(ENCRYPTION),
        "Envelope encryption of its secrets with a key of one's own. It cannot be taken back.",
    ),
    field(
        "nodeRole",
        Kind::Object(node_group::NODE_ROLE),
        "The node role that groups without a `role` of their own share; made unless `arn` names one.",
    ),
    field(
        "nodeGroups",
        Kind::List(&Kind::Object(node_group::NODE_GROUP)),
        "Its nodes.",
    ),
];

const LOGGING: &[Field] = &[
    field(
        "types",
        Kind::List(&Kind::Words(&[
            "api",
            "audit",
            "authenticator",
            "controllerManager",
            "scheduler",
        ])),
        "What is logged; by default nothing.",
    ),
    field(
        "retentionDays",
        Kind::Count,
        "How many days logs are kept, one of the numbers that CloudWatch knows. Without it they are kept for ever, in a log group that EKS makes and nobody deletes.",
    ),
];

const ROLE_CHOICE: &[Field] = &[
    field(
        "arn",
        Kind::Text,
        "ARN of a role that is there. It is not changed.",
    ),
    field(
        "policies",
        Kind::List(&Kind::Text),
        "ARNs of policies that a role which is made gets beside those that it needs.",
    ),
];

const ENCRYPTION: &[Field] = &[required(
    "keyArn",
    Kind::Text,
    "ARN of a symmetric KMS key in the cluster's region.",
)];
