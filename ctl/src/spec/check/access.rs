//! `spec.access`.

use super::arn::principal_problem;
use super::{Path, Report, did_you_mean};
use crate::spec::{AccessPolicy, AuthenticationMode, Cluster, Entry};

/// Access policies that people are given:
/// <https://docs.aws.amazon.com/eks/latest/userguide/access-policy-permissions.html>.
const POLICIES: [&str; 8] = [
    "AmazonEKSAdminPolicy",
    "AmazonEKSAdminViewPolicy",
    "AmazonEKSClusterAdminPolicy",
    "AmazonEKSClusterInsightsPolicy",
    "AmazonEKSEditPolicy",
    "AmazonEKSSecretReaderPolicy",
    "AmazonEKSViewPolicy",
    "AmazonEKSAutoNodePolicy",
];
/// How names begin that entries cannot have:
/// <https://docs.aws.amazon.com/eks/latest/userguide/creating-access-entries.html>.
const RESERVED: [&str; 5] = ["system:", "eks:", "aws:", "amazon:", "iam:"];

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let access = &cluster.spec.access;
    let path = Path::of(&["spec", "access"]);
    if access.authentication_mode == AuthenticationMode::ConfigMap {
        if !access.entries.is_empty() {
            report.error(
                &path.key("entries"),
                "are access entries, at which EKS does not look in mode `CONFIG_MAP`",
                "write `authenticationMode: API_AND_CONFIG_MAP`",
            );
        }
        if !access.creator_admin {
            report.error(
                &path.key("creatorAdmin"),
                "is off, which mode `CONFIG_MAP` does not allow: nobody could enter",
                "write `authenticationMode: API_AND_CONFIG_MAP`",
            );
        }
    } else if !access.creator_admin && access.entries.is_empty() {
        report.warning(
            &path.key("creatorAdmin"),
            "is off and there are no `entries`, so nobody can enter",
            "",
        );
    }
    for (index, entry) in access.entries.iter().enumerate() {
        let path = path.key("entries").item(index);
        let is_again = access
            .entries
            .iter()
            .take(index)
            .any(|other| other.principal_arn == entry.principal_arn);
        if is_again && !entry.principal_arn.is_empty() {
            report.error(
                &path.key("principalArn"),
                format!("has an entry already: `{}`", entry.principal_arn),
                "put both into one entry",
            );
        }
        check_entry(entry, &path, report);
    }
}

fn check_entry(entry: &Entry, path: &Path, report: &mut Report<'_>) {
    // An entry without a principal is told already.
    if report.says(&path.key("principalArn"))
        && let Some((detail, help)) = principal_problem(&entry.principal_arn)
    {
        report.error(&path.key("principalArn"), detail, help);
    }
    let is_reserved = |name: &str| RESERVED.iter().any(|start| name.starts_with(start));
    for group in &entry.groups {
        if is_reserved(group) {
            let help = if group == "system:masters" {
                "give it the policy `AmazonEKSClusterAdminPolicy`"
            } else {
                "take a name of your own, and bind it to a role of Kubernetes"
            };
            let path = report.item(&path.key("groups"), group);
            report.error(
                &path,
                format!("`{group}` is a group that EKS keeps for itself"),
                help,
            );
        }
    }
    if let Some(username) = entry.username.as_deref().filter(|name| is_reserved(name)) {
        report.error(
            &path.key("username"),
            format!("`{username}` begins as names that EKS keeps for itself"),
            "",
        );
    }
    if entry.groups.is_empty() && entry.policies.is_empty() {
        report.warning(
            path,
            "has neither `policies` nor `groups`: who enters by it may do nothing",
            "",
        );
    }
    for (index, policy) in entry.policies.iter().enumerate() {
        check_policy(policy, &path.key("policies").item(index), report);
    }
}

fn check_policy(policy: &AccessPolicy, path: &Path, report: &mut Report<'_>) {
    let name = &policy.policy;
    let path_of_name = path.key("policy");
    if let Some((_, known)) = name.split_once(":cluster-access-policy/") {
        if !POLICIES.contains(&known) {
            report.warning(
                &path_of_name,
                format!("`{known}` is not a policy that is known here"),
                did_you_mean(known, &POLICIES),
            );
        }
    } else if name.contains(":iam::") {
        report.error(
            &path_of_name,
            "is a policy of IAM, and here are access policies of EKS",
            "`aws eks list-access-policies` shows them",
        );
    } else if report.says(&path_of_name) && !POLICIES.contains(&name.as_str()) {
        let near = did_you_mean(name, &POLICIES);
        let help = if near.is_empty() {
            "`aws eks list-access-policies` shows them; one that is not known here is written as its ARN".to_owned()
        } else {
            near
        };
        report.error(
            &path_of_name,
            format!("`{name}` is not an access policy of EKS"),
            help,
        );
    }
    for namespace in &policy.namespaces {
        let is_name = !namespace.is_empty()
            && namespace.len() <= 63
            && namespace.chars().all(|letter| {
                letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-*".contains(letter)
            });
        if !is_name {
            let path = report.item(&path.key("namespaces"), namespace);
            report.error(
                &path,
                format!("`{namespace}` is not the name of a namespace"),
                "",
            );
        }
    }
}
