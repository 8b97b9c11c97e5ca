//! Whether the nodes of a group are Ready and, when they are not, why: a group is only done when its nodes are.

use node::wire::Outcome;

use super::drain::drain;
use super::hands::{Error, Look};
use crate::fleet::{Health, Row, State};
use crate::observe::kubernetes::{Connection, NodeFacts};
use crate::resource::{Address, Body, Outputs, Scaling};

/// Nodes that are told of one by one; the rest is counted.
const TOLD: usize = 3;

/// What the engine asks of the nodes of a group that its API calls ready.
pub trait Nodes: Send + Sync + 'static {
    /// How they are. An error says that they could not be looked at.
    fn look(
        &self,
        group: &Address,
        body: &Body,
        known: &Outputs,
    ) -> impl Future<Output = Result<Look, Error>> + Send;

    /// Moves the pods of a group that is to go one step on: `Pending` while there are some. That is not asked of groups whose
    /// nodes EKS drains.
    fn drain(&self, group: &Address) -> impl Future<Output = Result<Look, Error>> + Send;
}

/// What the planes of a cluster show.
#[derive(Debug)]
pub struct Seen {
    /// Its nodes, a row each.
    pub rows: Vec<Row>,
    /// The way to its API server.
    pub connection: Connection,
}

/// The nodes as the rows of the fleet show them.
#[derive(Debug)]
pub struct OfFleet<F> {
    /// Asks the planes of the cluster anew.
    pub see: F,
    /// Whether groups wait until their nodes are Ready.
    pub is_awaited: bool,
    /// Whether the pods of groups that go are moved first.
    pub is_drained: bool,
}

impl<F, A> Nodes for OfFleet<F>
where
    F: Fn() -> A + Send + Sync + 'static,
    A: Future<Output = Result<Seen, Error>> + Send,
{
    async fn look(&self, group: &Address, body: &Body, _known: &Outputs) -> Result<Look, Error> {
        let wanted = scaling(body).map_or(0, |scaling| scaling.desired.unwrap_or(scaling.min));
        if wanted == 0 || !self.is_awaited {
            return Ok(Look::Ready(Outputs::new()));
        }
        let seen = (self.see)().await?;
        Ok(judge(&seen.rows, &group.name, wanted))
    }

    async fn drain(&self, group: &Address) -> Result<Look, Error> {
        if !self.is_drained {
            return Ok(Look::Gone);
        }
        let seen = (self.see)().await?;
        let nodes: Vec<NodeFacts> = seen
            .rows
            .into_iter()
            .filter(|row| row.node_group.as_deref() == Some(&*group.name))
            .filter_map(|row| row.kubernetes)
            .collect();
        drain(&seen.connection, nodes).await
    }
}

fn scaling(body: &Body) -> Option<Scaling> {
    match body {
        Body::NodeGroup(group) => Some(group.scaling),
        Body::AutoScalingGroup(group) => Some(group.scaling),
        _ => None,
    }
}

/// What the rows of the fleet say of a group that should have so many nodes. It has failed when every node that is missing
/// is an instance whose agent has given up.
pub fn judge(rows: &[Row], group: &str, wanted: u32) -> Look {
    let rows: Vec<&Row> = rows
        .iter()
        .filter(|row| row.node_group.as_deref() == Some(group) && row.health != Health::Idle)
        .collect();
    let (ready, others): (Vec<&Row>, Vec<&Row>) =
        rows.into_iter().partition(|row| row.state == State::Ready);
    let missing = usize::try_from(wanted)
        .unwrap_or(usize::MAX)
        .saturating_sub(ready.len());
    if missing == 0 {
        return Look::Ready(Outputs::new());
    }
    let mut text = format!("{} of {wanted} nodes are Ready", ready.len());
    for row in others.iter().take(TOLD) {
        text.push_str("; ");
        text.push_str(&told(row));
    }
    if others.len() > TOLD {
        let more = others.len() - TOLD;
        text = format!("{text}; and {more} more");
    }
    if others.len() < missing {
        let instances = missing - others.len();
        text = format!("{text}; {instances} without an instance");
    }
    let failed = others.iter().filter(|row| has_given_up(row)).count();
    if failed >= missing {
        Look::Failed { reason: text }
    } else {
        Look::Pending { waits_for: text }
    }
}

/// A node on one line: name, state, why and what to do.
fn told(row: &Row) -> String {
    let name = row.name.as_ref().or(row.instance_id.as_ref());
    let name = name.map_or("a node", String::as_str);
    let mut text = format!("{name} is {}", row.state.as_str());
    if let Some(reason) = row.reason.as_ref().or(row.code.as_ref()) {
        // How long it lasts is said by whoever shows the wait: a text that ticks would be another wait at every look.
        let reason = reason
            .rsplit_once(" (for ")
            .map_or(reason.as_str(), |(reason, _)| reason);
        text.push_str(": ");
        text.push_str(reason);
    }
    if let Some(fix) = &row.fix {
        text.push_str(" (fix: ");
        text.push_str(fix);
        text.push(')');
    }
    text
}

fn has_given_up(row: &Row) -> bool {
    let console = row.console.as_ref();
    let verdict = console.and_then(|console| console.verdict.as_ref());
    row.state == State::NotJoined
        && verdict.is_some_and(|verdict| verdict.outcome == Outcome::Failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::hands::Why;
    use crate::fleet::fixture;

    fn rows() -> Vec<Row> {
        let mut rows = fixture::rows();
        for row in &mut rows {
            row.node_group = Some("blue".into());
        }
        rows.remove(0);
        rows
    }

    #[test]
    fn a_group_is_ready_when_as_many_nodes_are_as_it_should_have() {
        assert_eq!(judge(&rows(), "blue", 1), Look::Ready(Outputs::new()));
        assert!(matches!(judge(&rows(), "green", 1), Look::Pending { .. }));
    }

    #[test]
    fn nodes_that_are_not_ready_are_told_with_their_diagnosis() {
        let Look::Pending { waits_for } = judge(&rows(), "blue", 4) else {
            panic!("two may still come")
        };
        insta::assert_snapshot!(waits_for);
    }

    #[test]
    fn a_group_has_failed_when_nothing_is_left_that_could_come() {
        let mut rows = rows();
        rows.retain(|row| row.state != State::NotReady);
        // A verdict that is not final may still become another one.
        assert!(matches!(judge(&rows, "blue", 2), Look::Pending { .. }));
        let consoles = rows.iter_mut().filter_map(|row| row.console.as_mut());
        for verdict in consoles.filter_map(|console| console.verdict.as_mut()) {
            verdict.outcome = Outcome::Failed;
        }
        assert!(matches!(judge(&rows, "blue", 2), Look::Failed { .. }));
        assert!(matches!(judge(&rows, "blue", 3), Look::Pending { .. }));
    }

    #[tokio::test]
    async fn a_group_without_nodes_asks_nobody() {
        let asked = || async { Err(Error::new(Why::Unanswered, "asked")) };
        let nodes = |is_awaited| OfFleet {
            see: asked,
            is_awaited,
            is_drained: false,
        };
        let group = Address::new(crate::resource::Kind::NodeGroup, "blue");
        let body = |min| {
            Body::NodeGroup(crate::resource::NodeGroup {
                scaling: Scaling {
                    min,
                    ..Scaling::default()
                },
                ..crate::resource::NodeGroup::default()
            })
        };
        let look =
            async |nodes: OfFleet<_>, min| nodes.look(&group, &body(min), &Outputs::new()).await;
        for nobody in [look(nodes(true), 0).await, look(nodes(false), 1).await] {
            assert_eq!(nobody.unwrap(), Look::Ready(Outputs::new()));
        }
        assert!(look(nodes(true), 1).await.is_err());
        assert_eq!(nodes(true).drain(&group).await.unwrap(), Look::Gone);
    }
}
