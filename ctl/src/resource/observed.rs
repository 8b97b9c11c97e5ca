//! How a thing is found.

use serde::{Deserialize, Serialize};

use super::{Address, Body, Outputs};

/// One thing that exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Its name in the graph.
    pub address: Address,
    /// How it is; what only its API fills in is left out.
    #[serde(flatten)]
    pub body: Body,
    /// What others may need of it.
    pub outputs: Outputs,
    /// Whose it is.
    pub owner: Owner,
    /// How far it is.
    pub status: Status,
}

/// Whose a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Owner {
    /// It carries the owner tags of this cluster: we made it, and may delete it.
    Ours,
    /// It was there, made by a person or by another tool: never deleted.
    Other,
}

/// How far a thing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// It is as its body says.
    Ready,
    /// Its API still makes it.
    Creating,
    /// Its API still changes it.
    Updating,
    /// Its API still deletes it.
    Deleting,
    /// It will not become ready by itself.
    Failed {
        /// What its API says.
        reason: String,
    },
}
