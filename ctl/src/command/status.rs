//! `nodectl status`: asks the planes at the same time, joins what they say, and prints it. Of nodes that are named the agent
//! is asked too.

pub(super) mod ask;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::error::{Error, written};
use super::planes;
use crate::cli::{AccessFlags, Output, StatusArgs};
use crate::exit::Exit;
use crate::fleet::{self, Advice, NodeStatusList, Observations, Plane, Row};
use crate::print::{Printer, document, node_page, node_status};
use crate::reach::Reach;
use crate::reach::agent::Question;

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
    let all_consoles = args.reach.reach == Reach::Console && !args.names.is_empty();
    let cluster = args.cluster.name.as_ref();
    let mut planes = planes::look(cluster, &args.names, all_consoles, access, now).await?;
    let (mut rows, missing) = planes.rows(&args.names, now);
    if !args.names.is_empty() && args.output.output != Output::Name {
        rows = ask::agents(
            &mut planes,
            rows,
            Question::Status,
            &args.reach,
            access.timeout,
            printer,
        )
        .await;
    }
    let observations = &planes.observations;
    let list = NodeStatusList::new(&planes.cluster, &planes.region, now, observations, rows);
    let output = args.output.output;
    let text = if args.names.is_empty() || output != Output::Table {
        render(&list, output, now, printer.data_color())?
    } else {
        node_page::pages(&list.items, now, printer.data_color())
    };
    written(printer.data_unless_empty(&text))?;
    comment(&list, observations, output, args.names.is_empty(), printer);
    let exit = exit(&list, args.reach.reach);
    if exit != Exit::Unchecked && !missing.is_empty() {
        return Err(Error::NoSuchNode {
            cluster: planes.cluster,
            names: missing,
        });
    }
    for name in missing {
        printer.warning(&format!("no plane that answered knows `{name}`"));
    }
    Ok(exit)
}

/// Who names a way wants that one: without its answer the node is not checked.
fn exit(list: &NodeStatusList, reach: Reach) -> Exit {
    let is_unanswered = |row: &Row| {
        let agent = row.agent.as_ref();
        agent.is_some_and(|answer| answer.document.is_none())
    };
    if reach != Reach::Auto && list.items.iter().any(is_unanswered) {
        return Exit::Unchecked;
    }
    list.exit()
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
    is_fleet: bool,
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
    // A page of one node has its own evidence and fix.
    if !is_fleet && output == Output::Table {
        return;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::fixture;
    use crate::reach::agent::Answer;

    #[test]
    fn a_way_that_was_asked_for_and_gave_no_answer_leaves_the_node_unchecked() {
        let unanswered = Answer::default();
        let row = fixture::rows().remove(1);
        let row = fleet::answered(row, unanswered, None, Reach::Ssm);
        let observations = fixture::observations();
        let now = fixture::now();
        let list = NodeStatusList::new("prod", "us-east-1", now, &observations, vec![row]);
        assert_eq!(exit(&list, Reach::Ssm), Exit::Unchecked);
        assert_eq!(exit(&list, Reach::Auto), Exit::Ok);
    }
}
