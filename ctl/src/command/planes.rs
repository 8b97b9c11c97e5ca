//! What a command learns of a cluster before it does anything else: the planes asked at the same time, and what they were
//! asked with.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::Kubeconfig;
use node::chain::Chain;
use tokio::sync::Mutex;

use super::error::{Error, within};
use crate::cli::AccessFlags;
use crate::fleet::{self, Observations, Plane, Row};
use crate::observe::aws::{self, Aws};
use crate::observe::cluster::{self, Target, Way, Wish};
use crate::observe::ec2::{self, InstanceFacts};
use crate::observe::kubernetes::{Connection, NodeFacts};
use crate::observe::{eks, kubeconfig};
use crate::print::Printer;
use crate::reach::console::{self, Question};

/// A cluster, and the ways to its planes: chosen and loaded once, asked as often as one likes.
pub(super) struct Ways {
    target: Target,
    kubeconfig: Option<Kubeconfig>,
    timeout: Duration,
    aws: Result<Aws, Error>,
    /// The way to the API server; none while it has not answered, or no longer does.
    connection: Mutex<Option<Connected>>,
}

/// A way to the API server.
struct Connected {
    connection: Connection,
    /// When its token is no longer good; none where the context sees to that.
    until: Option<Timestamp>,
}

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
    let ways = Ways::load(cluster, access).await?;
    let observations = ways.observe(names, all_consoles, now).await;
    Ok(Planes {
        region: ways.region(),
        cluster: ways.target.cluster,
        observations,
        aws: ways.aws,
        connection: ways.connection.into_inner().map(|way| way.connection),
    })
}

impl Ways {
    /// Chooses the cluster and loads what it takes to ask its planes.
    pub(super) async fn load(
        cluster: Option<&String>,
        access: &AccessFlags,
    ) -> Result<Self, Error> {
        let kubeconfig = kubeconfig::read(access.kubeconfig.as_deref())?;
        let wish = Wish {
            cluster: cluster.cloned(),
            context: access.context.clone(),
            kubeconfig_given: access.kubeconfig.is_some(),
            access: access.aws(),
        };
        let target = cluster::resolve(kubeconfig.as_ref(), &wish)?;
        let aws = within(
            access.timeout,
            "loading the AWS configuration",
            Aws::load(&target.access),
        )
        .await;
        Ok(Self {
            target,
            kubeconfig,
            timeout: access.timeout,
            aws,
            connection: Mutex::new(None),
        })
    }

    /// The rows of all nodes and instances. An error when no Node could be listed, as behind a private endpoint: then nothing
    /// is known of any.
    pub(super) async fn rows(&self, now: Timestamp) -> Result<Vec<Row>, String> {
        let observations = self.observe(&[], false, now).await;
        if let Some(error) = observations.nodes.error() {
            return Err(error.clone());
        }
        let cluster = &self.target.cluster;
        Ok(fleet::rows(&observations, cluster, &self.region(), now))
    }

    fn region(&self) -> String {
        self.aws.as_ref().map_or_else(
            |_| self.target.access.region.clone().unwrap_or_default(),
            |aws| aws.region().to_owned(),
        )
    }

    async fn observe(&self, names: &[String], all_consoles: bool, now: Timestamp) -> Observations {
        // The calls of all planes are one large future.
        let mut observations = Box::pin(self.nodes_and_instances(names, now)).await;
        if let Ok(aws) = &self.aws {
            let rows = fleet::rows(&observations, &self.target.cluster, &self.region(), now);
            let (rows, _) = fleet::select(rows, names);
            let asked = questions(&rows, all_consoles);
            observations.consoles = console::ask(aws, asked, self.timeout).await;
        }
        observations
    }

    async fn nodes_and_instances(&self, names: &[String], now: Timestamp) -> Observations {
        let nodes = within(self.timeout, "listing nodes", self.nodes(now));
        let instances = within(self.timeout, "listing instances", self.instances());
        let (nodes, mut instances) = tokio::join!(nodes, instances);
        if nodes.is_err() {
            // The next one who asks begins anew.
            *self.connection.lock().await = None;
        }
        if let (Ok(aws), Ok(found)) = (&self.aws, &mut instances) {
            let wanted = untagged(nodes.as_deref().unwrap_or_default(), found, names);
            let more = within(
                self.timeout,
                "listing instances by id",
                ec2::instances_by_id(aws, &self.target.cluster, &wanted),
            )
            .await;
            match more {
                Ok(more) => found.extend(more),
                Err(error) => instances = Err(error),
            }
        }
        Observations {
            nodes: plane(nodes),
            instances: plane(instances),
            consoles: BTreeMap::new(),
        }
    }

    async fn nodes(&self, now: Timestamp) -> Result<Vec<NodeFacts>, Error> {
        let connection = self.connection(now).await?;
        tracing::debug!(server = connection.server(), "listing nodes");
        Ok(connection.nodes().await?)
    }

    /// The way to the API server, opened where none is, and again when its token is no longer good.
    pub(super) async fn connection(&self, now: Timestamp) -> Result<Connection, Error> {
        let mut kept = self.connection.lock().await;
        if let Some(way) = kept.as_ref().filter(|way| way.is_good(now)) {
            return Ok(way.connection.clone());
        }
        let way = self.connect(now).await?;
        let connection = way.connection.clone();
        *kept = Some(way);
        Ok(connection)
    }

    async fn connect(&self, now: Timestamp) -> Result<Connected, Error> {
        match &self.target.way {
            Way::Context(context) => {
                let kubeconfig = self.kubeconfig.clone().unwrap_or_default();
                Ok(Connected {
                    connection: Connection::through_context(kubeconfig, context).await?,
                    until: None,
                })
            }
            Way::Eks => {
                let aws = usable(&self.aws)?;
                let cluster = eks::describe_cluster(aws, &self.target.cluster).await?;
                let token = aws.token(&self.target.cluster, now).await?;
                Ok(Connected {
                    connection: Connection::through_eks(&cluster, &token).await?,
                    until: Some(token.expires_at),
                })
            }
        }
    }

    async fn instances(&self) -> Result<Vec<InstanceFacts>, Error> {
        Ok(ec2::instances_of_cluster(usable(&self.aws)?, &self.target.cluster).await?)
    }
}

impl Connected {
    fn is_good(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
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

    const KUBECONFIG: &str = "
current-context: lab
contexts: [{name: lab, context: {cluster: lab, user: lab}}]
clusters: [{name: lab, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: lab, user: {token: secret}}]
";

    #[tokio::test]
    async fn a_connection_is_opened_once_and_again_when_its_token_is_no_longer_good() {
        let now = Timestamp::from_second(1_000).unwrap();
        let mut ways = Ways {
            target: Target {
                cluster: "lab".to_owned(),
                way: Way::Context("lab".to_owned()),
                access: aws::Access::default(),
            },
            kubeconfig: Some(Kubeconfig::from_yaml(KUBECONFIG).unwrap()),
            timeout: Duration::from_secs(1),
            aws: Err(aws::Error::NoRegion.into()),
            connection: Mutex::new(None),
        };
        ways.connection(now).await.unwrap();
        // Whoever connects anew from here on finds no context.
        ways.kubeconfig = None;
        ways.connection(now).await.unwrap();
        if let Some(way) = ways.connection.lock().await.as_mut() {
            way.until = Some(now);
        }
        assert!(ways.connection(now).await.is_err());
    }

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
