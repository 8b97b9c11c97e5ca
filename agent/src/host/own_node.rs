//! Our own Node object, with the kubelet's own credential: read it, annotate it, set conditions of its status, write
//! events about it. A node identity may do little more.

mod event;

use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use node::wire::ANNOTATION;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::environment::Environment;
use super::kubernetes;
use super::root::Root;

pub use event::NodeEvent;

/// What the agent reads of its Node.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeFacts {
    /// Its Ready condition is True, and this boot's kubelet has posted it: for some time after a reboot the API server
    /// shows what the kubelet of the boot before said.
    pub is_ready: bool,
    /// Message of its Ready condition; empty when this boot's kubelet has not posted one.
    pub ready_message: String,
    /// `status.capacity.pods`.
    pub max_pods: Option<u32>,
    /// Our annotation as it stands.
    pub annotation: Option<String>,
    /// `spec.providerID`: which instance has registered it, `aws:///ZONE/INSTANCE`; empty where nobody said.
    pub provider_id: String,
    /// Version of the kubelet that posted last.
    pub kubelet_version: String,
    /// The kubelet of this boot has posted it.
    pub is_of_this_boot: bool,
    /// The conditions of its status, whoever wrote them.
    pub conditions: Vec<NodeCondition>,
}

impl NodeFacts {
    /// Whether it was registered by another instance than this one.
    pub fn is_of_other_than(&self, instance_id: &str) -> bool {
        let registered_by = self.provider_id.rsplit('/').next().unwrap_or_default();
        ![registered_by, instance_id].contains(&"") && registered_by != instance_id
    }
}

/// Why the Node could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no client.
    #[error("asking for the Node `{node}`")]
    Client {
        /// Name of the Node.
        node: String,
        /// Why not.
        #[source]
        source: Box<kubernetes::Error>,
    },
    /// The API server did not do it.
    #[error("{operation} the Node `{node}`")]
    Call {
        /// What was being done: `reading`, `annotating`.
        operation: &'static str,
        /// Name of the Node.
        node: String,
        /// What it says.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server did not answer.
    #[error(
        "{operation} the Node `{node}`: no answer within {} s",
        kubernetes::DEADLINE.as_secs()
    )]
    Deadline {
        /// What was being done: `reading`, `annotating`.
        operation: &'static str,
        /// Name of the Node.
        node: String,
    },
}

impl Error {
    /// HTTP status and message, when the API server answered and refused.
    pub fn status(&self) -> Option<(u16, &str)> {
        let Self::Call { source, .. } = self else {
            return None;
        };
        match source.as_ref() {
            kube::Error::Api(status) => Some((status.code, &status.message)),
            _ => None,
        }
    }
}

/// The Node of this name.
pub struct OwnNode {
    root: Root,
    environment: Environment,
    name: String,
    /// Made when it is first needed, and again after a failure: the kubeconfig may not exist yet, or may be rewritten.
    client: Mutex<Option<Client>>,
}

impl std::fmt::Debug for OwnNode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OwnNode")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl OwnNode {
    /// The Node of this name; nothing is asked yet.
    pub fn new(root: &Root, environment: &Environment, name: &str) -> Self {
        Self {
            root: root.clone(),
            environment: environment.clone(),
            name: name.to_owned(),
            client: Mutex::new(None),
        }
    }

    /// Name of the Node.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the Node looks like; `None` when there is none.
    pub async fn read(&self) -> Result<Option<NodeFacts>, Error> {
        let nodes = self.nodes().await?;
        let node = self.checked("reading", nodes.get_opt(&self.name)).await?;
        let boot_id = super::boot_id(&self.root);
        Ok(node.as_ref().map(|node| facts(node, &boot_id)))
    }

    /// Version of the API server, `v1.34.4-eks-1234567`.
    pub async fn api_server_version(&self) -> Result<String, Error> {
        let client = self.client().await?;
        let version = self
            .checked(
                "asking for the version of the API server of",
                client.apiserver_version(),
            )
            .await?;
        Ok(version.git_version)
    }

    /// Sets our annotation to this text, and touches nothing else.
    pub async fn annotate(&self, json: &str) -> Result<(), Error> {
        let patch = serde_json::json!({ "metadata": { "annotations": { ANNOTATION: json } } });
        let nodes = self.nodes().await?;
        let (parameters, patch) = (PatchParams::default(), Patch::Merge(patch));
        let answer = nodes.patch_metadata(&self.name, &parameters, &patch);
        self.checked("annotating", answer).await.map(drop)
    }

    /// Writes one condition of the status, found by its type, and touches no other.
    pub async fn set_condition(&self, condition: &NodeCondition) -> Result<(), Error> {
        let operation = "setting a condition of";
        self.patch_condition(operation, serde_json::json!(condition))
            .await
    }

    /// Removes the condition of this type from the status, if it is there.
    pub async fn remove_condition(&self, name: &str) -> Result<(), Error> {
        let operation = "removing a condition of";
        self.patch_condition(
            operation,
            serde_json::json!({ "type": name, "$patch": "delete" }),
        )
        .await
    }

    /// A strategic merge finds a condition by its type:
    /// <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/node-v1/#NodeStatus>.
    async fn patch_condition(
        &self,
        operation: &'static str,
        condition: serde_json::Value,
    ) -> Result<(), Error> {
        let patch = serde_json::json!({ "status": { "conditions": [condition] } });
        let nodes = self.nodes().await?;
        let (parameters, patch) = (PatchParams::default(), Patch::Strategic(patch));
        let answer = nodes.patch_status(&self.name, &parameters, &patch);
        self.checked(operation, answer).await.map(drop)
    }

    async fn nodes(&self) -> Result<Api<Node>, Error> {
        Ok(Api::all(self.client().await?))
    }

    async fn client(&self) -> Result<Client, Error> {
        let mut client = self.client.lock().await;
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        let made = kubernetes::client(&self.root, &self.environment)
            .await
            .map_err(|source| Error::Client {
                node: self.name.clone(),
                source: Box::new(source),
            })?;
        *client = Some(made.clone());
        Ok(made)
    }

    async fn checked<T>(
        &self,
        operation: &'static str,
        answer: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Error> {
        let node = self.name.clone();
        let error = match timeout(kubernetes::DEADLINE, answer).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(source)) => Error::Call {
                operation,
                node,
                source: Box::new(source),
            },
            Err(_) => Error::Deadline { operation, node },
        };
        *self.client.lock().await = None;
        Err(error)
    }
}

fn facts(node: &Node, boot_id: &str) -> NodeFacts {
    let status = node.status.as_ref();
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let pods = status
        .and_then(|status| status.capacity.as_ref())
        .and_then(|capacity| capacity.get("pods"));
    let annotations = node.metadata.annotations.as_ref();
    let info = status.and_then(|status| status.node_info.as_ref());
    let posted_in = info.map_or("", |info| info.boot_id.as_str());
    let is_of_this_boot = [posted_in, boot_id].contains(&"") || posted_in == boot_id;
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready" && is_of_this_boot);
    NodeFacts {
        is_ready: ready.is_some_and(|ready| ready.status == "True"),
        ready_message: ready
            .and_then(|ready| ready.message.clone())
            .unwrap_or_default(),
        max_pods: pods.and_then(|quantity| quantity.0.parse().ok()),
        annotation: annotations
            .and_then(|annotations| annotations.get(ANNOTATION))
            .cloned(),
        provider_id: node
            .spec
            .as_ref()
            .and_then(|spec| spec.provider_id.clone())
            .unwrap_or_default(),
        kubelet_version: info.map_or_else(String::new, |info| info.kubelet_version.clone()),
        is_of_this_boot: boot_id.is_empty() || posted_in == boot_id,
        conditions: conditions.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_pods_and_annotation_are_read() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "metadata": { "name": "a", "annotations": { "nodectl.dev/agent": "{}" } },
            "spec": { "providerID": "aws:///eu-west-1a/i-1" },
            "status": {
                "capacity": { "pods": "29", "cpu": "2" },
                "conditions": [{ "type": "DiskPressure", "status": "False" }, { "type": "Ready", "status": "True", "message": "kubelet is posting ready status" }],
            },
        }))
        .unwrap();
        let expected = NodeFacts {
            is_ready: true,
            ready_message: "kubelet is posting ready status".into(),
            max_pods: Some(29),
            annotation: Some("{}".into()),
            provider_id: "aws:///eu-west-1a/i-1".into(),
            kubelet_version: String::new(),
            is_of_this_boot: false,
            conditions: node.status.clone().unwrap().conditions.unwrap(),
        };
        assert_eq!(facts(&node, "b"), expected);
        assert_eq!(facts(&Node::default(), "b"), NodeFacts::default());
    }

    #[test]
    fn a_node_of_another_instance_is_told_by_its_provider_id() {
        let of = |provider_id: &str, instance_id| {
            let node = NodeFacts {
                provider_id: provider_id.into(),
                ..NodeFacts::default()
            };
            node.is_of_other_than(instance_id)
        };
        assert!(of("aws:///eu-west-1a/i-1", "i-2"));
        assert!(!of("aws:///eu-west-1a/i-1", "i-1"));
        // Where nobody knows, nothing is claimed.
        assert!(!of("", "i-1"));
        assert!(!of("aws:///eu-west-1a/i-1", ""));
    }

    #[test]
    fn a_node_that_was_ready_before_a_reboot_is_not_ready_yet() {
        let node: Node = serde_json::from_value(serde_json::json!({
            "status": {
                "nodeInfo": {
                    "architecture": "", "bootID": "before", "containerRuntimeVersion": "", "kernelVersion": "",
                    "kubeProxyVersion": "", "kubeletVersion": "", "machineID": "", "operatingSystem": "", "osImage": "",
                    "systemUUID": "",
                },
                "conditions": [{ "type": "Ready", "status": "True", "message": "kubelet is posting ready status" }],
            },
        }))
        .unwrap();
        let before = facts(&node, "before");
        assert!(before.is_ready && before.is_of_this_boot);
        let now = facts(&node, "now");
        assert!(!now.is_ready && !now.is_of_this_boot && now.ready_message.is_empty());
        // Where nobody knows, nothing is denied.
        assert!(facts(&node, "").is_ready);
    }
}
