//! `nodectl convert` and `nodectl export`: a `cluster.yaml` of what others made.

use node::config::excerpt;

use super::cluster_file;
use super::error::{Error, written};
use super::ground::Ground;
use crate::cli::{AccessFlags, ConvertArgs, ExportArgs};
use crate::exit::Exit;
use crate::print::Printer;
use crate::spec;

pub(super) fn run(args: &ConvertArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let document = cluster_file::document(&args.file)?;
    let converted = match spec::convert::convert(&document.text) {
        Ok(converted) => converted,
        Err(problem) => {
            printer.note(&excerpt::render(&problem, std::slice::from_ref(&document)));
            return Err(Error::Spec {
                name: document.name,
            });
        }
    };
    written(printer.data(&converted.to_yaml(&document.name)?))?;
    for left_out in &converted.left_out {
        printer.warning(&format!("left out: {left_out}"));
    }
    Ok(Exit::Ok)
}

pub(super) async fn export(
    args: &ExportArgs,
    access: &AccessFlags,
    printer: &mut Printer,
) -> Result<Exit, Error> {
    let ground = Ground::new(access, None).await?;
    let found = ground.existing(&args.name).await?;
    let export = spec::export::export(&found);
    written(printer.data(&spec::to_yaml(&export.cluster)?))?;
    for left_out in &export.left_out {
        printer.warning(&format!("left out: {left_out}"));
    }
    Ok(Exit::Ok)
}
