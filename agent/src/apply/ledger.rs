//! The list of what we wrote on this instance, and therefore may remove.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::host::path;
use crate::host::root::{Error, Root};

/// What is ours. An image may be made from a node, so the list is bound to the instance that wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ledger {
    pub(super) instance_id: String,
    /// Whole files.
    pub(super) files: BTreeSet<String>,
    /// Files of which some lines are ours.
    pub(super) blocks: BTreeSet<String>,
    /// Directories that were not there before our files.
    pub(super) directories: BTreeSet<String>,
}

impl Ledger {
    /// The ledger of this instance; empty when there is none, or another instance's, or one that does not parse.
    pub(super) fn read(root: &Root, instance_id: &str) -> Result<Self, Error> {
        let content = root.read(path::LEDGER)?;
        let ledger: Option<Self> =
            content.and_then(|content| serde_json::from_slice(&content).ok());
        Ok(ledger
            .filter(|ledger| ledger.instance_id == instance_id)
            .unwrap_or_else(|| Self {
                instance_id: instance_id.to_owned(),
                ..Self::default()
            }))
    }

    pub(super) fn united_with(&self, other: &Self) -> Self {
        let union = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.union(b).cloned().collect();
        Self {
            instance_id: other.instance_id.clone(),
            files: union(&self.files, &other.files),
            blocks: union(&self.blocks, &other.blocks),
            directories: union(&self.directories, &other.directories),
        }
    }

    pub(super) fn write(&self, root: &Root) -> Result<(), Error> {
        let content = serde_json::to_vec(self).map_err(|error| Error {
            operation: "writing",
            path: path::LEDGER.into(),
            source: error.into(),
        })?;
        root.write(path::LEDGER, &content, 0o600).map(drop)
    }
}
