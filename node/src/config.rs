//! What the user asks of a node: user data, NodeConfig and AgentConfig.
//!
//! The way of a document: [`user_data::split`] (or a file's text) gives [`Document`]s, [`decode()`] makes [`Source`]s of
//! them, [`merge::merge`] folds these into one [`NodeConfig`], [`check::check`] says whether a node can be made of it.

pub mod agent_config;
pub mod check;
pub mod decode;
pub mod merge;
pub mod node_config;
pub mod user_data;

pub use agent_config::{AgentConfig, CredentialSource};
pub use decode::{Document, Source, decode};
pub use node_config::NodeConfig;
