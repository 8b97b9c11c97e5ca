//! From a plan to its end: asked, run with its progress on standard error, told.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::OnceCell;

use super::error::{Error, written};
use super::ground::Ground;
use super::planes::Ways;
use crate::apply::hands::{self, Why};
use crate::apply::journal::Journal;
use crate::apply::nodes::{OfFleet, Seen};
use crate::apply::report::Report;
use crate::apply::resource::AwsHands;
use crate::apply::run::{self, Options};
use crate::apply::{graph, stop};
use crate::cli::{AccessFlags, ChangeFlags};
use crate::observe::aws::Access;
use crate::plan::change::{Change, Plan};
use crate::plan::saved::PlanDocument;
use crate::print::progress::ending::ending;
use crate::print::progress::live::Live;
use crate::print::{Printer, plan_page};
use crate::resource::{Kind, Status};

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

/// What a run has to do with nodes.
#[derive(Clone, Copy)]
pub(super) struct Nodes<'a> {
    /// How the cluster is asked for them.
    pub(super) access: &'a AccessFlags,
    /// Whether the groups that it makes or changes wait until their nodes are Ready.
    pub(super) is_awaited: bool,
    /// Whether the pods of self-managed groups that it deletes are moved first.
    pub(super) is_drained: bool,
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
    let fleet = Arc::new(Fleet {
        cluster: plan.cluster.clone(),
        access: of_cluster(nodes.access, ground),
        ways: OnceCell::new(),
    });
    let watch = OfFleet {
        see: move || {
            let fleet = Arc::clone(&fleet);
            async move { fleet.see().await }
        },
        is_awaited: nodes.is_awaited,
        is_drained: nodes.is_drained && has_cluster(plan),
    };
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

/// Whether there is a cluster whose nodes could have pods.
fn has_cluster(plan: &Plan) -> bool {
    let is_there = |change: &Change| {
        let observed = change.observed.as_ref();
        observed.is_some_and(|observed| observed.status != Status::Deleting)
    };
    plan.changes
        .iter()
        .any(|change| change.address.kind == Kind::Cluster && is_there(change))
}

/// The nodes of the cluster, seen again and again by ways that are loaded when the first one asks.
struct Fleet {
    cluster: String,
    access: AccessFlags,
    ways: OnceCell<Ways>,
}

impl Fleet {
    async fn see(&self) -> Result<Seen, hands::Error> {
        let now = Timestamp::now();
        let ways = self
            .ways
            .get_or_try_init(|| Ways::load(Some(&self.cluster), &self.access))
            .await
            .map_err(unanswered)?;
        Ok(Seen {
            rows: ways.rows(now).await.map_err(unanswered)?,
            connection: ways.connection(now).await.map_err(unanswered)?,
        })
    }
}

fn unanswered(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> hands::Error {
    hands::Error::new(Why::Unanswered, error)
}

/// The cluster is asked where it was made, whatever the context of the kubeconfig is.
fn of_cluster(access: &AccessFlags, ground: &Ground) -> AccessFlags {
    let Access { region, .. } = access.aws();
    AccessFlags {
        region: region.or_else(|| Some(ground.clients.aws.region().to_owned())),
        ..access.clone()
    }
}
