//! The command line: commands, flags, their environment variables and their help.
//!
//! Every flag of a command that a person types has a `NODECTL_…` variable. `nodectl token` has none of its own: it is run by
//! other programs, whose environment must not change what it prints.

mod agent;
mod change;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use node::max_pods::CniVersion;

use crate::observe::aws::Access;
use crate::print::Color;

pub use agent::{DiagnoseArgs, LogsArgs, ReachFlags};
pub use change::{
    ApplyArgs, ChangeFlags, ConfigArgs, ConfigCheckArgs, ConfigWhat, ConvertArgs, DeleteArgs,
    ExplainSpecArgs, ExportArgs, FileFlag, GetArgs, PlanArgs, PlanOutput, ScaleArgs,
    ScaleNodegroupArgs, ScaleWhat, What,
};

/// Makes an EKS cluster and its node groups from one file, and asks every worker node how it is.
#[derive(Debug, Parser)]
#[command(name = "nodectl", version, disable_help_subcommand = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// Where the cluster is and who asks.
    #[command(flatten)]
    pub access: AccessFlags,
    /// When to use colour
    #[arg(long, global = true, env = "NODECTL_COLOR", hide_env_values = true, value_enum, default_value_t, help_heading = GLOBAL)]
    pub color: Color,
    /// Log to standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = GLOBAL)]
    pub verbose: u8,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const GLOBAL: &str = "Global options";
const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 unhealthy, 4 could not check, 5 plan has changes, 6 timeout, 7 conflict, 130 interrupted";

/// Flags of every command that asks AWS or Kubernetes.
#[derive(Debug, Clone, Args)]
pub struct AccessFlags {
    /// Kubeconfig file, instead of KUBECONFIG and ~/.kube/config
    #[arg(long, global = true, value_name = "FILE", env = "NODECTL_KUBECONFIG", hide_env_values = true, help_heading = GLOBAL)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of the current one
    #[arg(long, global = true, value_name = "NAME", env = "NODECTL_CONTEXT", hide_env_values = true, help_heading = GLOBAL)]
    pub context: Option<String>,
    /// AWS profile
    #[arg(long, global = true, value_name = "NAME", env = "NODECTL_PROFILE", hide_env_values = true, help_heading = GLOBAL)]
    pub profile: Option<String>,
    /// AWS region
    #[arg(long, global = true, value_name = "REGION", env = "NODECTL_REGION", hide_env_values = true, help_heading = GLOBAL)]
    pub region: Option<String>,
    /// IAM role to assume first
    #[arg(long, global = true, value_name = "ARN", env = "NODECTL_ROLE_ARN", hide_env_values = true, help_heading = GLOBAL)]
    pub role_arn: Option<String>,
    /// Longest wait for one answer, such as 15s or 2m
    #[arg(long, global = true, value_name = "DURATION", env = "NODECTL_TIMEOUT", hide_env_values = true, default_value = "15s", value_parser = duration, help_heading = GLOBAL)]
    pub timeout: Duration,
}

impl AccessFlags {
    /// The part that AWS needs.
    pub fn aws(&self) -> Access {
        Access {
            profile: self.profile.clone(),
            context_profile: None,
            region: self.region.clone(),
            role_arn: self.role_arn.clone(),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text
        .parse::<jiff::SignedDuration>()
        .map_err(|error| error.to_string())?;
    Duration::try_from(parsed)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| format!("`{text}` is not longer than nothing"))
}

/// What a command prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people
    #[default]
    Table,
    /// More columns
    Wide,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
    /// Names only, one a line
    Name,
}

/// The flag `-o`.
#[derive(Debug, Clone, Copy, Args)]
pub struct OutputFlag {
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        env = "NODECTL_OUTPUT",
        hide_env_values = true
    )]
    pub output: Output,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show what apply would do: every change in its order, its cost and the addresses that it takes
    Plan(PlanArgs),
    /// Make AWS as cluster.yaml says: the cluster, its network, roles, add-ons and node groups
    Apply(ApplyArgs),
    /// Delete all that was made for a cluster, and prove that nothing is left
    Delete(DeleteArgs),
    /// List clusters, node groups or add-ons
    Get(GetArgs),
    /// Change how many nodes a node group has
    Scale(ScaleArgs),
    /// Show every node of a cluster, also instances that never became a Node, and why
    Status(StatusArgs),
    /// Look at one node from all sides, from its instance up to its agent, and say what is wrong and what to do
    Diagnose(DiagnoseArgs),
    /// Print what the kubelet and other watched units of a node wrote
    Logs(LogsArgs),
    /// Write a context for a cluster into the kubeconfig
    Kubeconfig(KubeconfigArgs),
    /// Print a bearer token for a cluster; the credential plugin of kubectl
    Token(TokenArgs),
    /// Show how many pods instance types can hold
    MaxPods(MaxPodsArgs),
    /// Explain a finding: its cause and what to do
    Explain(ExplainArgs),
    /// Explain the fields of cluster.yaml and their defaults
    ExplainSpec(ExplainSpecArgs),
    /// Check a cluster.yaml, or print its schema
    Config(ConfigArgs),
    /// Write the cluster.yaml of a cluster that is there
    Export(ExportArgs),
    /// Make a cluster.yaml of a `ClusterConfig` of eksctl
    Convert(ConvertArgs),
    /// Print the completion script of a shell
    Completion(CompletionArgs),
    /// Print the version
    Version(VersionArgs),
}

impl Command {
    /// Whether it looks after Ctrl-C by itself: what it changes in AWS is not left in the middle of a call.
    pub fn finishes_what_it_began(&self) -> bool {
        matches!(self, Self::Apply(_) | Self::Delete(_) | Self::Scale(_))
    }
}

/// The flag of every command that asks about the nodes of a cluster.
#[derive(Debug, Clone, Args)]
pub struct ClusterFlag {
    /// EKS cluster, instead of the one of the context
    #[arg(
        id = "cluster",
        long,
        value_name = "NAME",
        env = "NODECTL_CLUSTER",
        hide_env_values = true
    )]
    pub name: Option<String>,
}

/// `nodectl status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Only these: Node names, instance ids or private addresses
    #[arg(value_name = "NODE|INSTANCE_ID")]
    pub names: Vec<String>,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterFlag,
    /// How the agents of named nodes are asked.
    #[command(flatten)]
    pub reach: ReachFlags,
    /// Output format.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// `nodectl kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// EKS cluster
    #[arg(
        long,
        visible_alias = "cluster",
        value_name = "CLUSTER",
        env = "NODECTL_CLUSTER",
        hide_env_values = true
    )]
    pub name: String,
    /// Name of the context, instead of the cluster's ARN
    #[arg(
        long,
        value_name = "NAME",
        env = "NODECTL_ALIAS",
        hide_env_values = true
    )]
    pub alias: Option<String>,
    /// Print the entries instead of writing them
    #[arg(long, env = "NODECTL_DRY_RUN", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub dry_run: bool,
}

/// `nodectl token`.
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// EKS cluster
    #[arg(long, visible_alias = "cluster", value_name = "CLUSTER")]
    pub cluster_name: String,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    pub output: TokenOutput,
    /// Print the token only
    #[arg(long)]
    pub raw: bool,
}

/// What `nodectl token` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TokenOutput {
    /// The document that the `exec` section of a kubeconfig expects
    #[default]
    Json,
}

/// `nodectl max-pods`.
#[derive(Debug, Args)]
pub struct MaxPodsArgs {
    /// Instance types, such as m5.large
    #[arg(value_name = "TYPE")]
    pub types: Vec<String>,
    /// Instance types, as max-pods-calculator.sh had them
    #[arg(long, value_name = "TYPE", required_unless_present_any = ["types", "all"], num_args = 1.., value_delimiter = ',', env = "NODECTL_INSTANCE_TYPE", hide_env_values = true)]
    pub instance_type: Vec<String>,
    /// Every known type
    #[arg(long, env = "NODECTL_ALL", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub all: bool,
    /// Version of the VPC CNI; below 1.9 it has no prefix delegation
    #[arg(
        long,
        value_name = "VERSION",
        env = "NODECTL_CNI_VERSION",
        hide_env_values = true
    )]
    pub cni_version: Option<CniVersion>,
    /// The VPC CNI has custom networking: the primary interface is not for pods
    #[arg(long, env = "NODECTL_CNI_CUSTOM_NETWORKING_ENABLED", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub cni_custom_networking_enabled: bool,
    /// The VPC CNI has prefix delegation: sixteen pods in the place of one, on Nitro instances
    #[arg(long, env = "NODECTL_CNI_PREFIX_DELEGATION_ENABLED", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub cni_prefix_delegation_enabled: bool,
    /// Most interfaces that the VPC CNI attaches
    #[arg(
        long,
        value_name = "NUMBER",
        env = "NODECTL_CNI_MAX_ENI",
        hide_env_values = true
    )]
    pub cni_max_eni: Option<u32>,
    /// Interfaces that are not for pods, beside the one of custom networking
    #[arg(
        long,
        value_name = "NUMBER",
        default_value_t = 0,
        env = "NODECTL_RESERVED_ENIS",
        hide_env_values = true
    )]
    pub reserved_enis: u32,
    /// CEL expression over `max_pods`, `default_enis`, `ips_per_eni`, `vcpus` and `physical_memory_mib`
    #[arg(
        long,
        value_name = "CEL",
        env = "NODECTL_MAX_PODS_EXPRESSION",
        hide_env_values = true
    )]
    pub max_pods_expression: Option<String>,
    /// Whether to keep to what Kubernetes recommends
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "NODECTL_CAP",
        hide_env_values = true
    )]
    pub cap: Cap,
    /// No cap whatever --cap says; for scripts that were written for max-pods-calculator.sh
    #[arg(long, env = "NODECTL_SHOW_MAX_ALLOWED", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub show_max_allowed: bool,
    /// Output format.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// Whether max pods is kept to what Kubernetes recommends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Cap {
    /// As many pods as there are addresses, as the agent counts unless told otherwise
    #[default]
    None,
    /// At most 110 pods, and 250 on more than 30 vCPUs
    Recommended,
}

/// `nodectl explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Code of a finding, such as join.unauthorized; none lists all
    pub code: Option<String>,
    /// Output format.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// `nodectl completion`.
#[derive(Debug, Args)]
pub struct CompletionArgs {
    /// Shell
    pub shell: Shell,
}

/// `nodectl version`.
#[derive(Debug, Args)]
pub struct VersionArgs {
    /// Output format.
    #[command(flatten)]
    pub output: OutputFlag,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn help(path: &[&str]) -> String {
        let mut command = Cli::command().term_width(110);
        command.build();
        let mut command = &mut command;
        for name in path {
            command = command.find_subcommand_mut(name).unwrap();
        }
        command.clone().term_width(110).render_help().to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_the_program() {
        insta::assert_snapshot!(help(&[]));
    }

    #[test]
    fn help_of_every_command() {
        let names = [
            "plan",
            "apply",
            "delete",
            "get",
            "scale",
            "status",
            "diagnose",
            "logs",
            "kubeconfig",
            "token",
            "max-pods",
            "explain",
            "explain-spec",
            "config",
            "export",
            "convert",
            "completion",
            "version",
        ];
        insta::assert_snapshot!(names.map(|name| help(&[name])).join("\n"));
    }

    #[test]
    fn every_flag_of_a_person_has_a_variable() {
        let mut command = Cli::command();
        command.build();
        for command in command
            .get_subcommands()
            .filter(|command| command.get_name() != "token")
            .chain([&command])
        {
            for flag in command
                .get_arguments()
                .filter(|argument| argument.get_long().is_some())
            {
                let name = flag.get_long().unwrap_or_default();
                // `--verbose` counts; its variable is the filter NODECTL_LOG.
                if ["help", "version", "verbose"].contains(&name) {
                    continue;
                }
                let variable = flag
                    .get_env()
                    .map(|variable| variable.to_string_lossy().into_owned());
                assert!(
                    variable.is_some_and(|variable| variable.starts_with("NODECTL_")),
                    "--{name}"
                );
            }
        }
    }

    #[test]
    fn durations_have_a_unit_and_are_not_empty() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("2m"), Ok(Duration::from_mins(2)));
        assert!(duration("0s").is_err() && duration("-3s").is_err() && duration("7").is_err());
    }
}
