//! How many pods the nodes of a group hold.

use node::config::agent_config::{AgentConfig, AgentConfigSpec, MaxPodsMode};
use node::max_pods::{Decision, Machine, Request, Table, decide};

use super::{Path, Report};
use crate::spec::{Cluster, NodeGroup, Spec};

/// A node with less room than this for pods that are not of the cluster itself is worth a word.
const LITTLE_ROOM: u32 = 12;
/// `DaemonSets` of add-ons, with the names by which people see their pods.
const OF_ADDONS: [(&str, &[&str]); 9] = [
    (
        "amazon-cloudwatch-observability",
        &["cloudwatch-agent", "fluent-bit"],
    ),
    ("aws-ebs-csi-driver", &["ebs-csi-node"]),
    ("aws-efs-csi-driver", &["efs-csi-node"]),
    ("aws-fsx-csi-driver", &["fsx-csi-node"]),
    ("aws-guardduty-agent", &["aws-guardduty-agent"]),
    ("aws-mountpoint-s3-csi-driver", &["s3-csi-node"]),
    (
        "aws-network-flow-monitoring-agent",
        &["aws-network-flow-monitoring-agent"],
    ),
    ("eks-node-monitoring-agent", &["eks-node-monitoring-agent"]),
    ("eks-pod-identity-agent", &["eks-pod-identity-agent"]),
];

/// The pods that every node of a cluster runs.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DaemonSets(Vec<&'static str>);

impl DaemonSets {
    /// Every cluster has the VPC CNI and kube-proxy, listed or not.
    fn of(spec: &Spec) -> Self {
        let of_addons = spec.addons.iter().filter_map(|addon| {
            let found = OF_ADDONS.iter().find(|(name, _)| *name == addon.name)?;
            Some(found.1)
        });
        let mut pods = vec!["aws-node", "kube-proxy"];
        pods.extend(of_addons.flatten());
        Self(pods)
    }

    fn count(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn listed(&self) -> String {
        match self.0.split_last() {
            Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
            _ => self.0.concat(),
        }
    }
}

/// How many pods a node of an instance type holds with the settings of a group; `None` when the type is not known.
pub(in crate::spec) fn capacity(group: &NodeGroup, instance_type: &str) -> Option<Decision> {
    let known = Table::embedded().find(instance_type)?;
    let settings = group
        .agent_config
        .clone()
        .and_then(|spec| serde_json::from_value::<AgentConfigSpec>(spec).ok())
        .map(|spec| AgentConfig::default().with_spec(&spec))
        .unwrap_or_default()
        .max_pods;
    let request = Request {
        mode: settings.mode,
        reserved_enis: settings.reserved_enis,
        cap: settings.cap,
        ..Request::default()
    };
    Some(decide(&Machine::of(instance_type, known), &request))
}

pub(super) fn check(group: &NodeGroup, path: &Path, cluster: &Cluster, report: &mut Report<'_>) {
    if group.max_pods == Some(0) {
        report.error(&path.key("maxPods"), "is 0, so no pod could run", "");
        return;
    }
    let daemons = DaemonSets::of(&cluster.spec);
    for (index, name) in group.instance_types.iter().enumerate() {
        let Some(decided) = capacity(group, name) else {
            continue;
        };
        let room = decided.room.unwrap_or(decided.max_pods);
        if let Some(asked) = group.max_pods.filter(|asked| *asked > room) {
            let help = if decided.mode == MaxPodsMode::SecondaryIp {
                "turn prefix delegation on in the VPC CNI and in `agentConfig.maxPods.mode`"
            } else {
                ""
            };
            report.warning(
                &path.key("maxPods"),
                format!("is {asked}, and `{name}` has addresses for {room} pods: the rest wait for one for ever"),
                help,
            );
        }
        let most = group.max_pods.unwrap_or(decided.max_pods).min(room);
        let left = most.saturating_sub(daemons.count());
        if left < LITTLE_ROOM {
            report.warning(
                &path.key("instanceTypes").item(index),
                format!(
                    "`{name}` holds {most} pods; {} are on every node, which leaves {left}",
                    daemons.listed()
                ),
                "",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Addon;

    #[test]
    fn a_t3_small_holds_eleven_pods() {
        let group = NodeGroup::default();
        assert_eq!(capacity(&group, "t3.small").unwrap().max_pods, 11);
        assert_eq!(capacity(&group, "t3.smal"), None);
        let group = NodeGroup {
            agent_config: Some(
                serde_json::json!({"maxPods": {"mode": "prefixDelegation", "cap": "recommended"}}),
            ),
            ..group
        };
        assert_eq!(capacity(&group, "t3.small").unwrap().max_pods, 110);
    }

    #[test]
    fn daemon_sets_are_those_of_every_cluster_and_of_its_addons() {
        let addon = |name: &str| Addon {
            name: name.to_owned(),
            ..Addon::default()
        };
        let spec = Spec {
            addons: vec![
                addon("coredns"),
                addon("aws-ebs-csi-driver"),
                addon("vpc-cni"),
            ],
            ..Spec::default()
        };
        let daemons = DaemonSets::of(&spec);
        assert_eq!(daemons.count(), 3);
        assert_eq!(daemons.listed(), "aws-node, kube-proxy and ebs-csi-node");
    }
}
