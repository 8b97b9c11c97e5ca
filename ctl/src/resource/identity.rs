//! IAM.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Tags, Text};

/// An IAM role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Trust policy, a JSON document. Two that differ in the order of keys or in white space are equal.
    pub trust: Text,
    /// ARNs of the managed policies that are attached. Others that are attached are left.
    pub policies: BTreeSet<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An instance profile.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceProfile {
    /// Its name.
    pub name: String,
    /// Name of its role.
    pub role: Text,
    /// Its tags.
    pub tags: Tags,
}
