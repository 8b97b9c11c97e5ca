//! The `nodectl` program: reads the command line, runs one command, ends with its exit code.

use std::process::ExitCode;

use clap::Parser;
use nodectl::cli::Cli;
use nodectl::command;
use nodectl::exit::Exit;
use nodectl::print::{self, Printer};

fn main() -> ExitCode {
    // Before anything can open a TLS connection; an earlier installation by a library would be the same provider.
    let _already_installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    print::tracing(cli.verbose);
    let mut printer = Printer::standard(cli.color);
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            printer.error(&format!("starting the runtime: {error}"));
            return Exit::Failed.into();
        }
    };
    let ends_at_once = !cli.command.finishes_what_it_began();
    let exit = runtime.block_on(async {
        tokio::select! {
            exit = command::run(cli, &mut printer) => exit,
            Ok(()) = tokio::signal::ctrl_c(), if ends_at_once => Exit::Interrupted,
        }
    });
    // A credential plugin that hangs must not keep a finished command alive.
    runtime.shutdown_background();
    exit.into()
}

/// Help and version are data on standard output and success; everything else is a usage error.
fn usage(error: &clap::Error) -> ExitCode {
    match error.print() {
        Err(write) if write.kind() != std::io::ErrorKind::BrokenPipe => Exit::Failed.into(),
        _ if error.use_stderr() => Exit::Usage.into(),
        _ => Exit::Ok.into(),
    }
}
