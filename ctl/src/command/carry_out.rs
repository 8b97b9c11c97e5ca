//! From a plan to its end: asked, run with its progress on standard error, told.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use jiff::Timestamp;

use super::error::Error;
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
use crate::print::Printer;
use crate::print::progress::ending::ending;
use crate::print::progress::live::Live;

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
    let _unseen = io::stderr().flush();
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

/// Runs a plan to its end, shows how far it is, and says how it ended.
pub(super) async fn carry_out(
    plan: &Plan,
    ground: &Ground,
    nodes: Nodes<'_>,
    hands: AwsHands,
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
                Ok(planes.rows(&[], now).0)
            }
        })
    });
    let steps = graph::count(plan)?;
    let mut live = Live::new(printer, steps);
    let report = run::run(
        plan,
        Arc::new(hands),
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
