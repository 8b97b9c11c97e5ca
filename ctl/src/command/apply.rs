//! `nodectl apply`: AWS becomes as `cluster.yaml` says.

use std::path::Path;

use super::carry_out::{Nodes, propose};
use super::cluster_file::{self, ClusterFile};
use super::error::Error;
use super::ground::{self, Ground};
use crate::apply::journal::Journal;
use crate::apply::stale;
use crate::cli::{AccessFlags, ApplyArgs};
use crate::exit::Exit;
use crate::plan::difference;
use crate::plan::saved::PlanDocument;
use crate::print::Printer;

pub(super) async fn run(
    args: &ApplyArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let (document, ground, mut journal) = match (&args.file, &args.plan) {
        (Some(file), _) => Box::pin(of_document(file, access, printer)).await?,
        (None, Some(plan)) => Box::pin(of_saved(plan, access)).await?,
        (None, None) => return Err(Error::NotConfirmed),
    };
    let nodes = Nodes {
        access,
        is_awaited: !args.no_nodes,
        is_drained: !args.drain.no_drain,
    };
    let proposed = propose(
        &document,
        &ground,
        nodes,
        &args.change,
        &mut journal,
        printer,
    );
    let Some(report) = proposed.await? else {
        return Ok(Exit::Ok);
    };
    if report.exit() == Exit::Ok {
        printer.hint(&format!(
            "`nodectl kubeconfig --name {0}` gets you in, `nodectl status --cluster {0}` shows every node",
            document.plan.cluster
        ));
    }
    Ok(report.exit())
}

/// A plan of a document, and the lock that it was made under.
async fn of_document(
    path: &Path,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<(PlanDocument, Ground, Journal), Error> {
    let mut file = ClusterFile::read(path, printer)?;
    file.name(true, printer)?;
    let ground = Ground::new(access, file.cluster.metadata.region.as_deref()).await?;
    let choices = ground.choices(&file, printer).await?;
    let journal = ground::journal(
        &choices.account,
        &choices.region,
        &file.cluster.metadata.name,
    )?;
    let plan = ground.plan(&file, &choices).await?;
    Ok((
        PlanDocument::new(plan, choices.vpc.as_ref()),
        ground,
        journal,
    ))
}

/// A saved plan that still is what would be done now.
async fn of_saved(
    path: &Path,
    access: &AccessFlags,
) -> Result<(PlanDocument, Ground, Journal), Error> {
    let text = cluster_file::document(path)?;
    let saved = PlanDocument::read(&text.name, &text.text)?;
    let plan = &saved.plan;
    let ground = Ground::new(access, Some(&plan.region)).await?;
    let origin = ground.origin(&plan.cluster).await?;
    let journal = ground::journal(&origin.account, &origin.region, &plan.cluster)?;
    let wanted = plan.wanted();
    let observed = ground.observe(&plan.cluster, &wanted).await?;
    let now = difference::plan(&origin, &wanted, &observed)?;
    stale::is_current(plan, &now)?;
    // The steps are those of now, whatever somebody wrote into the file.
    let saved = PlanDocument { plan: now, ..saved };
    Ok((saved, ground, journal))
}
