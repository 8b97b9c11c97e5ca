//! From a plan to its end: asked, run with its progress on standard error, told.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use jiff::Timestamp;

use super::error::{Error, written};
use super::ground::Ground;
use super::planes;
use crate::apply::hands::{self, Why};
use crate::apply::journal::Journal;
use crate::apply::nodes::OfFleet;
use crate::apply::report::Report;
use crate::apply::resource::AwsHands;
use crate::apply::run::{self, Options};
use crate::apply::{graph, stop};
use crate::cli::{AccessFlags, ChangeFlags};
use crate::observe::aws::Access;
use crate::plan::change::Plan;
use crate::plan::saved::PlanDocument;
use crate::print::progress::ending::ending;
use crate::print::progress::live::Live;
use crate::print::{Printer, plan_page};

/// Calls that are under way at once. EC2 and EKS let an account make some ten changes a second.
const CALLS: usize = 16;

/// Asks whether it is to be done, unless that was said. `word` is what a person types.
pub(super) fn confirm(
    flags: &ChangeFlags,
    question: &str,
    word: &str,
    printer: &mut Printer,
) -> Result<(), Error> {
    if flags.yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(Error::NotConfirmed);
    }
    printer.note(&format!("{question} Type `{word}` to go on:"));
    let mut line = String::new();
    io::stdin()
        .read_line(&mut line)
        .map_err(|source| Error::File {
            act: "reading",
            path: "standard input".into(),
            source,
        })?;
    if line.trim() == word {
        Ok(())
    } else {
        Err(Error::Declined)
    }
}

/// Which nodes a run waits for.
pub(super) enum Nodes<'a> {
    /// None.
    None,
    /// Those of the groups that it makes or changes, asked of the cluster with this access.
    Ready(&'a AccessFlags),
}

impl<'a> Nodes<'a> {
    /// Those of the groups, unless nobody waits for them.
    pub(super) fn unless(is_off: bool, access: &'a AccessFlags) -> Self {
        if is_off {
            Self::None
        } else {
            Self::Ready(access)
        }
    }
}

/// Shows a plan, asks, and runs it; none when there is nothing to do.
pub(super) async fn propose(
    document: &PlanDocument,
    ground: &Ground,
    nodes: Nodes<'_>,
    flags: &ChangeFlags,
    journal: &mut Journal,
    printer: &mut Printer,
) -> Result<Option<Report>, Error> {
    let page = plan_page::page(document, printer.data_color());
    written(printer.data(&page))?;
    let plan = &document.plan;
    if plan.is_empty() {
        return Ok(None);
    }
    confirm(flags, "Do this?", "yes", printer)?;
    let report = carry_out(plan, ground, nodes, flags, journal, printer).await?;
    Ok(Some(report))
}

/// Runs a plan to its end, shows how far it is, and says how it ended.
pub(super) async fn carry_out(
    plan: &Plan,
    ground: &Ground,
    nodes: Nodes<'_>,
    flags: &ChangeFlags,
    journal: &mut Journal,
    printer: &mut Printer,
) -> Result<Report, Error> {
    let stop = stop::of_signals().map_err(|source| Error::Signals { source })?;
    let options = Options {
        deadline: Some(flags.deadline),
        stop,
        calls: CALLS,
    };
    let access = match nodes {
        Nodes::None => None,
        Nodes::Ready(access) => Some(of_cluster(access, ground)),
    };
    let cluster = plan.cluster.clone();
    let watch = access.map(|access| {
        OfFleet(move || {
            let (access, cluster) = (access.clone(), cluster.clone());
            async move {
                let now = Timestamp::now();
                let looked = planes::look(Some(&cluster), &[], false, &access, now).await;
                let planes = looked.map_err(|error| hands::Error::new(Why::Unanswered, error))?;
                // Where no Node can be listed nothing is known of any, as behind a private endpoint.
                if let Some(error) = planes.observations.nodes.error() {
                    return Err(hands::Error::new(Why::Unanswered, error.clone()));
                }
                Ok(planes.rows(&[], now).0)
            }
        })
    });
    let steps = graph::count(plan)?;
    let mut live = Live::new(printer, steps);
    let report = run::run(
        plan,
        Arc::new(AwsHands::new(ground.clients.clone())),
        Arc::new(watch),
        journal,
        options,
        &mut live,
    )
    .await;
    drop(live);
    let report = report?;
    ending(&report).print(printer);
    Ok(report)
}

/// The cluster is asked where it was made, whatever the context of the kubeconfig is.
fn of_cluster(access: &AccessFlags, ground: &Ground) -> AccessFlags {
    let Access { region, .. } = access.aws();
    AccessFlags {
        region: region.or_else(|| Some(ground.clients.aws.region().to_owned())),
        ..access.clone()
    }
}
