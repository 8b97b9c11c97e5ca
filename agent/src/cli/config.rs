//! `nodeagent config check|dump|explain|schema`.

mod check;
mod explain;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use node::chain::Chain;
use node::config::{schema, write};
use serde::Serialize;

use crate::host::imds::Imds;
use crate::host::root::Root;
use crate::source::{self, Loaded, cache};

use super::{Context, Exit, Sources, output};

/// A person waits: shorter than at boot.
const IMDS_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say everything that is wrong with the configuration
    Check(check::Options),
    /// Print the merged configuration
    Dump(Dump),
    /// Say which source set each field of the merged configuration
    Explain(explain::Options),
    /// Print the JSON schema of a kind of document
    Schema(Schema),
}

/// Form of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// JSON
    Json,
    /// YAML
    Yaml,
}

impl Format {
    fn text(self, document: &impl Serialize) -> Result<String, write::Error> {
        match self {
            Self::Json => write::json(document),
            Self::Yaml => write::yaml(document),
        }
    }
}

/// Where a dump goes, and in which form.
#[derive(Debug, Clone)]
enum Output {
    Standard(Format),
    File(PathBuf),
}

impl std::str::FromStr for Output {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "json" => Self::Standard(Format::Json),
            "yaml" => Self::Standard(Format::Yaml),
            path => Self::File(path.into()),
        })
    }
}

/// Options of `config dump`.
#[derive(Debug, Args)]
pub(super) struct Dump {
    #[command(flatten)]
    sources: Sources,
    /// Take the configuration that FILE keeps, if it is there
    #[arg(long, value_name = "FILE")]
    config_cache: Option<PathBuf>,
    /// Print `json` (the default) or `yaml`, or write JSON to FILE, which only its owner can read
    #[arg(
        short,
        long,
        value_name = "json|yaml|FILE",
        default_value = "json",
        hide_default_value = true
    )]
    output: Output,
}

/// Options of `config schema`.
#[derive(Debug, Args)]
pub(super) struct Schema {
    /// Kind of document
    #[arg(
        value_parser = schema::ALL.map(|definition| definition.kind),
        ignore_case = true,
        default_value = schema::NODE_CONFIG.kind
    )]
    kind: String,
}

pub(super) async fn run(context: &Context, command: &Command) -> Exit {
    match command {
        Command::Check(options) => check::run(context, options).await,
        Command::Dump(options) => dump(context, options).await,
        Command::Explain(options) => explain::run(context, options).await,
        Command::Schema(options) => print_schema(options),
    }
}

fn imds(context: &Context) -> Imds {
    Imds::new(context.environment.imds_endpoint.as_deref(), IMDS_DEADLINE)
}

async fn load(context: &Context, sources: &Sources) -> Result<Loaded, source::Error> {
    source::load(&context.root, &imds(context), &sources.sources, None).await
}

/// An error on standard error, and the exit code for it.
fn failed(error: &(dyn std::error::Error + 'static)) -> Exit {
    output::error(&Chain(error).to_string(), None);
    Exit::Failed
}

/// The file system in which a path of the command line is meant: `--root` for absolute ones.
pub(super) fn root_of(context: &Context, path: &Path) -> Root {
    if path.is_absolute() {
        context.root.clone()
    } else {
        Root::new(".")
    }
}

async fn dump(context: &Context, options: &Dump) -> Exit {
    let cached = match &options.config_cache {
        Some(file) => cache::read(&root_of(context, file), file),
        None => Ok(None),
    };
    let config = match cached {
        Ok(Some(config)) => config,
        Ok(None) => match load(context, &options.sources).await {
            Ok(loaded) => loaded.config,
            Err(error) => return failed(&error),
        },
        Err(error) => return failed(&error),
    };
    let document = cache::document(&config);
    match &options.output {
        Output::Standard(format) => print(*format, &document),
        Output::File(file) => match write::json(&document) {
            // Configuration can hold secrets.
            Ok(json) => match root_of(context, file).write(file, json.as_bytes(), 0o600) {
                Ok(_) => Exit::Ok,
                Err(error) => failed(&error),
            },
            Err(error) => failed(&error),
        },
    }
}

fn print(format: Format, document: &impl Serialize) -> Exit {
    match format.text(document) {
        Ok(text) => {
            output::data(&text);
            Exit::Ok
        }
        Err(error) => failed(&error),
    }
}

fn print_schema(options: &Schema) -> Exit {
    match schema::of_kind(&options.kind) {
        Some(definition) => print(Format::Json, &schema::json_schema(definition)),
        // The parser of the command line lets no other kind through.
        None => Exit::Failed,
    }
}
