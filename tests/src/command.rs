//! What a person types: the command line of `lab`, and what each command does with the library. Data goes to standard
//! output, progress to standard error; an error says what to do next.

mod error;
mod node;
mod run;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::error::CommandError;
use crate::{
    bench::Part,
    cluster::{AtStart, NODE_ROLE},
    demo, guard,
    layout::{Cache, DEFAULT_NAME, Layout},
    lifecycle::{self, Lab},
    progress, setup,
};

/// Real kubelets join a real API server on this machine, without an AWS account.
#[derive(Debug, Parser)]
#[command(name = "lab", disable_help_subcommand = true, after_help = AFTER)]
pub struct Cli {
    /// Which lab; several can run at once
    #[arg(long, global = true, value_name = "NAME", env = "NODECTL_LAB", hide_env_values = true, default_value = DEFAULT_NAME)]
    pub name: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "The lab needs root. It adds nothing to the host's network, and `lab down` leaves nothing of it.\n\
    What is built once is kept in ~/.cache/nodectl/lab (NODECTL_CACHE).";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Install and build what labs need; every other command does it too
    Setup,
    /// Bring the lab up: control plane, AWS, network
    Up {
        /// Have no cluster in EKS yet: `CreateCluster` with this name makes it, by default the lab's. Its control plane runs
        /// all the same
        #[arg(long, value_name = "NAME", num_args = 0..=1, require_equals = true)]
        no_cluster: Option<Option<String>>,
    },
    /// Add, remove, list or enter machines
    #[command(subcommand)]
    Node(NodeCommand),
    /// Run a program in the lab's network, as the cluster's administrator
    Exec(ExecArgs),
    /// Show the log of a process of the lab; without a name list them
    Logs(LogsArgs),
    /// End every process of the lab and remove all that belongs to it
    Down,
    /// Show it all: two nodes join, a third one cannot, `nodectl status` says why
    Demo(DemoArgs),
    /// Time and memory of the config phase, of a token, of a scan and of the daemon
    Bench {
        /// What to measure; all of it if nothing is named
        #[arg(value_name = "PART")]
        parts: Vec<Part>,
        /// The `nodeagent` to measure; the one of this build if none is given
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
    },
    /// Run a program and print what it took, JSON (a process of `lab bench`)
    #[command(hide = true)]
    Measure {
        /// The program with its arguments.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<OsString>,
    },
    /// Serve the AWS side (a process of the lab)
    #[command(hide = true)]
    Serve {
        /// The configuration, JSON.
        config: PathBuf,
    },
    /// Make machines of EC2's instances (a process of the lab)
    #[command(hide = true)]
    MachineController,
    /// Take the lab down when standard input ends (a process of the lab)
    #[command(hide = true)]
    Guard,
}

/// `lab node`.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Add machines and print their names
    Add(AddArgs),
    /// Terminate machines
    Rm {
        /// Names, instance ids or node names
        #[arg(required = true, value_name = "MACHINE")]
        machines: Vec<String>,
    },
    /// List machines
    List {
        /// Output format
        #[arg(short, long, value_enum, default_value_t)]
        output: Output,
    },
    /// Open a shell in a machine, or run a program in it
    Shell {
        /// Name, instance id or node name
        machine: String,
        /// The program; a shell if none is given
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<OsString>,
    },
}

/// `lab node add`.
#[derive(Debug, Args)]
pub struct AddArgs {
    /// Instance type
    #[arg(long = "type", value_name = "TYPE", default_value = "m5.large")]
    pub instance_type: String,
    /// User data; `${CLUSTER_NAME}`, `${API_SERVER_ENDPOINT}`, `${CERTIFICATE_AUTHORITY}` and `${SERVICE_CIDR}` are
    /// filled in. By default what an EKS managed node group writes
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    /// IAM role; one other than the default is created and has no access entry, so its nodes are refused
    #[arg(long, value_name = "NAME", default_value = NODE_ROLE)]
    pub role: String,
    /// Major version of containerd: Debian's 1.7, or 2 built from its Go module
    #[arg(long, value_name = "MAJOR", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    pub containerd: u8,
    /// Put the agent in the place of nodeadm, on an image as AWS makes it
    #[arg(long)]
    pub nodeadm: bool,
    /// Boot as Amazon Linux 2023 does: systemd 252, and cloud-init reads the user data too
    #[arg(long)]
    pub cloud_init: bool,
    /// How many
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=50))]
    pub count: u8,
    /// Wait until the nodes are Ready
    #[arg(long)]
    pub wait: bool,
}

/// How machines are listed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Output {
    /// Columns for people
    #[default]
    Table,
    /// One JSON document
    Json,
}

/// `lab exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The program with its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "PROGRAM"
    )]
    pub program: Vec<OsString>,
}

/// `lab logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// A process of the lab, such as kube-apiserver, or a machine, for its console
    pub process: Option<String>,
}

/// `lab demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave the lab running at the end
    #[arg(long)]
    pub keep: bool,
}

/// Does what the command line says; returns the exit status.
pub fn run(cli: &Cli) -> Result<u8, CommandError> {
    if let Command::Measure { program } = &cli.command {
        return run::measure(program).map(|()| 0);
    }
    let cache = Cache::from_environment()?;
    let layout = cache.lab(&cli.name)?;
    match &cli.command {
        Command::Serve { config } => return run::serve(config).map(|()| 0),
        Command::Guard => return Ok(guard::watch(&layout).map(|()| 0)?),
        Command::Bench { parts, program } => {
            return run::bench(&cache, parts, program.as_deref()).map(|()| 0);
        }
        _ => setup::require_root()?,
    }
    match &cli.command {
        Command::Setup => setup::all(&cache)?,
        Command::Up { no_cluster } => up(&cache, &layout, no_cluster.as_ref())?,
        Command::Down => {
            lifecycle::down(&layout)?;
            let left = lifecycle::leftovers(&layout)?;
            if !left.is_empty() {
                return Err(CommandError::Leftovers { left });
            }
        }
        Command::Node(command) => return node::run(&Lab::open(&layout)?, command),
        Command::Exec(arguments) => return run::exec(&Lab::open(&layout)?, &arguments.program),
        Command::MachineController => run::machine_controller(&Lab::open(&layout)?)?,
        Command::Logs(arguments) => run::logs(&layout, arguments.process.as_deref())?,
        Command::Demo(arguments) => demo::run(&cache, &layout, arguments.keep)?,
        Command::Bench { .. }
        | Command::Measure { .. }
        | Command::Serve { .. }
        | Command::Guard => {}
    }
    Ok(0)
}

fn up(
    cache: &Cache,
    layout: &Layout,
    no_cluster: Option<&Option<String>>,
) -> Result<(), CommandError> {
    setup::all(cache)?;
    let name = layout.name();
    if let Some(cluster) = no_cluster {
        let cluster = cluster.as_deref().unwrap_or(name);
        Lab::up(layout, AtStart::Absent(cluster))?;
        progress::say(&format_args!(
            "lab `{name}` is up: EKS has no cluster until somebody creates `{cluster}`"
        ));
    } else {
        let lab = Lab::up(layout, AtStart::Active)?;
        let endpoint = lab.cluster.endpoint();
        progress::say(&format_args!(
            "lab `{name}` is up: cluster `{name}` at {endpoint}\nnext: lab node add"
        ));
    }
    Ok(())
}
