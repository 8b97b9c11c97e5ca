//! The cluster's access entries: kept in `RUN/access-entries.json` as EKS shows them, and rendered into the mapping
//! file of the authenticator's `DynamicFile` backend, which notices a change within 0.1 s.
//!
//! The `aws-auth` `ConfigMap` is none of its business: the authenticator reads that from the API server.

mod entry;
mod principal;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use thiserror::Error;

pub use self::entry::{AccessEntry, AccessEntryRequest, AccessPolicy, AccessScope, EntryKind};
use self::principal::{Principal, PrincipalKind};
use super::json_file::{self, JsonFileError};

/// Why an access entry was not made, found or taken away.
#[derive(Debug, Error)]
pub enum AccessEntryError {
    /// The principal has one already.
    #[error("access entry of `{principal_arn}` exists already")]
    InUse {
        /// ARN of the role or user.
        principal_arn: String,
    },
    /// The principal has none.
    #[error("no access entry of `{principal_arn}`")]
    NotFound {
        /// ARN of the role or user.
        principal_arn: String,
    },
    /// EKS would not take it.
    #[error("access entry of `{principal_arn}` is invalid: {problem}")]
    Invalid {
        /// ARN of the role or user, as given.
        principal_arn: String,
        /// What is wrong, as EKS says it.
        problem: String,
    },
    /// The entries could not be read or kept.
    #[error("access entries are not at hand")]
    State(#[source] JsonFileError),
    /// The authenticator's file could not be written.
    #[error("cannot write the authenticator's mapping `{}`", path.display())]
    Mapping {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// The access entries of the lab's cluster.
#[derive(Debug)]
pub struct AccessEntries {
    state: PathBuf,
    mapping: PathBuf,
    /// A change is reading, deciding and writing: one at a time.
    change: Mutex<()>,
}

impl AccessEntries {
    /// The entries kept below `run`, with the authenticator's file at `mapping`, which is written at once.
    pub fn open(run: &Path, mapping: &Path) -> Result<Self, AccessEntryError> {
        let entries = Self {
            state: run.join("access-entries.json"),
            mapping: mapping.to_owned(),
            change: Mutex::new(()),
        };
        entries.write_mapping(&entries.read()?)?;
        Ok(entries)
    }

    /// ARNs of all principals.
    pub fn list(&self) -> Result<Vec<String>, AccessEntryError> {
        Ok(self.read()?.into_keys().collect())
    }

    /// The entry of a principal.
    pub fn get(&self, principal_arn: &str) -> Result<AccessEntry, AccessEntryError> {
        self.read()?
            .remove(principal_arn)
            .ok_or_else(|| AccessEntryError::NotFound {
                principal_arn: principal_arn.to_owned(),
            })
    }

    /// Makes an entry; the authenticator knows it when this returns or a moment later.
    pub fn create(&self, request: AccessEntryRequest) -> Result<AccessEntry, AccessEntryError> {
        let entry = AccessEntry::new(request, Timestamp::now())?;
        self.change(|entries| {
            if entries.contains_key(&entry.principal_arn) {
                return Err(AccessEntryError::InUse {
                    principal_arn: entry.principal_arn.clone(),
                });
            }
            entries.insert(entry.principal_arn.clone(), entry.clone());
            Ok(())
        })?;
        Ok(entry)
    }

    /// Takes an entry away. The API server trusts a token that it has just seen for another 10 s.
    pub fn delete(&self, principal_arn: &str) -> Result<(), AccessEntryError> {
        self.change(|entries| match entries.remove(principal_arn) {
            Some(_) => Ok(()),
            None => Err(AccessEntryError::NotFound {
                principal_arn: principal_arn.to_owned(),
            }),
        })
    }

    /// Looks at all entries, by principal, and perhaps changes them; the mapping follows a change.
    pub(super) fn change<T>(
        &self,
        act: impl FnOnce(&mut BTreeMap<String, AccessEntry>) -> Result<T, AccessEntryError>,
    ) -> Result<T, AccessEntryError> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.read()?;
        let mut entries = before.clone();
        let answer = act(&mut entries)?;
        if entries != before {
            json_file::write(&self.state, &entries).map_err(AccessEntryError::State)?;
            self.write_mapping(&entries)?;
        }
        Ok(answer)
    }

    fn read(&self) -> Result<BTreeMap<String, AccessEntry>, AccessEntryError> {
        json_file::read(&self.state)
            .map(Option::unwrap_or_default)
            .map_err(AccessEntryError::State)
    }

    /// In place: the authenticator sees that in 0.1 s, a file renamed over the old one only in 1.1 s.
    fn write_mapping(
        &self,
        entries: &BTreeMap<String, AccessEntry>,
    ) -> Result<(), AccessEntryError> {
        let text = format!("{:#}\n", mapping(entries.values()));
        std::fs::write(&self.mapping, text).map_err(|source| AccessEntryError::Mapping {
            path: self.mapping.clone(),
            source,
        })
    }
}

/// The authenticator's file for these entries.
fn mapping<'a>(entries: impl Iterator<Item = &'a AccessEntry>) -> Value {
    let mut roles = Vec::new();
    let mut users = Vec::new();
    for entry in entries {
        let (username, groups) = (&entry.username, entry.mapped_groups());
        match Principal::parse(&entry.principal_arn) {
            Some(principal) if principal.kind == PrincipalKind::Role => roles.push(json!({
                "rolearn": principal.role_without_path(),
                "username": username,
                "groups": groups,
            })),
            _ => users.push(json!({
                "userarn": entry.principal_arn,
                "username": username,
                "groups": groups,
            })),
        }
    }
    json!({ "mapRoles": roles, "mapUsers": users, "mapAccounts": [] })
}

#[cfg(test)]
mod tests;
