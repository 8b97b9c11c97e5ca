//! The list of files that we wrote on this instance, and therefore may remove.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::host::path;
use crate::host::root::{Error, Root};
use crate::plan::Plan;

/// Files that are ours. An image may be made from a node, so the list is bound to the instance that wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ledger {
    instance_id: String,
    files: BTreeSet<String>,
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
                files: BTreeSet::new(),
            }))
    }

    /// The ledger of a plan that was carried out.
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            instance_id: plan.summary.instance_id.clone(),
            files: plan.files.iter().map(|file| file.path.to_owned()).collect(),
        }
    }

    pub(super) fn united_with(&self, other: &Self) -> Self {
        Self {
            instance_id: other.instance_id.clone(),
            files: self.files.union(&other.files).cloned().collect(),
        }
    }

    /// Files that are in this ledger and not in the other.
    pub(super) fn without(&self, other: &Self) -> Vec<String> {
        self.files.difference(&other.files).cloned().collect()
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
