//! Nodes as the API server knows them.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, NodeCondition};
use kube::api::{Api, ListParams};
use kube::client::AuthError;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, KubeconfigError, NamedAuthInfo,
    NamedCluster, NamedContext,
};
use kube::{Client, Config};
use node::token::Token;
use node::wire::{ANNOTATION, Annotation};
use serde::{Deserialize, Serialize};

use super::eks::ClusterFacts;

/// Nodes of one page: a page of 500 is about 3.5 MB.
const PAGE: u32 = 500;

/// Why the API server did not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The context cannot be made into a connection.
    #[error("using context `{context}`")]
    Context {
        /// Name of the context.
        context: String,
        /// What is wrong; boxed since it is large.
        #[source]
        source: Box<KubeconfigError>,
    },
    /// The credential plugin of the context failed.
    #[error("running the credential plugin `{command}`: {detail}")]
    Plugin {
        /// Program that was run.
        command: String,
        /// Its exit status and what it wrote to standard error.
        detail: String,
    },
    /// No client could be made.
    #[error("preparing the connection to the API server")]
    Client {
        /// What is wrong.
        #[source]
        source: Box<kube::Error>,
    },
    /// The API server refused.
    #[error("listing nodes: the API server answers {code} {reason}: {message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// Reason of the status.
        reason: String,
        /// Its message.
        message: String,
    },
    /// No answer came back.
    #[error("listing nodes at {server}")]
    Unanswered {
        /// URL of the API server.
        server: String,
        /// What the transport says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        let hint = match self {
            Self::Context { .. } | Self::Client { .. } => {
                "`nodectl kubeconfig --name CLUSTER` writes a fresh context"
            }
            Self::Plugin { .. } => {
                "run the plugin by hand, or `nodectl kubeconfig --name CLUSTER` to use the one that is built in"
            }
            Self::Refused { code: 401, .. } => {
                "the cluster does not know your AWS identity: `aws sts get-caller-identity` shows it, `aws eks create-access-entry --cluster-name CLUSTER --principal-arn ARN` admits it"
            }
            Self::Refused { code: 403, .. } => {
                "your identity may not list nodes: `aws eks associate-access-policy` with AmazonEKSViewPolicy and scope cluster, plus `get nodes` by RBAC"
            }
            Self::Refused { .. } => return Vec::new(),
            Self::Unanswered { .. } => {
                "a private endpoint answers only from inside its VPC, a public one only to its allowed CIDRs: `aws eks describe-cluster --name CLUSTER --query cluster.resourcesVpcConfig`"
            }
        };
        vec![hint.to_owned()]
    }
}

/// A connection to one API server.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    server: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Connects through a context. Its credential plugin is run, on a thread of its own since it may take its time.
    pub async fn through_context(kubeconfig: Kubeconfig, context: &str) -> Result<Self, Error> {
        let options = KubeConfigOptions {
            context: Some(context.to_owned()),
            ..KubeConfigOptions::default()
        };
        let mut config = Config::from_custom_kubeconfig(kubeconfig, &options)
            .await
            .map_err(|source| Error::Context {
                context: context.to_owned(),
                source: Box::new(source),
            })?;
        if let Some(exec) = &mut config.auth_info.exec {
            exec.command = exec.command.take().map(own_plugin);
        }
        Self::open(config).await
    }

    /// Connects to what EKS describes, with a token of our own.
    pub async fn through_eks(cluster: &ClusterFacts, token: &Token) -> Result<Self, Error> {
        let name = cluster.name.clone();
        let kubeconfig = Kubeconfig {
            clusters: vec![NamedCluster {
                name: name.clone(),
                cluster: Some(Cluster {
                    server: Some(cluster.endpoint.clone()),
                    certificate_authority_data: Some(cluster.certificate_authority.clone()),
                    ..Cluster::default()
                }),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: name.clone(),
                auth_info: Some(AuthInfo {
                    token: Some(token.value.expose().clone().into()),
                    ..AuthInfo::default()
                }),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.clone(),
                context: Some(Context {
                    cluster: name.clone(),
                    user: Some(name.clone()),
                    ..Context::default()
                }),
                ..NamedContext::default()
            }],
            ..Kubeconfig::default()
        };
        Self::through_context(kubeconfig, &name).await
    }

    async fn open(config: Config) -> Result<Self, Error> {
        let server = config.cluster_url.to_string();
        let plugin = config
            .auth_info
            .exec
            .as_ref()
            .and_then(|exec| exec.command.clone())
            .unwrap_or_default();
        let client = tokio::task::spawn_blocking(move || Client::try_from(config)).await;
        match client {
            Ok(Ok(client)) => Ok(Self { client, server }),
            Ok(Err(kube::Error::Auth(error))) => Err(plugin_error(plugin, error)),
            Ok(Err(source)) => Err(Error::Client {
                source: Box::new(source),
            }),
            Err(source) => Err(Error::Unanswered {
                server,
                source: Box::new(source),
            }),
        }
    }

    /// URL of the API server.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// All Nodes of the cluster.
    pub async fn nodes(&self) -> Result<Vec<NodeFacts>, Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let mut parameters = ListParams::default().limit(PAGE);
        let mut nodes = Vec::new();
        loop {
            let page = api
                .list(&parameters)
                .await
                .map_err(|error| self.list_error(error))?;
            nodes.extend(page.items.iter().map(NodeFacts::from));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok(nodes),
            }
        }
    }

    fn list_error(&self, error: kube::Error) -> Error {
        match error {
            kube::Error::Api(status) => Error::Refused {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
            },
            kube::Error::Auth(error) => plugin_error(String::new(), error),
            kube::Error::Service(source) => Error::Unanswered {
                server: self.server.clone(),
                source,
            },
            other => Error::Unanswered {
                server: self.server.clone(),
                source: Box::new(other),
            },
        }
    }
}

/// A context that we wrote runs `nodectl`: then this very program serves, wherever it is installed.
fn own_plugin(command: String) -> String {
    if command == env!("CARGO_PKG_NAME") {
        return std::env::current_exe().map_or(command, |path| path.to_string_lossy().into_owned());
    }
    command
}

fn plugin_error(command: String, error: AuthError) -> Error {
    let (command, detail) = match error {
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>()
                .join("; ");
            (
                command,
                format!("{}: {}", out.status, node::redact::text(&said)),
            )
        }
        AuthError::AuthExecStart(source) => (command, source.to_string()),
        other => (command, other.to_string()),
    };
    let name = Path::new(&command).file_name().map_or_else(
        || command.clone(),
        |name| name.to_string_lossy().into_owned(),
    );
    Error::Plugin {
        command: name,
        detail,
    }
}

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
