//! The pods of nodes that are to go are moved first, as `kubectl drain` does it: the node takes no new pods, and each pod is
//! evicted, which honours its `PodDisruptionBudget`. EKS does the same for managed groups by itself.

mod pods;

use std::time::Duration;

use tokio::task::JoinSet;

use self::pods::{Leaving, leaving};
use super::hands::{Error, Look, Why};
use crate::observe::kubernetes::{self, Connection, Evicted, NodeFacts};

/// Pods that are told of one by one; the rest is counted.
const TOLD: usize = 3;

/// The longest that one step may take: the client itself waits for an answer for ever.
const LONGEST: Duration = Duration::from_mins(1);

/// Moves the pods of these nodes one step on: what is to be evicted is, and what is left is told.
pub async fn drain(connection: &Connection, nodes: Vec<NodeFacts>) -> Result<Look, Error> {
    let count = nodes.len();
    let mut drained: JoinSet<_> = nodes
        .into_iter()
        .map(|node| one(connection.clone(), node))
        .collect();
    let mut left = Vec::new();
    let all = async {
        while let Some(joined) = drained.join_next().await {
            left.extend(joined.map_err(|panic| Error::new(Why::Other, panic))??);
        }
        Ok::<(), Error>(())
    };
    tokio::time::timeout(LONGEST, all)
        .await
        .map_err(|late| Error::new(Why::Unanswered, late))??;
    left.sort();
    Ok(told(&left, count).map_or(Look::Gone, |waits_for| Look::Pending { waits_for }))
}

/// The pods that are left of one node, each with what holds it.
async fn one(connection: Connection, node: NodeFacts) -> Result<Vec<String>, kubernetes::Error> {
    if !node.unschedulable {
        connection.cordon(&node.name).await?;
    }
    let is_ready = node.ready().is_some_and(|ready| ready.status == "True");
    let mut left = Vec::new();
    for Leaving { pod, is_evicted } in leaving(&connection.pods_of(&node.name).await?, is_ready) {
        let evicted = if is_evicted {
            Evicted::Accepted
        } else {
            connection.evict(&pod.namespace, &pod.name).await?
        };
        match evicted {
            Evicted::Accepted => left.push(pod.to_string()),
            Evicted::Held(why) => left.push(format!("{pod}: {why}")),
            Evicted::Gone => {}
        }
    }
    Ok(left)
}

/// What is left, in one line; those that something holds are named first. None when nothing is.
fn told(left: &[String], nodes: usize) -> Option<String> {
    let count = |number: usize, thing: &str| match number {
        1 => format!("1 {thing}"),
        number => format!("{number} {thing}s"),
    };
    if left.is_empty() {
        return None;
    }
    let (held, others): (Vec<&String>, Vec<&String>) =
        left.iter().partition(|pod| pod.contains(": "));
    let mut text = format!(
        "{} of {} {} not gone yet",
        count(left.len(), "pod"),
        count(nodes, "node"),
        if left.len() == 1 { "has" } else { "have" }
    );
    for pod in held.iter().chain(&others).take(TOLD) {
        text.push_str("; ");
        text.push_str(pod);
    }
    if left.len() > TOLD {
        text = format!("{text}; and {} more", left.len() - TOLD);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_a_node_is_told_first() {
        let pods = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(told(&[], 2), None);
        assert_eq!(
            told(&pods(&["web/a"]), 1).as_deref(),
            Some("1 pod of 1 node has not gone yet; web/a")
        );
        let many = pods(&["web/a", "web/b", "web/c", "db/d: its budget is used up"]);
        assert_eq!(
            told(&many, 2).as_deref(),
            Some(
                "4 pods of 2 nodes have not gone yet; db/d: its budget is used up; web/a; web/b; and 1 more"
            )
        );
    }
}
