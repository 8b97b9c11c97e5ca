//! What the API server says of one Node, in our words.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use node::wire::{ANNOTATION, Annotation};
use serde::{Deserialize, Serialize};

/// A condition of a Node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// Type, such as `Ready`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason in one word.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Details.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// When the status last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// What the API server says of one Node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeFacts {
    /// Name.
    pub name: String,
    /// Name of the machine as the cloud knows it, `aws:///ZONE/i-…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_id: Option<String>,
    /// When the Node object was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// True while the Node is cordoned.
    pub unschedulable: bool,
    /// All conditions, in the order of the API server.
    pub conditions: Vec<Condition>,
    /// Version of the kubelet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubelet_version: Option<String>,
    /// Operating system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os_image: Option<String>,
    /// Kernel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_version: Option<String>,
    /// Container runtime and its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container_runtime: Option<String>,
    /// Address of type `InternalIP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internal_ip: Option<String>,
    /// `status.capacity.pods`: the most pods that the kubelet takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pods: Option<u32>,
    /// Label `node.kubernetes.io/instance-type`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_type: Option<String>,
    /// Label `topology.kubernetes.io/zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Managed or eksctl node group, or Karpenter node pool, that its labels name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_group: Option<String>,
    /// What the agent on the node says, if one runs there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Annotation>,
    /// Why the agent's annotation cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_error: Option<String>,
}

impl NodeFacts {
    /// The condition `Ready`.
    pub fn ready(&self) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == "Ready")
    }

    /// The instance behind the Node; none for Fargate and hybrid nodes.
    pub fn instance_id(&self) -> Option<&str> {
        let (scheme, rest) = self.provider_id.as_deref()?.split_once("://")?;
        let last = rest.rsplit('/').next()?;
        (scheme == "aws" && last.starts_with("i-")).then_some(last)
    }
}

impl From<&Node> for NodeFacts {
    fn from(node: &Node) -> Self {
        let label = |keys: &[&str]| {
            let labels = node.metadata.labels.as_ref()?;
            keys.iter().find_map(|key| labels.get(*key).cloned())
        };
        let annotation = node
            .metadata
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(ANNOTATION));
        let (agent, agent_error) = match annotation.map(|text| serde_json::from_str(text)) {
            None => (None, None),
            Some(Ok(agent)) => (Some(agent), None),
            Some(Err(error)) => (None, Some(error.to_string())),
        };
        let spec = node.spec.as_ref();
        let status = node.status.as_ref();
        let info = status.and_then(|status| status.node_info.as_ref());
        let addresses = status
            .and_then(|status| status.addresses.as_deref())
            .unwrap_or_default();
        let capacity = status.and_then(|status| status.capacity.as_ref());
        Self {
            name: node.metadata.name.clone().unwrap_or_default(),
            provider_id: spec.and_then(|spec| spec.provider_id.clone()),
            created_at: node.metadata.creation_timestamp.as_ref().map(|time| time.0),
            unschedulable: spec.and_then(|spec| spec.unschedulable).unwrap_or_default(),
            conditions: status
                .and_then(|status| status.conditions.as_deref())
                .unwrap_or_default()
                .iter()
                .map(Condition::from)
                .collect(),
            kubelet_version: info.map(|info| info.kubelet_version.clone()),
            os_image: info.map(|info| info.os_image.clone()),
            kernel_version: info.map(|info| info.kernel_version.clone()),
            container_runtime: info.map(|info| info.container_runtime_version.clone()),
            internal_ip: addresses
                .iter()
                .find(|address| address.type_ == "InternalIP")
                .map(|address| address.address.clone()),
            max_pods: capacity.and_then(|capacity| capacity.get("pods")?.0.parse().ok()),
            instance_type: label(&["node.kubernetes.io/instance-type"]),
            zone: label(&["topology.kubernetes.io/zone"]),
            node_group: label(&[
                "eks.amazonaws.com/nodegroup",
                "alpha.eksctl.io/nodegroup-name",
                "karpenter.sh/nodepool",
            ]),
            agent,
            agent_error,
        }
    }
}

impl From<&NodeCondition> for Condition {
    fn from(condition: &NodeCondition) -> Self {
        Self {
            kind: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone().unwrap_or_default(),
            message: condition.message.clone().unwrap_or_default(),
            since: condition.last_transition_time.as_ref().map(|time| time.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_put_into_our_words() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": {
                "name": "ip-10-0-0-1.ec2.internal",
                "creationTimestamp": "2026-01-02T03:04:05Z",
                "labels": {"node.kubernetes.io/instance-type": "m5.large", "eks.amazonaws.com/nodegroup": "blue"},
                "annotations": {"nodectl.dev/agent": "{\"version\":\"0.1.0\",\"outcome\":\"joined\"}"},
            },
            "spec": {"providerID": "aws:///us-east-1a/i-0123456789abcdef0", "unschedulable": true},
            "status": {
                "capacity": {"pods": "29"},
                "addresses": [{"type": "Hostname", "address": "x"}, {"type": "InternalIP", "address": "10.0.0.1"}],
                "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady"}],
            },
        }))
        .unwrap();
        let facts = NodeFacts::from(&node);
        assert_eq!(facts.instance_id(), Some("i-0123456789abcdef0"));
        assert_eq!(
            (facts.max_pods, facts.internal_ip.as_deref()),
            (Some(29), Some("10.0.0.1"))
        );
        assert_eq!(
            facts.ready().map(|ready| ready.status.as_str()),
            Some("True")
        );
        assert_eq!(facts.agent.unwrap().version, "0.1.0");
        assert!(facts.unschedulable);
    }

    #[test]
    fn an_annotation_that_does_not_parse_is_said_and_not_fatal() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": {"name": "x", "annotations": {"nodectl.dev/agent": "{"}},
        }))
        .unwrap();
        let facts = NodeFacts::from(&node);
        assert!(facts.agent.is_none());
        assert!(facts.agent_error.is_some());
    }

    #[test]
    fn fargate_and_hybrid_nodes_have_no_instance() {
        let instance = |provider_id: &str| {
            let facts = NodeFacts {
                provider_id: Some(provider_id.into()),
                ..NodeFacts::default()
            };
            facts.instance_id().map(str::to_owned)
        };
        assert_eq!(instance("aws:///us-east-1a/0f2c/fargate-ip-10-0-0-1"), None);
        assert_eq!(instance("eks-hybrid:///eu-west-1/prod/mi-0123"), None);
        assert_eq!(instance("aws:///us-east-1a/i-0f").as_deref(), Some("i-0f"));
    }
}
