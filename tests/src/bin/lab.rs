//! The program `lab`: reads the command line, does what it says, prints an error with its causes.

use std::{error::Error, process::ExitCode};

use clap::Parser;
use lab::{
    command::{self, Cli},
    progress,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    match command::run(&cli) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            progress::say(&format_args!("error: {}", chain(&error)));
            ExitCode::FAILURE
        }
    }
}

/// The error with its causes, as one sentence.
fn chain(error: &dyn Error) -> String {
    std::iter::successors(Some(error), |error| (*error).source())
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
