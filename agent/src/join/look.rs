//! What one look at our own Node means.

use std::convert::Infallible;
use std::time::Duration;

use node::chain::Chain;
use node::finding;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::host::own_node::{Error, NodeFacts, OwnNode};
use crate::probe::{Fault, Outcome, version};

/// How often the Node is looked at …
const PERIOD: Duration = Duration::from_secs(1);
/// … and when it has not come for a while: whatever keeps it lasts longer than this.
const LONG_PERIOD: Duration = Duration::from_secs(5);
const WHILE: Duration = Duration::from_mins(1);
/// The API server has answered a moment ago.
const VERSION: Duration = Duration::from_secs(2);

/// What the API server says of our Node to the kubelet's credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSeen {
    /// It exists and is Ready.
    Ready,
    /// It exists and is not Ready; the message of its Ready condition.
    NotReady(String),
    /// The API server accepts us and has no such Node.
    Missing,
    /// There is one, of another instance, that our kubelet has not taken over: what shows it.
    Taken(String),
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

    /// What was said with it; empty when nothing was.
    pub fn message(&self) -> &str {
        match self {
            Self::Ready | Self::Missing => "",
            Self::NotReady(message)
            | Self::Taken(message)
            | Self::Unauthorized(message)
            | Self::Forbidden(message)
            | Self::Unknown(message) => message,
        }
    }
}

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The Node.
    pub node: NodeSeen,
    /// What is wrong with it although it is there.
    pub standing: Vec<Fault>,
}

impl Look {
    /// What this answer about the Node of this name means on this instance.
    fn of(answer: Result<Option<NodeFacts>, Error>, name: &str, instance_id: &str) -> Self {
        let taken = answer
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .and_then(|node| {
                node.is_of_other_than(instance_id).then(|| {
                    let evidence = format!(
                        "Node `{name}` has the provider id `{}`, this instance is {instance_id}",
                        node.provider_id
                    );
                    (evidence, node.is_of_this_boot)
                })
            });
        match taken {
            Some((evidence, false)) => Self {
                node: NodeSeen::Taken(evidence),
                standing: Vec::new(),
            },
            taken => Self {
                node: NodeSeen::from(answer),
                standing: taken
                    .map(|(evidence, _)| Fault {
                        finding: &finding::JOIN_NODE_NAME_TAKEN,
                        evidence: vec![evidence],
                    })
                    .into_iter()
                    .collect(),
            },
        }
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

/// Looks at the Node again and again, on the instance of this id. Ends only by being dropped.
pub async fn follow(
    own_node: &OwnNode,
    instance_id: &str,
    looks: mpsc::Sender<Look>,
) -> Infallible {
    let start = Instant::now();
    let mut api_server = None;
    loop {
        let next = Instant::now() + period(start.elapsed());
        let answer = own_node.read().await;
        let kubelet = match &answer {
            Ok(Some(node)) if node.is_of_this_boot => node.kubelet_version.clone(),
            _ => String::new(),
        };
        let mut look = Look::of(answer, own_node.name(), instance_id);
        if !kubelet.is_empty() {
            if api_server.is_none() {
                api_server = api_server_version(own_node).await;
            }
            if let Some(api_server) = &api_server
                && let Outcome::Fault(fault) = version::judge(&kubelet, api_server)
            {
                look.standing.push(fault);
            }
        }
        // Who has not taken the last look yet has no use for this one.
        drop(looks.try_send(look));
        sleep_until(next).await;
    }
}

/// Asked once the kubelet has posted its own; nothing is held up by it for long.
async fn api_server_version(own_node: &OwnNode) -> Option<String> {
    match timeout(VERSION, own_node.api_server_version()).await {
        Ok(Ok(version)) => Some(version),
        Ok(Err(error)) => {
            tracing::debug!(error = %Chain(&error), "the version of the API server is not known");
            None
        }
        Err(_) => None,
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

    fn node(instance_id: &str, is_of_this_boot: bool) -> NodeFacts {
        NodeFacts {
            is_ready: is_of_this_boot,
            provider_id: format!("aws:///eu-west-1a/{instance_id}"),
            is_of_this_boot,
            ..NodeFacts::default()
        }
    }

    #[test]
    fn a_node_of_another_instance_is_not_ours_until_our_kubelet_takes_it_over() {
        let look = |instance_id, is_of_this_boot| {
            let look = Look::of(Ok(Some(node(instance_id, is_of_this_boot))), "a", "i-1");
            let codes: Vec<_> = look
                .standing
                .iter()
                .map(|fault| fault.finding.code)
                .collect();
            (look.node, codes)
        };
        assert_eq!(
            look("i-2", false),
            (
                NodeSeen::Taken(
                    "Node `a` has the provider id `aws:///eu-west-1a/i-2`, this instance is i-1"
                        .into()
                ),
                vec![]
            )
        );
        assert_eq!(
            look("i-2", true),
            (NodeSeen::Ready, vec!["join.node_name_taken"])
        );
        assert_eq!(look("i-1", true), (NodeSeen::Ready, vec![]));
        // After a reboot, or a stop and a start, it is ours all the same.
        assert_eq!(
            look("i-1", false),
            (NodeSeen::NotReady(String::new()), vec![])
        );
    }
}
