//! What one look at our own Node means.

use std::convert::Infallible;
use std::time::Duration;

use node::chain::Chain;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::host::own_node::{Error, NodeFacts, OwnNode};

/// How often the Node is looked at …
const PERIOD: Duration = Duration::from_secs(1);
/// … and when it has not come for a while: whatever keeps it lasts longer than this.
const LONG_PERIOD: Duration = Duration::from_secs(5);
const WHILE: Duration = Duration::from_mins(1);

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

impl NodeSeen {
    /// Whether the API server has given us our Node.
    pub fn is_registered(&self) -> bool {
        matches!(self, Self::Ready | Self::NotReady(_))
    }
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

/// Looks at the Node again and again. Ends only by being dropped.
pub async fn follow(own_node: &OwnNode, looks: mpsc::Sender<NodeSeen>) -> Infallible {
    let start = Instant::now();
    loop {
        let next = Instant::now() + period(start.elapsed());
        // Who has not taken the last look yet has no use for this one.
        drop(looks.try_send(NodeSeen::from(own_node.read().await)));
        sleep_until(next).await;
    }
}

/// How long after the one before, so long after the start.
fn period(elapsed: Duration) -> Duration {
    if elapsed < WHILE { PERIOD } else { LONG_PERIOD }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_does_not_come_is_looked_at_more_rarely() {
        assert_eq!(period(Duration::ZERO), PERIOD);
        assert_eq!(period(WHILE), LONG_PERIOD);
    }
}
