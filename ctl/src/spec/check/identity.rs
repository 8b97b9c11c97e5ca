//! Roles, policies, security groups and the key of secrets.

use std::collections::BTreeSet;

use super::arn::{self, id_problem, key_of_kms, role_problem};
use super::{Path, Report};
use crate::spec::{Cluster, NodeRole};

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let spec = &cluster.spec;
    let path = Path::of(&["spec"]);
    let role = &spec.cluster_role;
    role_choice(
        role.arn.as_deref(),
        &role.policies,
        &path.key("clusterRole"),
        report,
    );
    security_groups(&spec.security_groups, &path.key("securityGroups"), report);
    let is_used = spec.node_groups.iter().any(|group| group.role.is_none());
    node_role(&spec.node_role, &path.key("nodeRole"), report);
    if !is_used && report.says(&path.key("nodeRole")) {
        report.warning(
            &path.key("nodeRole"),
            "has no effect: every node group has a `role` of its own, or there is none",
            "",
        );
    }
    if let Some(encryption) = &spec.secrets_encryption {
        let path = path.key("secretsEncryption").key("keyArn");
        key(
            &encryption.key_arn,
            cluster.metadata.region.as_deref(),
            &path,
            report,
        );
    }
}

/// The role of nodes, of all groups or of one.
pub(super) fn node_role(role: &NodeRole, path: &Path, report: &mut Report<'_>) {
    role_choice(role.arn.as_deref(), &role.policies, path, report);
    if let Some(profile) = &role.instance_profile {
        let path_of_profile = path.key("instanceProfile");
        if profile.starts_with("arn:") {
            let name = profile.rsplit('/').next().unwrap_or_default();
            report.error(
                &path_of_profile,
                "is an ARN where a name is expected",
                format!("write `{name}`"),
            );
        }
        if role.arn.is_none() {
            report.error(
                &path_of_profile,
                "names an instance profile, but not the role that it holds, which has to be let into the cluster",
                "name the role by `arn`",
            );
        }
    }
}

/// A role that is there, or policies of one that is made.
pub(super) fn role_choice(
    arn: Option<&str>,
    policies: &BTreeSet<String>,
    path: &Path,
    report: &mut Report<'_>,
) {
    if let Some(arn) = arn {
        if let Some((detail, help)) = role_problem(arn) {
            report.error(&path.key("arn"), detail, help);
        }
        if !policies.is_empty() {
            report.error(
                &path.key("policies"),
                "are for a role that is made, and `arn` names one that is there, which is not changed",
                "attach them to the role yourself, or leave one of the two out",
            );
        }
    }
    for policy in policies {
        if !arn::is_policy(policy) {
            let help = if policy.contains(':') {
                "it looks like `arn:aws:iam::aws:policy/NAME`".to_owned()
            } else {
                format!("the ARN of a policy of AWS is `arn:aws:iam::aws:policy/{policy}`")
            };
            let path = report.item(&path.key("policies"), policy);
            report.error(
                &path,
                format!("`{policy}` is not the ARN of a policy"),
                help,
            );
        }
    }
}

pub(super) fn security_groups(ids: &BTreeSet<String>, path: &Path, report: &mut Report<'_>) {
    for id in ids {
        if let Some(detail) = id_problem(id, "sg") {
            let path = report.item(path, id);
            report.error(&path, detail, "");
        }
    }
}

/// A key of KMS, in the cluster's region.
pub(super) fn key(text: &str, region: Option<&str>, path: &Path, report: &mut Report<'_>) {
    let Some(arn) = key_of_kms(text) else {
        report.error(
            path,
            format!("`{text}` is not the ARN of a key"),
            "it looks like `arn:aws:kms:us-west-2:111122223333:key/ID`",
        );
        return;
    };
    if let Some(region) = region.filter(|region| *region != arn.region) {
        report.error(
            path,
            format!(
                "is a key of region `{}`, and the cluster is in `{region}`",
                arn.region
            ),
            "",
        );
    }
}
