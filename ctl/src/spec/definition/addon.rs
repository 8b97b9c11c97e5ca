//! `spec.addons`.

use node::config::schema::{Field, Kind, field, required, with_default};

pub(super) const ADDON: &[Field] = &[
    required("name", Kind::Text, "Name, such as `vpc-cni`."),
    field(
        "version",
        Kind::Text,
        "Version, such as `v1.20.4-eksbuild.1`; by default the one that EKS recommends for the cluster's version, kept until the add-on no longer fits.",
    ),
    field(
        "configuration",
        Kind::FreeForm,
        "Configuration values; `aws eks describe-addon-configuration` shows their schema.",
    ),
    field(
        "role",
        Kind::Object(ROLE),
        "How its service account gets a role; by default it has that of the nodes.",
    ),
];

const ROLE: &[Field] = &[
    with_default(
        "by",
        Kind::Words(&["irsa", "podIdentity"]),
        "irsa",
        "By what: a token of the cluster's OIDC issuer, or the pod identity agent.",
    ),
    field(
        "arn",
        Kind::Text,
        "ARN of a role that is there; by default one is made.",
    ),
    field(
        "policies",
        Kind::List(&Kind::Text),
        "ARNs of the policies of one that is made; by default those that the add-on is known to need.",
    ),
    field(
        "namespace",
        Kind::Text,
        "Namespace of the service account; by default the add-on's own.",
    ),
    field(
        "serviceAccount",
        Kind::Text,
        "Name of the service account; by default the add-on's own.",
    ),
];
