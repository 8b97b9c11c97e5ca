//! What a command learns of a cluster before it does anything else: the planes asked at the same time, and what they were
//! asked with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::Kubeconfig;
use node::chain::Chain;

use super::error::{Error, within};
use super::token;
use crate::cli::AccessFlags;
use crate::fleet::{self, Observations, Plane, Row};
use crate::observe::aws::{self, Aws};
use crate::observe::cluster::{self, Target, Way, Wish};
use crate::observe::ec2::{self, InstanceFacts};
use crate::observe::kubernetes::{Connection, NodeFacts};
use crate::observe::{eks, kubeconfig};
use crate::print::Printer;
use crate::reach::console::{self, Question};

/// A cluster as its planes show it.
pub(super) struct Planes {
    /// Name of the cluster.
    pub(super) cluster: String,
    /// The region that was asked; empty if none is known.
    pub(super) region: String,
    /// What the planes said.
    pub(super) observations: Observations,
    /// The way to AWS.
    pub(super) aws: Result<Aws, Error>,
    /// The way to the API server; none when it did not answer.
    pub(super) connection: Option<Connection>,
}

impl Planes {
    /// All rows, or those that the names mean, and the names that mean none.
    pub(super) fn rows(&self, names: &[String], now: Timestamp) -> (Vec<Row>, Vec<String>) {
        let rows = fleet::rows(&self.observations, &self.cluster, &self.region, now);
        fleet::select(rows, names)
    }

    /// The one row that a name means. None, said, when a plane that could know it did not answer.
    pub(super) fn row(
        &self,
        name: &str,
        now: Timestamp,
        printer: &mut Printer,
    ) -> Result<Option<Row>, Error> {
        let failures = self.failures();
        for failure in &failures {
            printer.warning(failure);
        }
        let names = [name.to_owned()];
        match self.rows(&names, now).0.into_iter().next() {
            Some(row) => Ok(Some(row)),
            None if failures.is_empty() => Err(Error::NoSuchNode {
                cluster: self.cluster.clone(),
                names: names.to_vec(),
            }),
            None => {
                printer.warning(&format!("no plane that answered knows `{name}`"));
                Ok(None)
            }
        }
    }

    /// A line for each plane that did not answer.
    fn failures(&self) -> Vec<String> {
        let failed = |name: &str, error: Option<&String>| Some(format!("{name}: {}", error?));
        [
            failed("kubernetes", self.observations.nodes.error()),
            failed("ec2", self.observations.instances.error()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Chooses the cluster and asks its planes. Consoles are asked of running instances without a Node; of all that are named
/// if `all_consoles`.
pub(super) async fn look(
    cluster: Option<&String>,
    names: &[String],
    all_consoles: bool,
    access: &AccessFlags,
    now: Timestamp,
) -> Result<Planes, Error> {
    let kubeconfig = kubeconfig::read(access.kubeconfig.as_deref())?;
    let wish = Wish {
        cluster: cluster.cloned(),
        context: access.context.clone(),
        kubeconfig_given: access.kubeconfig.is_some(),
        access: access.aws(),
    };
    let target = cluster::resolve(kubeconfig.as_ref(), &wish)?;
    // The calls of all planes are one large future.
    let mut planes = Box::pin(observe(target, kubeconfig, names, access.timeout, now)).await;
    if let Ok(aws) = &planes.aws {
        let (rows, _) = planes.rows(names, now);
        let asked = questions(&rows, all_consoles);
        planes.observations.consoles = console::ask(aws, asked, access.timeout).await;
    }
    Ok(planes)
}

async fn observe(
    target: Target,
    kubeconfig: Option<Kubeconfig>,
    names: &[String],
    timeout: Duration,
    now: Timestamp,
) -> Planes {
    let aws = within(
        timeout,
        "loading the AWS configuration",
        Aws::load(&target.access),
    )
    .await;
    let nodes = within(
        timeout,
        "listing nodes",
        nodes(&target, kubeconfig, &aws, now),
    );
    let instances = within(
        timeout,
        "listing instances",
        instances_of_cluster(&target, &aws),
    );
    let (nodes, mut instances) = tokio::join!(nodes, instances);
    let (connection, nodes) = match nodes {
        Ok((connection, nodes)) => (Some(connection), Ok(nodes)),
        Err(error) => (None, Err(error)),
    };
    if let (Ok(aws), Ok(found)) = (&aws, &mut instances) {
        let wanted = untagged(nodes.as_deref().unwrap_or_default(), found, names);
        let more = within(
            timeout,
            "listing instances by id",
            ec2::instances_by_id(aws, &target.cluster, &wanted),
        )
        .await;
        match more {
            Ok(more) => found.extend(more),
            Err(error) => instances = Err(error),
        }
    }
    let region = aws.as_ref().map_or_else(
        |_| target.access.region.clone().unwrap_or_default(),
        |aws| aws.region().to_owned(),
    );
    Planes {
        cluster: target.cluster,
        region,
        observations: Observations {
            nodes: plane(nodes),
            instances: plane(instances),
            consoles: BTreeMap::new(),
        },
        aws,
        connection,
    }
}

fn plane<T>(outcome: Result<T, Error>) -> Plane<T> {
    match outcome {
        Ok(answer) => Plane::Answered(answer),
        Err(error) => {
            // The credential chain answers with a list, one provider a line; a plane's error is one line.
            let text = Chain(&error).to_string();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Plane::Failed {
                error: text,
                hints: error.hints(),
            }
        }
    }
}

async fn nodes(
    target: &Target,
    kubeconfig: Option<Kubeconfig>,
    aws: &Result<Aws, Error>,
    now: Timestamp,
) -> Result<(Connection, Vec<NodeFacts>), Error> {
    let connection = match &target.way {
        Way::Context(context) => {
            Connection::through_context(kubeconfig.unwrap_or_default(), context).await?
        }
        Way::Eks => {
            let aws = usable(aws)?;
            let cluster = eks::describe_cluster(aws, &target.cluster).await?;
            Connection::through_eks(&cluster, &token::sign(aws, &target.cluster, now).await?)
                .await?
        }
    };
    tracing::debug!(server = connection.server(), "listing nodes");
    let nodes = connection.nodes().await?;
    Ok((connection, nodes))
}

async fn instances_of_cluster(
    target: &Target,
    aws: &Result<Aws, Error>,
) -> Result<Vec<InstanceFacts>, Error> {
    Ok(ec2::instances_of_cluster(usable(aws)?, &target.cluster).await?)
}

/// One failed configuration fails every plane that needs it, each with the same words.
fn usable(aws: &Result<Aws, Error>) -> Result<&Aws, Error> {
    aws.as_ref().map_err(|error| match error {
        Error::Aws(aws::Error::NoRegion) => Error::Aws(aws::Error::NoRegion),
        other => Error::NoAws {
            detail: Chain(other).to_string(),
        },
    })
}

/// Ids of instances that the cluster's tag did not find: those behind Nodes, and those named on the command line.
fn untagged(nodes: &[NodeFacts], found: &[InstanceFacts], names: &[String]) -> Vec<String> {
    let known: BTreeSet<&str> = found
        .iter()
        .map(|instance| instance.instance_id.as_str())
        .collect();
    let named = names
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with("i-"));
    let wanted: BTreeSet<&str> = nodes
        .iter()
        .filter_map(NodeFacts::instance_id)
        .chain(named)
        .collect();
    wanted
        .difference(&known)
        .map(|id| (*id).to_owned())
        .collect()
}

/// The consoles worth asking: of running instances without a Node, or of all.
fn questions(rows: &[Row], all: bool) -> Vec<Question> {
    let asked = rows.iter().filter(|row| all || row.kubernetes.is_none());
    let running = asked
        .filter_map(|row| row.ec2.as_ref())
        .filter(|instance| instance.state == "running");
    running
        .map(|instance| Question {
            instance_id: instance.instance_id.clone(),
            launched_at: instance.launched_at,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::fixture;

    #[test]
    fn only_consoles_of_running_instances_without_a_node_are_asked() {
        let ids: Vec<_> = questions(&fixture::rows(), false)
            .into_iter()
            .map(|question| question.instance_id)
            .collect();
        assert_eq!(ids, ["i-0000000000000000c"]);
        assert_eq!(questions(&fixture::rows(), true).len(), 3);
    }

    #[test]
    fn instances_behind_nodes_and_named_ones_are_looked_up_even_without_the_tag() {
        let observations = fixture::observations();
        let (Some(nodes), Some(instances)) =
            (observations.nodes.answer(), observations.instances.answer())
        else {
            panic!("the fixture has both");
        };
        let found = &instances[..3];
        let names = ["i-9", "ip-10-0-0-1.ec2.internal", "i-0000000000000000c"].map(String::from);
        assert_eq!(
            untagged(nodes, found, &names),
            ["i-0000000000000000a", "i-9"]
        );
    }
}
