//! `ami` of a node group.

use aws_sdk_eks::types::AmiTypes;

use super::{Minor, Path, Report, arn, did_you_mean, skew};
use crate::spec::{Ami, Cluster, GroupKind, NodeGroup};

/// The version from which on there is no AMI of Amazon Linux 2:
/// <https://docs.aws.amazon.com/eks/latest/userguide/eks-ami-deprecation-faqs.html>.
const WITHOUT_AMAZON_LINUX_2: (u32, u32) = (1, 33);

pub(super) fn check(group: &NodeGroup, path: &Path, cluster: &Cluster, report: &mut Report<'_>) {
    let ami = &group.ami;
    let path = path.key("ami");
    one_choice(ami, group.kind, &path, report);
    if let Some(id) = &ami.id
        && !arn::is_id(id, "ami")
    {
        report.error(
            &path.key("id"),
            format!("`{id}` is not the id of an AMI such as `ami-0123456789abcdef0`"),
            if id.starts_with('/') {
                "did you mean `ami.ssmParameter`?"
            } else {
                ""
            },
        );
    }
    let cluster_version = Minor::parse(&cluster.spec.version);
    if let Some(parameter) = &ami.ssm_parameter {
        let path = path.key("ssmParameter");
        ssm_parameter(parameter, &path, report);
        versions(Minor::within(parameter), cluster_version, &path, report);
    }
    if let Some(ami_type) = &ami.ami_type {
        check_type(group, ami_type, cluster_version, &path, report);
    }
    if let Some(release) = &ami.release_version {
        let path = path.key("releaseVersion");
        let version = Minor::at_start(release);
        if version.is_none() || !is_release(release) {
            report.error(
                &path,
                format!("`{release}` is not a release of the EKS-optimised AMI"),
                "it looks like `1.34.0-20251103`",
            );
        } else if let (Some(version), Some(cluster)) = (version, cluster_version)
            && version != cluster
            && !is_bottlerocket(ami)
        {
            report.error(
                &path,
                format!("is of Kubernetes {version}, and `spec.version` is {cluster}: EKS gives a group releases of the version of its cluster"),
                format!("take one of Kubernetes {cluster}, or leave it out for the latest"),
            );
        }
    }
}

/// Whether the AMI is chosen in one way only.
fn one_choice(ami: &Ami, kind: GroupKind, path: &Path, report: &mut Report<'_>) {
    let choices: Vec<&str> = [
        ("id", ami.id.is_some()),
        ("ssmParameter", ami.ssm_parameter.is_some()),
        ("tags", !ami.tags.is_empty()),
    ]
    .into_iter()
    .filter_map(|(name, is_given)| is_given.then_some(name))
    .collect();
    if let [first, second, ..] = choices.as_slice() {
        report.error(
            &path.key(second),
            format!("chooses an AMI that `{first}` has chosen already"),
            "leave one of them out",
        );
    }
    for (key, is_given) in [
        ("type", ami.ami_type.is_some()),
        ("releaseVersion", ami.release_version.is_some()),
    ] {
        if !is_given {
            continue;
        }
        if kind == GroupKind::SelfManaged {
            report.error(
                &path.key(key),
                "is how EKS chooses the AMI of a managed group, and this one is self-managed",
                "write `id`, `ssmParameter` or `tags`",
            );
        } else if let Some(choice) = choices.first() {
            report.error(
                &path.key(key),
                format!("is how EKS chooses an AMI, and `{choice}` has chosen one already"),
                "leave one of them out",
            );
        }
    }
}

fn ssm_parameter(parameter: &str, path: &Path, report: &mut Report<'_>) {
    if !parameter.starts_with('/') {
        let help = if parameter.starts_with("ami-") {
            "did you mean `ami.id`?"
        } else {
            "it begins with `/`, such as `/aws/service/eks/optimized-ami/1.34/amazon-linux-2023/x86_64/standard/recommended/image_id`"
        };
        report.error(
            path,
            format!("`{parameter}` is not the path of an SSM parameter"),
            help,
        );
    } else if parameter.starts_with("/aws/service/eks/optimized-ami/")
        && parameter.contains("/amazon-linux-2/")
    {
        report.warning(
            path,
            "is an AMI of Amazon Linux 2, on which nodeadm and nodeagent do not run",
            "take one of `amazon-linux-2023`",
        );
    }
}

fn check_type(
    group: &NodeGroup,
    ami_type: &str,
    cluster_version: Option<Minor>,
    path: &Path,
    report: &mut Report<'_>,
) {
    let path = path.key("type");
    if ami_type.starts_with("ami-") {
        report.error(
            &path,
            "is the id of an AMI where a type is expected",
            format!("did you mean `ami.id`? A type is a word such as `{DEFAULT_TYPE}`"),
        );
        return;
    }
    let known: Vec<&str> = AmiTypes::values()
        .iter()
        .copied()
        .filter(|known| *known != AmiTypes::Custom.as_str())
        .collect();
    if !known.contains(&ami_type) {
        let near = did_you_mean(ami_type, &known);
        let help = if near.is_empty() {
            format!("there are {}", known.join(", "))
        } else {
            near
        };
        report.error(
            &path,
            format!("`{ami_type}` is not an AMI type of EKS"),
            help,
        );
        return;
    }
    let (major, minor) = WITHOUT_AMAZON_LINUX_2;
    if ami_type.starts_with("AL2_")
        && cluster_version.is_some_and(|version| !version.is_before(major, minor))
    {
        report.error(
            &path,
            format!("is an AMI of Amazon Linux 2, of which there is none for Kubernetes {major}.{minor} and later"),
            format!("did you mean `{}`?", successor(ami_type)),
        );
    } else if !ami_type.starts_with("AL2023_") {
        not_ours(group, ami_type, &path, report);
    }
}

const DEFAULT_TYPE: &str = "AL2023_x86_64_STANDARD";

/// The type of Amazon Linux 2023 for the same machines.
fn successor(ami_type: &str) -> &'static str {
    match ami_type {
        "AL2_ARM_64" => "AL2023_ARM_64_STANDARD",
        "AL2_x86_64_GPU" => "AL2023_x86_64_NVIDIA",
        _ => DEFAULT_TYPE,
    }
}

/// Nodes that are no Amazon Linux 2023 do not read our user data.
fn not_ours(group: &NodeGroup, ami_type: &str, path: &Path, report: &mut Report<'_>) {
    let has_settings = group.kubelet != crate::spec::Kubelet::default()
        || group.max_pods.is_some()
        || !group.user_data.is_empty()
        || group.agent_config.is_some();
    if has_settings {
        report.error(
            path,
            format!("`{ami_type}` does not read the user data that `kubelet`, `maxPods`, `userData` and `agentConfig` are written to"),
            "leave them out, or take a type that begins with `AL2023_`",
        );
    } else {
        report.warning(
            path,
            format!("`{ami_type}` is an AMI on which nodeagent does not run"),
            "",
        );
    }
}

/// Its releases have numbers of their own, and not those of Kubernetes.
fn is_bottlerocket(ami: &Ami) -> bool {
    ami.ami_type
        .as_deref()
        .is_some_and(|ami_type| ami_type.starts_with("BOTTLEROCKET_"))
}

/// `1.34.0-20251103`; those of Bottlerocket look like `1.49.0-abcdef01` and those of Windows like `1.34-2025.11.03`.
fn is_release(text: &str) -> bool {
    text.split_once('-').is_some_and(|(version, build)| {
        let is_word = |text: &str| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '.')
        };
        is_word(version) && is_word(build)
    })
}

fn versions(nodes: Option<Minor>, cluster: Option<Minor>, path: &Path, report: &mut Report<'_>) {
    if let (Some(nodes), Some(cluster)) = (nodes, cluster)
        && let Some(detail) = skew(nodes, cluster)
    {
        report.error(path, detail, format!("take one of Kubernetes {cluster}"));
    }
}

/// The architecture of the AMIs of a type, as EC2 writes it.
pub(in crate::spec) fn architecture_of_type(ami_type: &str) -> &'static str {
    if ami_type.contains("ARM_64") {
        "arm64"
    } else {
        "x86_64"
    }
}
