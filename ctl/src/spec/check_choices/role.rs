//! Roles that are there: whose they are, whom they trust, what they may do.

use super::super::check::{Path, Report};
use crate::observe::choices::{Choices, ExistingRole};
use crate::spec::{Cluster, GroupKind, NodeGroup, NodeRole};

/// One need of a role: any of these policies meets it.
type Need = &'static [&'static str];

const OF_CLUSTER: Need = &["AmazonEKSClusterPolicy"];
const OF_NODE: [Need; 2] = [
    &[
        "AmazonEKSWorkerNodePolicy",
        "AmazonEKSWorkerNodeMinimalPolicy",
    ],
    &[
        "AmazonEC2ContainerRegistryPullOnly",
        "AmazonEC2ContainerRegistryReadOnly",
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonEC2ContainerRegistryFullAccess",
    ],
];
const OF_CNI: Need = &["AmazonEKS_CNI_Policy"];
const OF_SSM: Need = &["AmazonSSMManagedInstanceCore"];

pub(super) fn check(cluster: &Cluster, choices: &Choices, report: &mut Report<'_>) {
    let spec = &cluster.spec;
    let path = Path::of(&["spec"]);
    if let Some(arn) = &spec.cluster_role.arn {
        let path = path.key("clusterRole").key("arn");
        one(
            arn,
            "eks.amazonaws.com",
            &[OF_CLUSTER],
            &path,
            choices,
            report,
        );
    }
    let shared: Vec<&NodeGroup> = spec
        .node_groups
        .iter()
        .filter(|group| group.role.is_none())
        .collect();
    node_role(
        &spec.node_role,
        &shared,
        &path.key("nodeRole"),
        cluster,
        choices,
        report,
    );
    for (index, group) in spec.node_groups.iter().enumerate() {
        if let Some(role) = &group.role {
            let path = path.key("nodeGroups").item(index).key("role");
            node_role(role, &[group], &path, cluster, choices, report);
        }
    }
}

fn node_role(
    role: &NodeRole,
    groups: &[&NodeGroup],
    path: &Path,
    cluster: &Cluster,
    choices: &Choices,
    report: &mut Report<'_>,
) {
    let Some(arn) = &role.arn else {
        return;
    };
    let mut needs = OF_NODE.to_vec();
    let cni = cluster
        .spec
        .addons
        .iter()
        .find(|addon| addon.name == "vpc-cni");
    if cni.is_none_or(|cni| cni.role.is_none()) {
        needs.push(OF_CNI);
    }
    if groups.iter().any(|group| group.ssm) {
        needs.push(OF_SSM);
    }
    one(
        arn,
        "ec2.amazonaws.com",
        &needs,
        &path.key("arn"),
        choices,
        report,
    );
    let is_self_managed = groups
        .iter()
        .any(|group| group.kind == GroupKind::SelfManaged);
    if let (Some(profile), Some(found), true) = (
        &role.instance_profile,
        choices.roles.get(arn),
        is_self_managed,
    ) && !found.instance_profiles.contains(profile)
    {
        report.error(
            &path.key("instanceProfile"),
            format!("`{profile}` does not hold role `{}`", found.name),
            match found.instance_profiles.as_slice() {
                [] => "leave it out, and one is made".to_owned(),
                held => format!("`{}` does", held.join("`, `")),
            },
        );
    }
}

fn one(
    arn: &str,
    service: &str,
    needs: &[Need],
    path: &Path,
    choices: &Choices,
    report: &mut Report<'_>,
) {
    let account = arn.split(':').nth(4).unwrap_or_default();
    if account != choices.account {
        report.error(
            path,
            format!(
                "is a role of account {account}, and the cluster is made in {}",
                choices.account
            ),
            "a cluster and its nodes can only have roles of their own account",
        );
        return;
    }
    let Some(role) = choices.roles.get(arn) else {
        return;
    };
    if !trusts(role, service) {
        report.error(
            path,
            format!(
                "is role `{}`, which does not let `{service}` take it",
                role.name
            ),
            format!("allow `sts:AssumeRole` to the service `{service}` in its trust policy"),
        );
    }
    let missing: Vec<&str> = needs
        .iter()
        .filter(|need| {
            !need
                .iter()
                .any(|name| role.policies.iter().any(|held| held == name))
        })
        .filter_map(|need| need.first().copied())
        .collect();
    if !missing.is_empty() {
        // Policies of one's own can hold the same, so nothing is refused.
        report.warning(
            path,
            format!(
                "is role `{}`, which lacks {}",
                role.name,
                missing.join(", ")
            ),
            format!(
                "aws iam attach-role-policy --role-name {} --policy-arn arn:{}:iam::aws:policy/{}",
                role.name,
                choices.partition,
                missing.first().copied().unwrap_or_default()
            ),
        );
    }
}

/// In China the name of a service has the partition's end.
fn trusts(role: &ExistingRole, service: &str) -> bool {
    role.trusted_services.iter().any(|trusted| {
        trusted == service
            || trusted
                .strip_prefix(service)
                .is_some_and(|rest| rest == ".cn")
    })
}
