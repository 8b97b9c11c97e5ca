//! `spec.access`.

use node::config::schema::{Field, Kind, field, required, with_default};

pub(super) const ACCESS: &[Field] = &[
    with_default(
        "authenticationMode",
        Kind::Words(&["API", "API_AND_CONFIG_MAP", "CONFIG_MAP"]),
        "API_AND_CONFIG_MAP",
        "Where EKS looks for who may enter: access entries, the ConfigMap `kube-system/aws-auth`, or both. It can only be changed towards `API`.",
    ),
    with_default(
        "creatorAdmin",
        Kind::Flag,
        "true",
        "Whether whoever creates the cluster becomes its administrator. It cannot be changed later.",
    ),
    field(
        "entries",
        Kind::List(&Kind::Object(ENTRY)),
        "Principals that may enter.",
    ),
];

const ENTRY: &[Field] = &[
    required(
        "principalArn",
        Kind::Text,
        "ARN of an IAM role or user, path and all; of an assumed role, the ARN of the role.",
    ),
    field(
        "groups",
        Kind::List(&Kind::Text),
        "Groups of Kubernetes, for role bindings of your own.",
    ),
    field(
        "username",
        Kind::Text,
        "User name in Kubernetes; by default EKS makes one of the ARN.",
    ),
    field(
        "policies",
        Kind::List(&Kind::Object(POLICY)),
        "Access policies of EKS.",
    ),
];

const POLICY: &[Field] = &[
    required(
        "policy",
        Kind::Text,
        "Name, such as `AmazonEKSClusterAdminPolicy`, or ARN.",
    ),
    field(
        "namespaces",
        Kind::List(&Kind::Text),
        "Namespaces in which it holds; by default the whole cluster.",
    ),
];
