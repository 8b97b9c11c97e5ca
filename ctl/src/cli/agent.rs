//! Flags of the commands that ask the agent of a node.

use clap::Args;
use clap::builder::BoolishValueParser;
use node::wire::access::TLS_PORT;

use super::{ClusterFlag, OutputFlag};
use crate::reach::Reach;
use crate::reach::agent::Logs;
use crate::reach::forward::Account;

/// `nodectl diagnose`.
#[derive(Debug, Args)]
pub struct DiagnoseArgs {
    /// Node name, instance id or private address
    #[arg(value_name = "NODE|INSTANCE_ID")]
    pub name: String,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterFlag,
    /// How its agent is asked.
    #[command(flatten)]
    pub reach: ReachFlags,
    /// Output format.
    #[command(flatten)]
    pub output: OutputFlag,
}

/// `nodectl logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Node name, instance id or private address
    #[arg(value_name = "NODE|INSTANCE_ID")]
    pub name: String,
    /// Unit whose lines are shown; can be given several times. `kernel` is the kernel
    #[arg(
        short,
        long = "unit",
        value_name = "UNIT",
        default_value = "kubelet",
        env = "NODECTL_UNIT",
        hide_env_values = true,
        value_delimiter = ',',
        value_parser = word
    )]
    pub units: Vec<String>,
    /// Lines since this long ago, `10m`, or since this time, `2026-01-02T03:04:05Z`; by default the last of this boot
    #[arg(
        long,
        value_name = "TIME",
        env = "NODECTL_SINCE",
        hide_env_values = true,
        value_parser = word
    )]
    pub since: Option<String>,
    /// Go on with the lines that come, over the agent's own listener
    #[arg(short, long, env = "NODECTL_FOLLOW", hide_env_values = true, value_parser = BoolishValueParser::new())]
    pub follow: bool,
    /// Which cluster.
    #[command(flatten)]
    pub cluster: ClusterFlag,
    /// How its agent is asked.
    #[command(flatten)]
    pub reach: ReachFlags,
}

/// A text that becomes a word of a command on the node.
fn word(text: &str) -> Result<String, String> {
    if Logs::is_plain(text) {
        return Ok(text.to_owned());
    }
    Err("only letters, digits and -_.:@ are taken".to_owned())
}

/// Flags of every command that asks an agent.
#[derive(Debug, Clone, Args)]
pub struct ReachFlags {
    /// How the agent of a named node is asked
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "NODECTL_REACH",
        hide_env_values = true
    )]
    pub reach: Reach,
    /// Service account in whose name an agent's own listener is asked
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        default_value = "nodectl/nodectl",
        env = "NODECTL_SERVICE_ACCOUNT",
        hide_env_values = true
    )]
    pub service_account: Account,
    /// Port of the agents' own listeners, `spec.serve.tlsPort` of their AgentConfig
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = TLS_PORT,
        env = "NODECTL_AGENT_PORT",
        hide_env_values = true
    )]
    pub agent_port: u16,
}
