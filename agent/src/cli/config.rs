//! `nodeagent config check|dump`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use node::chain::Chain;
use node::config::check;

use crate::host::imds::Imds;
use crate::source::{self, Loaded, cache};

use super::{Context, Exit, Name, Sources, output};

/// A person waits: shorter than at boot.
const IMDS_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with the configuration
    Check(Check),
    /// Print the merged configuration
    Dump(Dump),
}

/// Options of `config check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    sources: Sources,
    /// Refuse what only deserves a warning; always so unless called as `nodeadm`
    #[arg(long)]
    strict: bool,
}

/// Options of `config dump`.
#[derive(Debug, Args)]
pub(super) struct Dump {
    #[command(flatten)]
    sources: Sources,
    /// Take the configuration that FILE keeps, if it is there
    #[arg(long, value_name = "FILE")]
    config_cache: Option<PathBuf>,
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: &Command) -> Exit {
    match command {
        Command::Check(options) => run_check(context, options).await,
        Command::Dump(options) => run_dump(context, options).await,
    }
}

async fn load(context: &Context, sources: &Sources) -> Result<Loaded, source::Error> {
    let imds = Imds::new(context.environment.imds_endpoint.as_deref(), IMDS_DEADLINE);
    source::load(&context.root, &imds, &sources.sources).await
}

async fn run_check(context: &Context, options: &Check) -> Exit {
    let loaded = match load(context, &options.sources).await {
        Ok(loaded) => loaded,
        Err(error) => {
            output::error(&Chain(&error).to_string(), None);
            return Exit::Failed;
        }
    };
    let strict = options.strict || context.name == Name::Nodeagent;
    let mut refused = false;
    for problem in check::check(&loaded.config) {
        refused |= strict || problem.prevents_start;
        output::error(&problem.to_string(), None);
    }
    for warning in &loaded.warnings {
        refused |= strict;
        output::warning(warning);
    }
    if refused { Exit::Failed } else { Exit::Ok }
}

async fn run_dump(context: &Context, options: &Dump) -> Exit {
    let cached = match &options.config_cache {
        Some(file) => cache::read(&context.root, file),
        None => Ok(None),
    };
    let config = match cached {
        Ok(Some(config)) => config,
        Ok(None) => match load(context, &options.sources).await {
            Ok(loaded) => loaded.config,
            Err(error) => {
                output::error(&Chain(&error).to_string(), None);
                return Exit::Failed;
            }
        },
        Err(error) => {
            output::error(&Chain(&error).to_string(), None);
            return Exit::Failed;
        }
    };
    let json = cache::to_json(&config);
    let Some(file) = &options.output else {
        output::data(&json);
        return Exit::Ok;
    };
    // Configuration can hold secrets.
    match context.root.write(file, json.as_bytes(), 0o600) {
        Ok(_) => Exit::Ok,
        Err(error) => {
            output::error(&Chain(&error).to_string(), None);
            Exit::Failed
        }
    }
}
