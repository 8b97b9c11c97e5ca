//! Node objects of the lab's cluster, seen with the lab's own identity: waiting until a machine has joined, and removing
//! the object of a machine that is gone, as EKS' cloud controller does.

use std::time::Duration;

use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::DeleteParams};
use thiserror::Error;

use crate::{
    cloud::record::MachineRecord,
    control_plane::{self, ControlPlaneError},
    file,
    lifecycle::Lab,
    network::NetworkError,
    wait::{self, Poll, WaitError},
};

/// Why a Node is not as it was hoped for.
#[derive(Debug, Error)]
pub enum NodeObjectError {
    /// The lab's network could not be entered.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// No client for the API server.
    #[error(transparent)]
    Client(#[from] ControlPlaneError),
    /// The API server refused.
    #[error("asking the API server for Node `{name}`")]
    Ask {
        /// The Node.
        name: String,
        /// Its answer.
        #[source]
        source: Box<kube::Error>,
    },
    /// The machine did not join in time.
    #[error(
        "machine `{machine}` has not joined; its console, `{console}`, ends with:\n{last_words}"
    )]
    NotReady {
        /// The machine.
        machine: String,
        /// The file with its console.
        console: String,
        /// The end of its console.
        last_words: String,
        /// What was waited for.
        #[source]
        source: Box<WaitError>,
    },
}

impl Lab {
    /// Waits until the machine's Node is Ready; returns it.
    pub fn wait_ready(
        &self,
        record: &MachineRecord,
        deadline: Duration,
    ) -> Result<Node, NodeObjectError> {
        self.inside(|| async {
            let nodes = self.nodes().await?;
            let name = &record.local_hostname;
            wait::until(
                &format!("Node `{name}` Ready"),
                deadline,
                async || match nodes.get_opt(name).await {
                    Ok(None) => Poll::Pending("no Node".to_owned()),
                    Ok(Some(node)) if is_ready(&node) => Poll::Ready(node),
                    Ok(Some(_)) => Poll::Pending("a Node that is not Ready".to_owned()),
                    Err(error) => Poll::Pending(error.to_string()),
                },
            )
            .await
            .map_err(|source| NodeObjectError::NotReady {
                machine: record.name.clone(),
                console: record.console.display().to_string(),
                last_words: file::tail(&record.console, 20),
                source: Box::new(source),
            })
        })?
    }

    /// The Node of the machine, if it has one.
    pub fn node(&self, record: &MachineRecord) -> Result<Option<Node>, NodeObjectError> {
        self.inside(|| async {
            let name = &record.local_hostname;
            let found = self.nodes().await?.get_opt(name).await;
            found.map_err(|source| ask(name, source))
        })?
    }

    /// Deletes the Node of a machine that is gone, whichever of its two names it has. None there is as good.
    pub(crate) fn delete_node(&self, record: &MachineRecord) -> Result<(), NodeObjectError> {
        self.inside(|| async {
            let nodes = self.nodes().await?;
            for name in [&record.local_hostname, &record.instance_id] {
                match nodes.delete(name, &DeleteParams::default()).await {
                    Err(kube::Error::Api(status)) if status.is_not_found() => {}
                    answer => drop(answer.map_err(|source| ask(name, source))?),
                }
            }
            Ok(())
        })?
    }

    async fn nodes(&self) -> Result<Api<Node>, NodeObjectError> {
        Ok(Api::all(control_plane::client(&self.layout).await?))
    }
}

fn ask(name: &str, source: kube::Error) -> NodeObjectError {
    NodeObjectError::Ask {
        name: name.to_owned(),
        source: Box::new(source),
    }
}

/// Whether the Node's condition `Ready` is True.
pub fn is_ready(node: &Node) -> bool {
    node.status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
