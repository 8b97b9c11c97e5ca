//! Flags of the commands that read `cluster.yaml` and change AWS.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::{OutputFlag, duration};

/// The flag of every command that reads a `cluster.yaml`.
#[derive(Debug, Clone, Args)]
pub struct FileFlag {
    /// The cluster and its node groups: a `cluster.yaml`, `-` for standard input
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "NODECTL_FILE",
        hide_env_values = true
    )]
    pub file: PathBuf,
}

/// `nodectl plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which document.
    #[command(flatten)]
    pub file: FileFlag,
    /// Save the plan, for `nodectl apply --plan`
    #[arg(long, value_name = "FILE", env = "NODECTL_OUT", hide_env_values = true)]
    pub out: Option<PathBuf>,
    /// Exit with 5 when there are changes
    #[arg(long, env = "NODECTL_DETAILED_EXITCODE", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub detailed_exitcode: bool,
    /// Output format
    #[arg(
        short,
        long,
        value_enum,
        default_value_t,
        env = "NODECTL_OUTPUT",
        hide_env_values = true
    )]
    pub output: PlanOutput,
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PlanOutput {
    /// A page for people
    #[default]
    Text,
    /// One JSON document
    Json,
    /// For a change request
    Markdown,
}

/// Flags of the commands that change AWS.
#[derive(Debug, Clone, Args)]
pub struct ChangeFlags {
    /// Do not ask
    #[arg(short, long, env = "NODECTL_YES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub yes: bool,
    /// Longest time for all of it, such as 40m; what is under way then goes on in AWS, and the next run finds it
    #[arg(long, value_name = "DURATION", env = "NODECTL_DEADLINE", hide_env_values = true, default_value = "60m", value_parser = duration)]
    pub deadline: Duration,
}

/// `nodectl apply`.
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The cluster and its node groups: a `cluster.yaml`, `-` for standard input
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "NODECTL_FILE",
        hide_env_values = true,
        required_unless_present = "plan"
    )]
    pub file: Option<PathBuf>,
    /// A plan that `nodectl plan --out` saved; refused when AWS has changed since
    #[arg(
        long,
        value_name = "FILE",
        env = "NODECTL_PLAN",
        hide_env_values = true,
        conflicts_with = "file"
    )]
    pub plan: Option<PathBuf>,
    /// Do not wait until nodes are Ready
    #[arg(long, env = "NODECTL_NO_NODES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub no_nodes: bool,
    /// Whether nodes are drained.
    #[command(flatten)]
    pub drain: DrainFlag,
    /// Flags of every change.
    #[command(flatten)]
    pub change: ChangeFlags,
}

/// The flag of every command that deletes node groups.
#[derive(Debug, Clone, Args)]
pub struct DrainFlag {
    /// Delete self-managed nodes without moving their pods first; those of managed groups are drained by EKS
    #[arg(long, env = "NODECTL_NO_DRAIN", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub no_drain: bool,
}

/// `nodectl delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Name of the cluster whose things are deleted: all that nodectl made for it, and nothing else
    #[arg(value_name = "CLUSTER", required_unless_present = "file")]
    pub name: Option<String>,
    /// The `cluster.yaml` that it was made of
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "NODECTL_FILE",
        hide_env_values = true,
        conflicts_with = "name"
    )]
    pub file: Option<PathBuf>,
    /// Whether nodes are drained.
    #[command(flatten)]
    pub drain: DrainFlag,
    /// Flags of every change.
    #[command(flatten)]
    pub change: ChangeFlags,
}

/// `nodectl get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// What is listed
    #[arg(value_enum)]
    pub what: What,
    /// Only these
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: super::ClusterFlag,
    /// Output format.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// What `nodectl get` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Clusters of the region
    #[value(alias = "cluster")]
    Clusters,
    /// Node groups of a cluster, managed and self-managed
    #[value(aliases = ["nodegroup", "ng"])]
    Nodegroups,
    /// Add-ons of a cluster
    #[value(alias = "addon")]
    Addons,
}

/// `nodectl scale`.
#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// What is scaled
    #[command(subcommand)]
    pub what: ScaleWhat,
}

/// What `nodectl scale` scales.
#[derive(Debug, Subcommand)]
pub enum ScaleWhat {
    /// A node group, managed or self-managed
    #[command(visible_alias = "ng")]
    Nodegroup(ScaleNodegroupArgs),
}

/// `nodectl scale nodegroup`.
#[derive(Debug, Args)]
pub struct ScaleNodegroupArgs {
    /// Name of the node group
    pub name: String,
    /// How many nodes; below the group's minimum or above its maximum, that follows
    #[arg(
        long,
        value_name = "NUMBER",
        env = "NODECTL_TO",
        hide_env_values = true
    )]
    pub to: u32,
    /// Do not wait until nodes are Ready
    #[arg(long, env = "NODECTL_NO_NODES", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub no_nodes: bool,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: super::ClusterFlag,
    /// Flags of every change.
    #[command(flatten)]
    pub change: ChangeFlags,
}

/// `nodectl export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// EKS cluster, whoever made it
    #[arg(value_name = "CLUSTER")]
    pub name: String,
}

/// `nodectl convert`.
#[derive(Debug, Args)]
pub struct ConvertArgs {
    /// A `ClusterConfig` of eksctl, `-` for standard input
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "NODECTL_FILE",
        hide_env_values = true
    )]
    pub file: PathBuf,
}

/// `nodectl config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// What is done with configuration
    #[command(subcommand)]
    pub what: ConfigWhat,
}

/// What `nodectl config` does.
#[derive(Debug, Subcommand)]
pub enum ConfigWhat {
    /// Say everything that is wrong with a cluster.yaml, without asking AWS
    Check(ConfigCheckArgs),
    /// Print the JSON schema of cluster.yaml
    Schema,
}

/// `nodectl config check`.
#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    /// Files, `-` for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

/// `nodectl explain-spec`.
#[derive(Debug, Args)]
pub struct ExplainSpecArgs {
    /// Field of cluster.yaml, such as spec.nodeGroups.scaling; none is the whole document
    #[arg(value_name = "FIELD")]
    pub path: Option<String>,
}
