//! `nodectl config` and `nodectl explain-spec`: what a `cluster.yaml` may hold, and what is wrong with one.

use super::cluster_file;
use super::error::{Error, written};
use crate::cli::{ConfigArgs, ConfigCheckArgs, ConfigWhat, ExplainSpecArgs};
use crate::exit::Exit;
use crate::print::Printer;
use crate::spec;

pub(super) fn run(args: &ConfigArgs, printer: &mut Printer) -> Result<Exit, Error> {
    match &args.what {
        ConfigWhat::Check(args) => check(args, printer),
        ConfigWhat::Schema => {
            written(printer.data(&spec::schema_text()))?;
            Ok(Exit::Ok)
        }
    }
}

fn check(args: &ConfigCheckArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let mut exit = Exit::Ok;
    for path in &args.files {
        let document = cluster_file::document(path)?;
        let (read, problems) = spec::checked(&document.name, &document.text, |cluster| {
            cluster_file::named_files(cluster, path)
        });
        cluster_file::tell(&problems, &document, printer);
        if read.is_none() {
            exit = Exit::Failed;
        } else {
            let warnings = match problems.len() {
                0 => String::new(),
                count => format!(", {count} to look at"),
            };
            printer.note(&format!("{}: ok{warnings}", document.name));
        }
    }
    Ok(exit)
}

pub(super) fn explain(args: &ExplainSpecArgs, printer: &mut Printer) -> Result<Exit, Error> {
    written(printer.data(&spec::explain(args.path.as_deref())?))?;
    Ok(Exit::Ok)
}
