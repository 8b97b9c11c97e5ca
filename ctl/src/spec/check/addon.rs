//! `spec.addons`.

use super::identity::role_choice;
use super::{Path, Report};
use crate::spec::{Addon, Cluster, RoleWiring};

/// Add-ons of AWS and of the community:
/// <https://docs.aws.amazon.com/eks/latest/userguide/workloads-add-ons-available-eks.html>. There are more of others.
const KNOWN: [&str; 20] = [
    "adot",
    "amazon-cloudwatch-observability",
    "aws-ebs-csi-driver",
    "aws-efs-csi-driver",
    "aws-fsx-csi-driver",
    "aws-guardduty-agent",
    "aws-mountpoint-s3-csi-driver",
    "aws-network-flow-monitoring-agent",
    "aws-privateca-connector",
    "aws-secrets-store-csi-driver-provider",
    "cert-manager",
    "coredns",
    "eks-node-monitoring-agent",
    "eks-pod-identity-agent",
    "external-dns",
    "kube-proxy",
    "kube-state-metrics",
    "metrics-server",
    "snapshot-controller",
    "vpc-cni",
];
/// The one that gives pods their identity.
const POD_IDENTITY_AGENT: &str = "eks-pod-identity-agent";

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let spec = &cluster.spec;
    let has_agent = spec
        .addons
        .iter()
        .any(|addon| addon.name == POD_IDENTITY_AGENT);
    for (index, addon) in spec.addons.iter().enumerate() {
        let path = Path::of(&["spec", "addons"]).item(index);
        let before = spec.addons.iter().take(index);
        let is_again = before.clone().any(|other| other.name == addon.name);
        if is_again && !addon.name.is_empty() {
            report.error(
                &path.key("name"),
                format!("`{}` is an add-on of the list already", addon.name),
                "",
            );
        }
        name(addon, &path, report);
        if let Some(version) = &addon.version
            && !is_version(version)
        {
            report.error(
                &path.key("version"),
                format!("`{version}` is not the version of an add-on"),
                "it looks like `v1.20.4-eksbuild.1`; `aws eks describe-addon-versions` shows them",
            );
        }
        let Some(role) = &addon.role else {
            continue;
        };
        let path = path.key("role");
        role_choice(role.arn.as_deref(), &role.policies, &path, report);
        match role.by {
            RoleWiring::Irsa if !spec.oidc_provider => report.error(
                &path,
                "is had by a token of the cluster's OIDC issuer, which IAM does not know",
                "write `spec.oidcProvider: true`, or `by: podIdentity`",
            ),
            RoleWiring::PodIdentity if !has_agent => report.error(
                &path,
                format!("is had from the pod identity agent, and `{POD_IDENTITY_AGENT}` is not among the add-ons"),
                format!("add `- name: {POD_IDENTITY_AGENT}`"),
            ),
            _ => {}
        }
    }
}

fn name(addon: &Addon, path: &Path, report: &mut Report<'_>) {
    let name = addon.name.as_str();
    let path = path.key("name");
    if KNOWN.contains(&name) || !report.says(&path) {
        return;
    }
    let is_word = name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if !is_word {
        report.error(
            &path,
            format!("`{name}` cannot be the name of an add-on"),
            "",
        );
        return;
    }
    // `ebs-csi` is too far from the whole name to be near it.
    let part = KNOWN
        .iter()
        .copied()
        .find(|known| name.len() > 2 && known.contains(name));
    if let Some(meant) = node::nearest::nearest(name, &KNOWN).or(part) {
        report.error(
            &path,
            format!("`{name}` is not an add-on of EKS"),
            format!("did you mean `{meant}`?"),
        );
    }
}

/// `v1.20.4-eksbuild.1` and the like.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').is_some_and(|rest| {
        rest.starts_with(|first: char| first.is_ascii_digit())
            && rest
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || ".-_+".contains(letter))
    })
}
