//! The document of `nodectl status`, and how the command ends.

use jiff::Timestamp;
use node::wire::API_VERSION;
use serde::{Deserialize, Serialize};

use super::health::Health;
use super::observation::{Observations, Plane};
use super::row::Row;
use crate::exit::Exit;

/// Whether one plane answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlaneReport {
    /// `kubernetes`, `agent`, `ec2` or `console`.
    pub name: String,
    /// True if the whole plane could be asked.
    pub answered: bool,
    /// Objects that it knows: Nodes, annotated Nodes, instances, consoles with a verdict.
    pub count: usize,
    /// Why it could not be asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// `nodectl status -o json`: all rows with all facts, and which planes they come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeStatusList {
    /// Always [`API_VERSION`].
    pub api_version: String,
    /// Always `NodeStatusList`.
    pub kind: String,
    /// Name of the cluster.
    pub cluster: String,
    /// Region that was asked; empty if none is known.
    pub region: String,
    /// When the planes were asked.
    pub observed_at: Timestamp,
    /// Which planes answered.
    pub planes: Vec<PlaneReport>,
    /// The rows.
    pub items: Vec<Row>,
}

impl NodeStatusList {
    /// A document over rows and the observations that they were made of.
    pub fn new(
        cluster: &str,
        region: &str,
        observed_at: Timestamp,
        observations: &Observations,
        items: Vec<Row>,
    ) -> Self {
        Self {
            api_version: API_VERSION.into(),
            kind: "NodeStatusList".into(),
            cluster: cluster.into(),
            region: region.into(),
            observed_at,
            planes: planes(observations),
            items,
        }
    }

    /// 4 if a plane could not be asked, else 3 if a node is not well or has not joined, else 0.
    pub fn exit(&self) -> Exit {
        let health = |health| self.items.iter().any(|row| row.health == health);
        if self
            .planes
            .iter()
            .any(|plane| !plane.answered && plane.name != "console")
            || health(Health::Unknown)
        {
            Exit::Unchecked
        } else if health(Health::Unhealthy) || health(Health::Pending) {
            Exit::Unhealthy
        } else {
            Exit::Ok
        }
    }
}

fn planes(observations: &Observations) -> Vec<PlaneReport> {
    let agents = observations.nodes.answer().map_or(0, |nodes| {
        nodes.iter().filter(|node| node.agent.is_some()).count()
    });
    let consoles = &observations.consoles;
    let failed: Vec<&String> = consoles
        .values()
        .filter_map(|answer| answer.error.as_ref())
        .collect();
    vec![
        report("kubernetes", &observations.nodes, Vec::len),
        report("agent", &observations.nodes, |_| agents),
        report("ec2", &observations.instances, Vec::len),
        PlaneReport {
            name: "console".into(),
            answered: failed.is_empty(),
            count: consoles
                .values()
                .filter(|answer| answer.verdict.is_some())
                .count(),
            error: failed.first().map(|error| (*error).clone()),
        },
    ]
}

fn report<T>(name: &str, plane: &Plane<T>, count: impl Fn(&T) -> usize) -> PlaneReport {
    let (answered, error) = match plane {
        Plane::Answered(_) => (true, None),
        Plane::Failed { error, .. } => (false, Some(error.clone())),
    };
    PlaneReport {
        name: name.into(),
        answered,
        count: plane.answer().map_or(0, count),
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::row::fixture;

    fn exit(observations: &Observations, keep: impl Fn(&Row) -> bool) -> Exit {
        let mut rows = crate::fleet::rows(observations, "prod", "us-east-1", fixture::now());
        rows.retain(keep);
        NodeStatusList::new("prod", "us-east-1", fixture::now(), observations, rows).exit()
    }

    #[test]
    fn the_exit_code_tells_healthy_from_unhealthy_from_unchecked() {
        let observations = fixture::observations();
        assert_eq!(
            exit(&observations, |row| row.health == Health::Healthy
                || row.health == Health::Idle),
            Exit::Ok
        );
        assert_eq!(exit(&observations, |_| true), Exit::Unhealthy);
        let failed = || Plane::Failed {
            error: "no".into(),
            hints: Vec::new(),
        };
        assert_eq!(
            exit(
                &Observations {
                    instances: failed(),
                    ..observations.clone()
                },
                |_| true
            ),
            Exit::Unchecked
        );
        assert_eq!(
            exit(
                &Observations {
                    nodes: Plane::Failed {
                        error: "no".into(),
                        hints: Vec::new()
                    },
                    ..observations
                },
                |_| false
            ),
            Exit::Unchecked
        );
    }

    #[test]
    fn the_document_says_which_planes_answered() {
        let observations = fixture::observations();
        let list = NodeStatusList::new(
            "prod",
            "us-east-1",
            fixture::now(),
            &observations,
            fixture::rows(),
        );
        let planes: Vec<_> = list
            .planes
            .iter()
            .map(|plane| (plane.name.as_str(), plane.answered, plane.count))
            .collect();
        assert_eq!(
            planes,
            [
                ("kubernetes", true, 3),
                ("agent", true, 1),
                ("ec2", true, 4),
                ("console", true, 1)
            ]
        );
    }
}
