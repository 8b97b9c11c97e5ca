//! `nodeagent completion`.

use clap::{Args, CommandFactory as _};
use clap_complete::{Shell, generate};

use super::{Cli, Exit, output};

/// Options of `completion`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell
    shell: Shell,
}

pub(super) fn run(options: &Options) -> Exit {
    let mut script = Vec::new();
    generate(options.shell, &mut Cli::command(), "nodeagent", &mut script);
    output::data(&String::from_utf8_lossy(&script));
    Exit::Ok
}
