//! `nodectl delete`: all that was made for a cluster goes, and that is proved.

use super::carry_out::{Nodes, carry_out, confirm};
use super::cluster_file::ClusterFile;
use super::error::{Error, within, written};
use super::ground::{self, Ground};
use crate::cli::{AccessFlags, DeleteArgs};
use crate::exit::Exit;
use crate::observe::leftovers::{Leftover, leftovers};
use crate::plan::change::{Action, Plan};
use crate::plan::deletion;
use crate::plan::saved::PlanDocument;
use crate::plan::wanted::wanted;
use crate::print::{Printer, Table, plan_page};
use crate::resource::{Observed, Owner, Wanted};

pub(super) async fn run(
    args: &DeleteArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let file = args
        .file
        .as_deref()
        .map(|path| ClusterFile::read(path, printer))
        .transpose()?;
    let metadata = file.as_ref().map(|file| &file.cluster.metadata);
    let name = match (&args.name, metadata) {
        (Some(name), _) => name.clone(),
        (None, Some(metadata)) => metadata.name.clone(),
        (None, None) => String::new(),
    };
    if name.is_empty() {
        return Err(Error::NothingNamed);
    }
    let region = metadata.and_then(|metadata| metadata.region.as_deref());
    let ground = Ground::new(access, region).await?;
    let origin = ground.origin(&name).await?;
    let mut journal = ground::journal(&origin.account, &origin.region, &name)?;
    // What carries no tags, such as a role in `aws-auth`, is only found by those who know what to look for.
    let wanted = match &file {
        Some(file) => {
            let choices = ground.choices(file, printer).await?;
            wanted(&file.cluster, &choices, &file.files)
        }
        None => Vec::new(),
    };
    let observed = ground.observe(&name, &wanted).await?;
    let plan = deletion::plan(&origin, &observed);
    let document = PlanDocument::new(plan, None);
    let plan = &document.plan;
    written(printer.data(&plan_page::page(&document, printer.data_color())))?;
    let left = look_for_leftovers(&ground, &name, &observed, access).await?;
    tell(
        &left,
        "made by Kubernetes or by hand, and not touched",
        printer,
    );
    if goes(plan) {
        confirm(&args.change, "Delete all of this?", &name, printer)?;
        let nodes = Nodes {
            access,
            is_awaited: false,
            is_drained: !args.drain.no_drain,
        };
        let report = carry_out(plan, &ground, nodes, &args.change, &mut journal, printer).await?;
        if report.exit() != Exit::Ok {
            let observed = ground.observe(&name, &wanted).await?;
            let left = look_for_leftovers(&ground, &name, &observed, access).await?;
            tell(&left, "in the way", printer);
            return Ok(report.exit());
        }
    }
    prove(&ground, &name, &wanted, access, printer).await
}

fn goes(plan: &Plan) -> bool {
    plan.changes
        .iter()
        .any(|change| change.action == Action::Delete)
}

/// Asks once more what is there.
async fn prove(
    ground: &Ground,
    name: &str,
    wanted: &[Wanted],
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let observed = ground.observe(name, wanted).await?;
    let ours: Vec<String> = observed
        .iter()
        .filter(|thing| thing.owner == Owner::Ours)
        .map(|thing| thing.address.to_string())
        .collect();
    let left = look_for_leftovers(ground, name, &observed, access).await?;
    tell(&left, "left behind by Kubernetes", printer);
    let region = ground.clients.aws.region();
    if !ours.is_empty() {
        return Err(Error::Left {
            cluster: name.to_owned(),
            what: ours,
        });
    }
    printer.note(&format!(
        "looked again: nothing that nodectl made for `{name}` is left in {region}"
    ));
    Ok(if left.is_empty() {
        Exit::Ok
    } else {
        Exit::Failed
    })
}

async fn look_for_leftovers(
    ground: &Ground,
    name: &str,
    observed: &[Observed],
    access: &AccessFlags,
) -> Result<Vec<Leftover>, Error> {
    let asked = leftovers(&ground.clients, name, observed);
    within(
        access.timeout * 4,
        "looking for what was left behind",
        asked,
    )
    .await
}

fn tell(left: &[Leftover], what: &str, printer: &mut Printer) {
    if left.is_empty() {
        return;
    }
    let count = match left.len() {
        1 => "1 thing is there".to_owned(),
        count => format!("{count} things are there"),
    };
    printer.warning(&format!("{count}, {what}:"));
    let mut table = Table::new(["WHAT", "ID", "WHY", "COMMAND"]);
    for leftover in left {
        table.push([
            leftover.what.as_str().into(),
            leftover.id.as_str().into(),
            leftover.why.as_str().into(),
            leftover.command.as_str().into(),
        ]);
    }
    printer.note(table.render(false).trim_end());
}
