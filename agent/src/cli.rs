//! The command line: what was asked, handed to the one function that does it, and its end as an exit code.

mod boot;
mod collect;
mod completion;
mod config;
pub mod daemon;
mod diagnose;
mod finding;
mod init;
mod logs;
mod max_pods;
pub mod output;
mod scan;
pub mod status;
mod token;
mod version;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::host::environment::Environment;
use crate::host::root::Root;
use crate::source::Location;

/// How a command ended. The numbers are part of the command line's contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well.
    Ok,
    /// It did not work.
    Failed,
    /// The node is not healthy.
    Unhealthy,
    /// It could not be checked.
    Unchecked,
    /// A deadline passed.
    Deadline,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Failed => 1,
            // 2 is a usage error, which clap ends with.
            Exit::Unhealthy => 3,
            Exit::Unchecked => 4,
            Exit::Deadline => 6,
        })
    }
}

/// The name under which the program was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Our own.
    Nodeagent,
    /// `nodeadm`: the same files and exit codes as AWS's program, and nothing beyond.
    Nodeadm,
}

impl Name {
    fn of(argument: Option<&std::ffi::OsStr>) -> Self {
        let name = argument.and_then(|path| Path::new(path).file_name());
        if name == Some("nodeadm".as_ref()) {
            Self::Nodeadm
        } else {
            Self::Nodeagent
        }
    }
}

/// Joins an EKS worker node to its cluster, or says exactly why it did not
#[derive(Debug, Parser)]
#[command(
    name = "nodeagent",
    version,
    disable_help_subcommand = true,
    propagate_version = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
struct Global {
    /// Log more: every retry and every call
    #[arg(long, global = true)]
    development: bool,
    /// Work on the file system below DIR instead of `/`
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        default_value = "/",
        hide_default_value = true
    )]
    root: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join this node to its cluster: write its configuration, start its daemons, wait until it is Ready
    Init(init::Options),
    /// Check or show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Watch this node for its whole life
    Daemon(daemon::Options),
    /// Show how this node is
    Status(status::Options),
    /// Look at this node from all sides now, without the daemon too, and say what is wrong and what to do
    Diagnose(diagnose::Options),
    /// Print what the watched units wrote, with findings marked where they open and clear
    Logs(logs::Options),
    /// Show how long each phase of this boot took, from the start of the kernel until the node was Ready
    Boot(boot::Options),
    /// Collect everything that is worth keeping of this node, without secrets, in one archive
    Collect(collect::Options),
    /// Say what findings the lines of a log would raise
    Scan(scan::Options),
    /// Print a token for the cluster, as the kubelet's exec credential
    Token(token::Options),
    /// Print how many pods instance types can hold
    MaxPods(max_pods::Options),
    /// Print the version
    Version(version::Options),
    /// Print a completion script
    Completion(completion::Options),
}

/// Options of every command that reads configuration.
#[derive(Debug, Args)]
struct Sources {
    /// Where configuration comes from; given several times, later wins: `imds://user-data` or `file:///PATH`
    #[arg(
        short = 'c',
        long = "config-source",
        value_name = "URI",
        default_value = "imds://user-data"
    )]
    sources: Vec<Location>,
}

/// What every command gets from outside.
#[derive(Debug)]
pub struct Context {
    /// Name under which we were called.
    pub name: Name,
    /// File system to work on.
    pub root: Root,
    /// The process environment.
    pub environment: Environment,
}

/// Runs the command that the process arguments ask for.
pub async fn run() -> ExitCode {
    let name = Name::of(std::env::args_os().next().as_deref());
    let called = if name == Name::Nodeadm {
        "nodeadm"
    } else {
        "nodeagent"
    };
    let arguments = std::env::args_os().map(|argument| match name {
        Name::Nodeagent => argument,
        Name::Nodeadm => with_two_dashes(argument),
    });
    let parsed = Cli::command()
        .name(called)
        .bin_name(called)
        .try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            drop(error.print());
            let code = u8::try_from(error.exit_code()).unwrap_or(2);
            // nodeadm has one code for everything that goes wrong.
            return ExitCode::from(if name == Name::Nodeadm {
                code.min(1)
            } else {
                code
            });
        }
    };
    log_to_stderr(cli.global.development);
    let context = Context {
        name,
        root: Root::new(cli.global.root),
        environment: Environment::read(|variable| std::env::var_os(variable)),
    };
    match cli.command {
        Command::Init(options) => init::run(&context, &options).await,
        Command::Config(command) => config::run(&context, &command).await,
        Command::Daemon(options) => daemon::run(&context, &options).await,
        Command::Status(options) => status::run(&context, &options).await,
        Command::Diagnose(options) => diagnose::run(&context, &options).await,
        Command::Logs(options) => logs::run(&context, &options).await,
        Command::Boot(options) => boot::run(&context, &options).await,
        Command::Collect(options) => collect::run(&context, &options).await,
        Command::Scan(options) => scan::run(&context, &options),
        Command::Token(options) => token::run(&context, &options).await,
        Command::MaxPods(options) => max_pods::run(&context, &options).await,
        Command::Version(options) => version::run(&options),
        Command::Completion(options) => completion::run(&options),
    }
    .into()
}

/// nodeadm takes its long flags with one dash as well.
fn with_two_dashes(argument: OsString) -> OsString {
    const LONG: [&str; 6] = [
        "config-cache",
        "config-source",
        "daemon",
        "development",
        "output",
        "skip",
    ];
    let is_long = argument.to_str().is_some_and(|text| {
        let name = text.strip_prefix('-').unwrap_or_default();
        LONG.contains(&name.split('=').next().unwrap_or_default())
    });
    if is_long {
        let mut two = OsString::from("-");
        two.push(argument);
        return two;
    }
    argument
}

/// Logs go to standard error, which units send to the journal; the journal adds the time.
fn log_to_stderr(development: bool) {
    let level = if development {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    };
    let asked = std::env::var("NODEAGENT_LOG")
        .ok()
        .and_then(|filter| filter.parse::<Targets>().ok());
    let format = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    tracing_subscriber::registry()
        .with(asked.unwrap_or_else(|| Targets::new().with_default(level)))
        .with(format)
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_flags_of_nodeadm_get_a_second_dash() {
        for (given, read) in [
            ("-skip", "--skip"),
            ("-config-source=file:///a", "--config-source=file:///a"),
            ("--skip", "--skip"),
            ("-s", "-s"),
            ("-drun", "-drun"),
            ("run", "run"),
        ] {
            assert_eq!(with_two_dashes(given.into()), read);
        }
    }
}
