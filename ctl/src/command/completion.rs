//! `nodectl completion`: the script of a shell.

use clap::CommandFactory;

use super::error::{Error, written};
use crate::cli::{Cli, CompletionArgs};
use crate::exit::Exit;
use crate::print::Printer;

pub(super) fn run(args: &CompletionArgs, printer: &mut Printer) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    written(printer.data(&String::from_utf8_lossy(&script)))?;
    Ok(Exit::Ok)
}
