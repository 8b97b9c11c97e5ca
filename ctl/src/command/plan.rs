//! `nodectl plan`: what apply would do.

use super::cluster_file::ClusterFile;
use super::error::{Error, written};
use super::ground::Ground;
use crate::apply::file;
use crate::cli::{AccessFlags, PlanArgs, PlanOutput};
use crate::exit::Exit;
use crate::plan::saved::PlanDocument;
use crate::print::{Printer, document, plan_page};

pub(super) async fn run(
    args: &PlanArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let mut cluster = ClusterFile::read(&args.file.file, printer)?;
    cluster.name(false, printer)?;
    let ground = Ground::new(access, cluster.cluster.metadata.region.as_deref()).await?;
    let choices = ground.choices(&cluster, printer).await?;
    let plan = ground.plan(&cluster, &choices).await?;
    let saved = PlanDocument::new(plan, choices.vpc.as_ref());
    let text = match args.output {
        PlanOutput::Text => plan_page::page(&saved, printer.data_color()),
        PlanOutput::Markdown => plan_page::markdown(&saved),
        PlanOutput::Json => document::json(&saved)?,
    };
    written(printer.data(&text))?;
    if let Some(path) = &args.out {
        let text = document::json(&saved)?;
        file::replace(path, file::PRIVATE, text.as_bytes()).map_err(|source| Error::File {
            act: "writing",
            path: path.clone(),
            source,
        })?;
        printer.note(&format!(
            "saved; `nodectl apply --plan {}` does exactly this, as long as AWS stays as it is",
            path.display()
        ));
    }
    Ok(if args.detailed_exitcode && !saved.plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Ok
    })
}
