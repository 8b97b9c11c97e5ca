//! One row per node: Nodes and instances joined by instance id, never by name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use node::wire::Identity;
use serde::{Deserialize, Serialize};

use super::health::{self, Assessment, Behind, Health, State};
use super::observation::Observations;
use crate::observe::ec2::InstanceFacts;
use crate::observe::kubernetes::NodeFacts;
use crate::reach::agent;
use crate::reach::console::Answer;

/// Everything known of one node. What several planes know is taken from the Node first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Name of the Node; `None` for an instance without one.
    pub name: Option<String>,
    /// Instance id; `None` for nodes without an instance of their own, such as Fargate's.
    pub instance_id: Option<String>,
    /// Instance type.
    pub instance_type: Option<String>,
    /// Where the node stands.
    pub state: State,
    /// Whether someone has to look.
    pub health: Health,
    /// Code of the finding that is the cause, when there is one.
    pub code: Option<String>,
    /// Why it is not well, in one line.
    pub reason: Option<String>,
    /// The cause of that finding, in a sentence or two.
    pub cause: Option<String>,
    /// What a person does next.
    pub fix: Option<String>,
    /// Creation of the Node, else start of the instance.
    pub created_at: Option<Timestamp>,
    /// Availability zone.
    pub zone: Option<String>,
    /// Private address.
    pub internal_ip: Option<String>,
    /// Node group or node pool.
    pub node_group: Option<String>,
    /// Role that the agent reports, else name of the instance profile.
    pub role: Option<String>,
    /// What the API server says.
    pub kubernetes: Option<NodeFacts>,
    /// What EC2 says.
    pub ec2: Option<InstanceFacts>,
    /// What the console says; asked only for instances without a Node.
    pub console: Option<Answer>,
    /// What the agent itself said; asked only for nodes that are named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<agent::Answer>,
}

impl Row {
    /// State and whether new pods are kept away, as kubectl shows it.
    pub fn status(&self) -> String {
        let is_cordoned = self
            .kubernetes
            .as_ref()
            .is_some_and(|node| node.unschedulable);
        format!(
            "{}{}",
            self.state.as_str(),
            if is_cordoned {
                ",SchedulingDisabled"
            } else {
                ""
            }
        )
    }
}

/// Joins what the planes said: Nodes by name first, then instances without a Node by start.
pub fn rows(observations: &Observations, cluster: &str, region: &str, now: Timestamp) -> Vec<Row> {
    let nodes = observations.nodes.answer();
    let instances = observations.instances.answer();
    let by_id: BTreeMap<&str, &InstanceFacts> = instances
        .into_iter()
        .flatten()
        .map(|instance| (instance.instance_id.as_str(), instance))
        .collect();

    let mut nodes_by_name: Vec<&NodeFacts> = nodes.into_iter().flatten().collect();
    nodes_by_name.sort_by(|left, right| left.name.cmp(&right.name));
    let with_node: BTreeSet<&str> = nodes_by_name
        .iter()
        .filter_map(|node| node.instance_id())
        .collect();

    let mut without_node: Vec<&InstanceFacts> = by_id
        .values()
        .copied()
        .filter(|instance| !with_node.contains(instance.instance_id.as_str()))
        .collect();
    without_node.sort_by_key(|instance| (instance.launched_at, instance.instance_id.as_str()));

    let node_rows = nodes_by_name.into_iter().map(|node| {
        let instance = node.instance_id().and_then(|id| by_id.get(id).copied());
        let behind = match instance {
            Some(instance) => Behind::Instance(instance),
            None if instances.is_some() && node.instance_id().is_some() => Behind::Gone,
            None => Behind::Unasked,
        };
        let identity = identity(cluster, region, node, instance);
        let assessment = health::of_node(node, behind, &identity, now);
        row(Some(node), instance, None, assessment)
    });
    let instance_rows = without_node.into_iter().map(|instance| {
        let console = observations.consoles.get(&instance.instance_id);
        let assessment = health::of_instance(instance, console, nodes.is_some(), now);
        row(None, Some(instance), console, assessment)
    });
    node_rows.chain(instance_rows).collect()
}

fn identity(
    cluster: &str,
    region: &str,
    node: &NodeFacts,
    instance: Option<&InstanceFacts>,
) -> Identity {
    Identity {
        cluster: cluster.to_owned(),
        region: region.to_owned(),
        node_name: node.name.clone(),
        instance_id: node.instance_id().unwrap_or_default().to_owned(),
        instance_type: instance
            .map(|instance| instance.instance_type.clone())
            .unwrap_or_default(),
        ..Identity::default()
    }
}

fn row(
    node: Option<&NodeFacts>,
    instance: Option<&InstanceFacts>,
    console: Option<&Answer>,
    assessment: Assessment,
) -> Row {
    let reported_role = console
        .and_then(|console| console.verdict.as_ref())
        .map(|verdict| verdict.identity.role.clone())
        .filter(|role| !role.is_empty());
    Row {
        name: node.map(|node| node.name.clone()),
        instance_id: instance
            .map(|instance| instance.instance_id.clone())
            .or_else(|| node?.instance_id().map(str::to_owned)),
        instance_type: node
            .and_then(|node| node.instance_type.clone())
            .or_else(|| Some(instance?.instance_type.clone())),
        state: assessment.state,
        health: assessment.health,
        code: assessment.code,
        reason: assessment.reason,
        cause: assessment.cause,
        fix: assessment.fix,
        created_at: node
            .and_then(|node| node.created_at)
            .or_else(|| instance?.launched_at),
        zone: node
            .and_then(|node| node.zone.clone())
            .or_else(|| instance?.zone.clone()),
        internal_ip: node
            .and_then(|node| node.internal_ip.clone())
            .or_else(|| instance?.private_ip.clone()),
        node_group: node
            .and_then(|node| node.node_group.clone())
            .or_else(|| instance?.node_group.clone()),
        role: reported_role.or_else(|| instance?.instance_profile.clone()),
        kubernetes: node.cloned(),
        ec2: instance.cloned(),
        console: console.cloned(),
        agent: None,
    }
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Plane;

    #[test]
    fn an_instance_without_a_node_has_a_row_after_the_nodes() {
        let rows = fixture::rows();
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.name.as_deref(), row.instance_id.as_deref(), row.state))
            .collect();
        assert_eq!(
            shown,
            [
                (Some("fargate-ip-10-0-0-9.ec2.internal"), None, State::Ready),
                (
                    Some("ip-10-0-0-1.ec2.internal"),
                    Some("i-0000000000000000a"),
                    State::Ready
                ),
                (
                    Some("ip-10-0-0-2.ec2.internal"),
                    Some("i-0000000000000000b"),
                    State::NotReady
                ),
                (None, Some("i-0000000000000000c"), State::NotJoined),
                (None, Some("i-0000000000000000d"), State::Stopped),
            ]
        );
    }

    #[test]
    fn a_node_is_joined_to_its_instance_by_id_whatever_its_name() {
        let mut observations = fixture::observations();
        let Plane::Answered(nodes) = &mut observations.nodes else {
            panic!("the fixture has nodes")
        };
        nodes[0].name = "i-0000000000000000b".into();
        let rows = rows(&observations, "prod", "us-east-1", fixture::now());
        let row = rows
            .iter()
            .find(|row| row.name.as_deref() == Some("i-0000000000000000b"))
            .unwrap();
        assert_eq!(row.instance_id.as_deref(), Some("i-0000000000000000a"));
    }

    #[test]
    fn without_the_api_server_instances_still_have_rows_and_their_consoles_are_believed() {
        let failed = Plane::Failed {
            error: "no route".into(),
            hints: Vec::new(),
        };
        let observations = Observations {
            nodes: failed,
            ..fixture::observations()
        };
        let rows = rows(&observations, "prod", "us-east-1", fixture::now());
        let states: Vec<_> = rows.iter().map(|row| row.state).collect();
        // The order is that of the start; only what the console proves is called a failure.
        assert_eq!(
            states,
            [
                State::Unknown,
                State::Unknown,
                State::NotJoined,
                State::Stopped
            ]
        );
    }

    #[test]
    fn without_ec2_nodes_still_have_rows_and_none_is_called_gone() {
        let failed = Plane::Failed {
            error: "denied".into(),
            hints: Vec::new(),
        };
        let observations = Observations {
            instances: failed,
            ..fixture::observations()
        };
        let rows = rows(&observations, "prod", "us-east-1", fixture::now());
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1].state, State::Ready);
        assert_eq!(rows[1].reason, None);
    }
}
