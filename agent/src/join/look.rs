//! What one look at our own Node means.

use node::chain::Chain;

use crate::host::own_node::{Error, NodeFacts};

/// What the API server says of our Node to the kubelet's credential.
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

impl From<Result<Option<NodeFacts>, Error>> for NodeSeen {
    fn from(answer: Result<Option<NodeFacts>, Error>) -> Self {
        let error = match answer {
            Ok(Some(node)) if node.is_ready => return Self::Ready,
            Ok(Some(node)) => return Self::NotReady(node.ready_message),
            Ok(None) => return Self::Missing,
            Err(error) => error,
        };
        match error.status() {
            Some((401, message)) => Self::Unauthorized(message.to_owned()),
            Some((403, message)) => Self::Forbidden(message.to_owned()),
            _ => Self::Unknown(Chain(&error).to_string()),
        }
    }
}
