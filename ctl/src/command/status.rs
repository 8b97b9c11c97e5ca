//! `nodectl status`: asks the planes at the same time, joins what they say, and prints it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::Kubeconfig;
use node::chain::Chain;

use super::error::{Error, within, written};
use super::token;
use crate::cli::{AccessFlags, Output, StatusArgs};
use crate::exit::Exit;
use crate::fleet::{self, Advice, NodeStatusList, Observations, Plane, Row};
use crate::observe::aws::{self, Aws};
use crate::observe::cluster::{self, Target, Way, Wish};
use crate::observe::ec2::{self, InstanceFacts};
use crate::observe::kubernetes::{Connection, NodeFacts};
use crate::observe::{eks, kubeconfig};
use crate::print::{Printer, document, node_status};
use crate::reach::console::{self, Question};

/// Pieces of advice shown below a table; more would push the table off the screen.
const ADVICE: usize = 3;

pub(super) async fn run(
    args: &StatusArgs,
    access: &AccessFlags,
    now: Timestamp,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    // Nothing that is shown is more precise than a second.
    let now = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let kubeconfig = kubeconfig::read(access.kubeconfig.as_deref())?;
    let wish = Wish {
        cluster: args.cluster.clone(),
        context: access.context.clone(),
        kubeconfig_given: access.kubeconfig.is_some(),
        access: access.aws(),
    };
    let target = cluster::resolve(kubeconfig.as_ref(), &wish)?;
    let (region, observations) =
        observe(&target, kubeconfig, &args.names, access.timeout, now).await;
    let rows = fleet::rows(&observations, &target.cluster, &region, now);
    let (rows, missing) = fleet::select(rows, &args.names);
    let list = NodeStatusList::new(&target.cluster, &region, now, &observations, rows);
    written(printer.data_unless_empty(&render(
        &list,
        args.output.output,
        now,
        printer.data_color(),
    )?))?;
    comment(&list, &observations, args.output.output, printer);
    let exit = list.exit();
    if exit != Exit::Unchecked && !missing.is_empty() {
        return Err(Error::NoSuchNode {
            cluster: target.cluster,
            names: missing,
        });
    }
    for name in missing {
        printer.warning(&format!("no plane that answered knows `{name}`"));
    }
    Ok(exit)
}

fn render(
    list: &NodeStatusList,
    output: Output,
    now: Timestamp,
    color: bool,
) -> Result<String, Error> {
    Ok(match output {
        Output::Json => document::json(list)?,
        Output::Yaml => document::yaml(list)?,
        Output::Name => node_status::names(&list.items),
        Output::Table | Output::Wide if list.items.is_empty() => String::new(),
        Output::Table | Output::Wide => {
            node_status::table(&list.items, now, output == Output::Wide, color)
        }
    })
}

/// Tells on standard error what the rows cannot: planes that failed, and what to do about the nodes.
fn comment(
    list: &NodeStatusList,
    observations: &Observations,
    output: Output,
    printer: &mut Printer,
) {
    let failed = [
        failure("kubernetes", &observations.nodes),
        failure("ec2", &observations.instances),
    ];
    let failed: Vec<_> = failed.into_iter().flatten().collect();
    for (name, error, _) in &failed {
        printer.warning(&format!("{name}: {error}"));
    }
    let hints: BTreeSet<&String> = failed.iter().flat_map(|(_, _, hints)| *hints).collect();
    for hint in hints {
        printer.hint(&hint.replace("CLUSTER", &list.cluster));
    }
    let unread = observations
        .consoles
        .values()
        .filter_map(|answer| answer.error.as_ref());
    if let Some(error) = unread.clone().next() {
        let (unread, all) = (unread.count(), observations.consoles.len());
        printer.warning(&format!(
            "console: {unread} of {all} could not be read: {error}"
        ));
    }
    if !matches!(output, Output::Table | Output::Wide) {
        return;
    }
    if list.items.is_empty() && failed.is_empty() {
        printer.note(&format!(
            "cluster `{}` has no Nodes, and EC2 no instances that carry its tag",
            list.cluster
        ));
    }
    let advice = fleet::advice(&list.items);
    for Advice {
        subject,
        evidence,
        fix,
    } in advice.iter().take(ADVICE)
    {
        if let Some(evidence) = evidence {
            printer.note(&format!("{subject}: {evidence}"));
        }
        printer.hint(&format!("{subject}: {fix}"));
    }
    if let more @ 1.. = advice.len().saturating_sub(ADVICE) {
        printer.hint(&format!("{more} more with `-o yaml`, field `fix`"));
    }
}

fn failure<'a, T>(
    name: &'static str,
    plane: &'a Plane<T>,
) -> Option<(&'static str, &'a String, &'a Vec<String>)> {
    match plane {
        Plane::Answered(_) => None,
        Plane::Failed { error, hints } => Some((name, error, hints)),
    }
}

/// Asks all planes; also tells the region that was asked.
async fn observe(
    target: &Target,
    kubeconfig: Option<Kubeconfig>,
    names: &[String],
    timeout: Duration,
    now: Timestamp,
) -> (String, Observations) {
    let aws = within(
        timeout,
        "loading the AWS configuration",
        Aws::load(&target.access),
    )
    .await;
    let nodes = within(
        timeout,
        "listing nodes",
        nodes(target, kubeconfig, &aws, now),
    );
    let instances = within(
        timeout,
        "listing instances",
        instances_of_cluster(target, &aws),
    );
    let (nodes, mut instances) = tokio::join!(nodes, instances);
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
    let mut observations = Observations {
        nodes: plane(nodes),
        instances: plane(instances),
        consoles: BTreeMap::new(),
    };
    if let Ok(aws) = &aws {
        let (rows, _) = fleet::select(
            fleet::rows(&observations, &target.cluster, &region, now),
            names,
        );
        observations.consoles = console::ask(aws, questions(&rows), timeout).await;
    }
    (region, observations)
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
) -> Result<Vec<NodeFacts>, Error> {
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
    Ok(connection.nodes().await?)
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

/// The consoles worth asking: of running instances without a Node.
fn questions(rows: &[Row]) -> Vec<Question> {
    let without_node = rows.iter().filter(|row| row.kubernetes.is_none());
    let running = without_node
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
        let ids: Vec<_> = questions(&fixture::rows())
            .into_iter()
            .map(|question| question.instance_id)
            .collect();
        assert_eq!(ids, ["i-0000000000000000c"]);
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
