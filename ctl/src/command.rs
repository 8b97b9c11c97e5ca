//! One module per verb. A verb uses the other rooms in order: observe, decide, apply, print.

mod completion;
mod diagnose;
mod error;
mod explain;
mod kubeconfig;
mod logs;
mod max_pods;
mod planes;
mod status;
mod token;
mod version;

pub use error::Error;

use jiff::Timestamp;
use node::chain::Chain;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::print::Printer;

/// Runs one command to its end. Errors are printed with their causes and with what to do next.
pub async fn run(cli: Cli, printer: &mut Printer) -> Exit {
    let access = &cli.access;
    let outcome = match &cli.command {
        Command::Status(args) => status::run(args, access, Timestamp::now(), printer).await,
        Command::Diagnose(args) => diagnose::run(args, access, Timestamp::now(), printer).await,
        Command::Logs(args) => logs::run(args, access, Timestamp::now(), printer).await,
        Command::Kubeconfig(args) => kubeconfig::run(args, access, printer).await,
        Command::Token(args) => token::run(args, access, Timestamp::now(), printer).await,
        Command::MaxPods(args) => max_pods::run(args, printer),
        Command::Explain(args) => explain::run(args, printer),
        Command::Completion(args) => completion::run(args, printer),
        Command::Version(args) => version::run(args, printer),
    };
    match outcome {
        Ok(exit) => exit,
        // Whoever read our output has seen enough, as in `nodectl status | head`.
        Err(error) if error.is_broken_pipe() => Exit::Ok,
        Err(error) => {
            printer.error(&Chain(&error).to_string());
            for hint in error.hints() {
                printer.hint(&hint);
            }
            error.exit()
        }
    }
}
