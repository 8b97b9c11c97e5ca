//! One module per verb. A verb uses the other rooms in order: observe, decide, apply, print.

mod apply;
mod carry_out;
mod cluster_file;
mod completion;
mod config;
mod convert;
mod delete;
mod diagnose;
mod error;
mod explain;
mod get;
mod ground;
mod kubeconfig;
mod logs;
mod max_pods;
mod plan;
mod planes;
mod scale;
mod status;
mod target;
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
        Command::Plan(args) => Box::pin(plan::run(args, access, printer)).await,
        Command::Apply(args) => Box::pin(apply::run(args, access, printer)).await,
        Command::Delete(args) => Box::pin(delete::run(args, access, printer)).await,
        Command::Get(args) => Box::pin(get::run(args, access, Timestamp::now(), printer)).await,
        Command::Scale(args) => Box::pin(scale::run(args, access, printer)).await,
        Command::Export(args) => Box::pin(convert::export(args, access, printer)).await,
        Command::Convert(args) => convert::run(args, printer),
        Command::Config(args) => config::run(args, printer),
        Command::ExplainSpec(args) => config::explain(args, printer),
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
