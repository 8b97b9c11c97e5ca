//! What suites want to be wrong with node groups and add-ons: `RUN/faults/eks.json`, read again at each call.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cloud::json_file::{self, JsonFileError};

/// Everything that is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ailments {
    /// One for each thing that something is wrong with.
    pub ailments: Vec<Ailment>,
}

/// What is wrong with one node group or add-on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ailment {
    /// Name of the cluster.
    pub cluster: String,
    /// `nodegroup/NAME` or `addon/NAME`.
    pub of: String,
    /// The `health.issues` that it shows.
    pub issues: Vec<Issue>,
    /// Its creation ends in `CREATE_FAILED`.
    pub fails: bool,
    /// Once active it is `DEGRADED`.
    pub degraded: bool,
}

/// An issue as the API shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Issue {
    /// Such as `NodeCreationFailure`; see `API_Issue.html` of the API's reference.
    pub code: String,
    /// For people.
    pub message: String,
    /// What it concerns.
    #[serde(default)]
    pub resource_ids: Vec<String>,
}

impl Ailments {
    /// Sets what is wrong in the account below `run`.
    pub fn write(&self, run: &Path) -> Result<(), JsonFileError> {
        json_file::write(&path(run), self)
    }

    pub(super) fn read(run: &Path) -> Result<Self, JsonFileError> {
        Ok(json_file::read(&path(run))?.unwrap_or_default())
    }

    pub(super) fn of(&self, cluster: &str, kind: &str, name: &str) -> Option<&Ailment> {
        self.ailments.iter().find(|ailment| {
            ailment.cluster == cluster && ailment.of.split_once('/') == Some((kind, name))
        })
    }
}

fn path(run: &Path) -> PathBuf {
    run.join("faults").join("eks.json")
}
