//! What the user asks of a node: user data, NodeConfig and AgentConfig.
//!
//! The way of a document: [`user_data::split`] (or a file's text) gives [`Document`]s, [`decode()`] makes [`Source`]s of
//! them, [`merge::merge`] folds the trees of these into one, [`merge::node_config`] makes it a [`NodeConfig`], and
//! [`check::check`] says whether a node can be made of it. Every value keeps the [`yaml::Place`] that it came from, so
//! [`excerpt`] can show a [`problem::Problem`] in its line and [`explain()`] can say which source set a field.

pub mod agent_config;
pub mod check;
pub mod decode;
pub mod excerpt;
pub mod explain;
#[cfg(test)]
mod fuzz;
pub mod label;
pub mod merge;
pub mod node_config;
pub mod problem;
pub mod rule_set;
pub mod schema;
pub mod user_data;
pub mod whole;
pub mod write;
pub mod yaml;

pub use agent_config::{
    AfterBoot, AgentConfig, CredentialSource, Report, ScriptGate, Serve, Watch,
};
pub use decode::{Document, Source, decode};
pub use explain::explain;
pub use node_config::NodeConfig;
