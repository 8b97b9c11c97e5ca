//! One look at our own Node with the kubelet's credential.

use k8s_openapi::api::core::v1::Node;
use kube::Api;
use node::chain::Chain;

use crate::host::kubernetes;
use crate::host::root::Root;

/// What the API server says of our Node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSeen {
    /// It exists and is Ready.
    Ready,
    /// It exists and is not Ready; the message of its Ready condition.
    NotReady(String),
    /// The API server accepts us and has no such Node.
    Missing,
    /// The API server does not accept our token.
    Unauthorized(String),
    /// The API server knows us under another name.
    Forbidden(String),
    /// There was no answer, or no usable one.
    Unknown(String),
}

/// Looks at one Node again and again.
pub struct Look {
    root: Root,
    name: String,
    /// Made with the first look: the kubeconfig may not exist before.
    nodes: Option<Api<Node>>,
}

impl std::fmt::Debug for Look {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Look")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Look {
    /// Looks at the Node of this name.
    pub fn new(root: &Root, name: &str) -> Self {
        Self {
            root: root.clone(),
            name: name.to_owned(),
            nodes: None,
        }
    }

    /// What the API server says now.
    pub async fn node(&mut self) -> NodeSeen {
        let nodes = match self.nodes.take() {
            Some(nodes) => nodes,
            None => match kubernetes::client(&self.root).await {
                Ok(client) => Api::all(client),
                Err(error) => return NodeSeen::Unknown(Chain(&error).to_string()),
            },
        };
        let seen = seen(nodes.get_opt(&self.name).await);
        self.nodes = Some(nodes);
        seen
    }
}

fn seen(answer: kube::Result<Option<Node>>) -> NodeSeen {
    match answer {
        Ok(Some(node)) => readiness(&node),
        Ok(None) => NodeSeen::Missing,
        Err(kube::Error::Api(status)) if status.code == 401 => {
            NodeSeen::Unauthorized(status.message.clone())
        }
        Err(kube::Error::Api(status)) if status.code == 403 => {
            NodeSeen::Forbidden(status.message.clone())
        }
        Err(error) => NodeSeen::Unknown(Chain(&error).to_string()),
    }
}

fn readiness(node: &Node) -> NodeSeen {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    match conditions
        .iter()
        .find(|condition| condition.type_ == "Ready")
    {
        Some(ready) if ready.status == "True" => NodeSeen::Ready,
        Some(ready) => NodeSeen::NotReady(ready.message.clone().unwrap_or_default()),
        None => NodeSeen::NotReady("the kubelet has not posted its status yet".to_owned()),
    }
}
