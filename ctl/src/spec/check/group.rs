//! `spec.nodeGroups`: what is wrong with each, and between them.

use std::collections::BTreeSet;

use node::config::check::taint_problem;
use node::config::label;

use super::{Files, Path, Report, ami, arn, identity, machine, pods, tags, user_data};
use crate::spec::{Cluster, GroupKind, GroupSubnets, NodeGroup, Update, Vpc};

/// The longest name that EKS takes.
const LONGEST_NAME: usize = 63;
/// The most taints and the most labels of a managed group:
/// <https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateNodegroup.html>.
const MOST: usize = 50;
/// Prefixes of labels that EKS refuses for managed groups.
const RESERVED_LABELS: [&str; 3] = ["kubernetes.io", "k8s.io", "eks.amazonaws.com"];

pub(super) fn check(cluster: &Cluster, files: &Files, report: &mut Report<'_>) {
    let groups = &cluster.spec.node_groups;
    for (index, group) in groups.iter().enumerate() {
        let path = Path::of(&["spec", "nodeGroups"]).item(index);
        let mut before = groups.iter().take(index);
        if !group.name.is_empty() && before.any(|other| other.name == group.name) {
            report.error(
                &path.key("name"),
                format!("`{}` is a node group of the list already", group.name),
                "",
            );
        }
        check_group(group, &path, cluster, files, report);
    }
}

fn check_group(
    group: &NodeGroup,
    path: &Path,
    cluster: &Cluster,
    files: &Files,
    report: &mut Report<'_>,
) {
    // A group without a name is told already.
    if report.says(&path.key("name")) && !arn::is_name(&group.name, LONGEST_NAME) {
        report.error(
            &path.key("name"),
            format!(
                "`{}` cannot be the name of a node group: it needs 1 to {LONGEST_NAME} letters, digits, `-` and `_`, a letter or digit first",
                group.name
            ),
            "",
        );
    }
    if group.kind == GroupKind::SelfManaged {
        only_for_managed(path, report);
    }
    ami::check(group, path, cluster, report);
    machine::check(group, path, cluster, report);
    placement(group, path, &cluster.spec.vpc, report);
    identity::security_groups(&group.security_groups, &path.key("securityGroups"), report);
    labels(group, path, report);
    taints(group, path, report);
    tags::check(&group.tags, &path.key("tags"), report);
    tags::count(
        [&cluster.metadata.tags, &group.tags],
        &path.key("tags"),
        report,
    );
    if let Some(update) = &group.update {
        check_update(update, &path.key("update"), report);
    }
    if let Some(role) = &group.role {
        let path = path.key("role");
        identity::node_role(role, &path, report);
        if role.instance_profile.is_some() && group.kind == GroupKind::Managed {
            report.warning(
                &path.key("instanceProfile"),
                "has no effect: EKS makes the instance profile of a managed group",
                "",
            );
        }
    }
    user_data::check(group, files, path, report);
    pods::check(group, path, cluster, report);
}

fn only_for_managed(path: &Path, report: &mut Report<'_>) {
    for key in ["update", "repair"] {
        if report.says(&path.key(key)) {
            report.error(
                &path.key(key),
                "is what EKS does for managed groups, and this one is self-managed",
                "leave it out, or write `kind: managed`",
            );
        }
    }
}

fn placement(group: &NodeGroup, path: &Path, vpc: &Vpc, report: &mut Report<'_>) {
    let path = path.key("subnets");
    match &group.subnets {
        Some(GroupSubnets::Ids(ids)) => {
            if ids.is_empty() {
                report.error(&path, "is empty", "leave it out, or name a subnet");
            }
            if !vpc.is_existing() {
                report.error(
                    &path,
                    "names subnets that are there, and the VPC is made",
                    "write `public` or `private`",
                );
                return;
            }
            for id in ids {
                if let Some(detail) = arn::id_problem(id, "subnet") {
                    let path = report.item(&path, id);
                    report.error(&path, detail, "");
                }
            }
        }
        Some(GroupSubnets::Public) if vpc.subnets.public.none => {
            report.error(&path, "is `public`, and there are no public subnets", "");
        }
        Some(GroupSubnets::Private) if vpc.subnets.private.none => {
            report.error(&path, "is `private`, and there are no private subnets", "");
        }
        _ => {}
    }
}

fn labels(group: &NodeGroup, path: &Path, report: &mut Report<'_>) {
    let path = path.key("labels");
    if group.labels.len() > MOST {
        report.error(
            &path,
            format!(
                "are {}, and a node group can have {MOST}",
                group.labels.len()
            ),
            "",
        );
    }
    for (name, value) in &group.labels {
        let path = path.key(name);
        let prefix = name.split_once('/').map_or("", |(prefix, _)| prefix);
        if group.kind == GroupKind::Managed && RESERVED_LABELS.contains(&prefix) {
            report.error(
                &path,
                format!("is a label below `{prefix}/`, which EKS refuses"),
                "take a prefix of your own, such as `example.com/`",
            );
        } else if let Some(detail) = label::name_problem(name) {
            report.error(&path, format!("is wrong: {detail}"), "");
        }
        if let Some(detail) = label::value_problem(value) {
            report.error(&path, format!("is wrong: {detail}"), "");
        }
    }
}

fn taints(group: &NodeGroup, path: &Path, report: &mut Report<'_>) {
    let path = path.key("taints");
    if group.taints.len() > MOST {
        report.error(
            &path,
            format!(
                "are {}, and a node group can have {MOST}",
                group.taints.len()
            ),
            "",
        );
    }
    let mut seen = BTreeSet::new();
    for (index, taint) in group.taints.iter().enumerate() {
        let path = path.item(index);
        if let Some(detail) = taint_problem(&taint.key, &taint.value, taint.effect.name()) {
            report.error(&path, detail, "");
        }
        if !seen.insert((&taint.key, taint.effect.name())) {
            report.error(
                &path,
                format!(
                    "is another taint `{}` with effect `{}`",
                    taint.key,
                    taint.effect.name()
                ),
                "",
            );
        }
    }
}

fn check_update(update: &Update, path: &Path, report: &mut Report<'_>) {
    if update.max_unavailable.is_some() && update.max_unavailable_percentage.is_some() {
        report.error(
            &path.key("maxUnavailablePercentage"),
            "says the same as `maxUnavailable` in another way",
            "leave one of them out",
        );
    }
    for (key, value) in [
        ("maxUnavailable", update.max_unavailable),
        (
            "maxUnavailablePercentage",
            update.max_unavailable_percentage,
        ),
    ] {
        if value.is_some_and(|value| !(1..=100).contains(&value)) {
            report.error(&path.key(key), "is not from 1 to 100", "");
        }
    }
}
