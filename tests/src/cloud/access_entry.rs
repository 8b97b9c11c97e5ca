//! The cluster's access entries: kept in `RUN/access-entries.json` as EKS shows them, and rendered into the mapping
//! file of the authenticator's `DynamicFile` backend, which notices a change within 0.1 s.
//!
//! The `aws-auth` `ConfigMap` is none of its business: the authenticator reads that from the API server.

mod principal;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use self::principal::{Principal, PrincipalKind};
use super::json_file::{self, JsonFileError};
use super::random;

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

/// What `CreateAccessEntry` asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AccessEntryRequest {
    /// ARN of the role or user.
    pub principal_arn: String,
    /// Groups in the cluster; standard entries only.
    pub kubernetes_groups: Vec<String>,
    /// Name in the cluster; EKS makes one up if it is not given.
    pub username: Option<String>,
    /// `STANDARD` if not given, or `EC2_LINUX` for the role of nodes.
    #[serde(rename = "type")]
    pub kind: Option<EntryKind>,
    /// Tags of the entry.
    pub tags: BTreeMap<String, String>,
}

/// The types of entries that the lab's cluster knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntryKind {
    /// People and programs.
    #[serde(rename = "STANDARD")]
    Standard,
    /// Nodes: user and groups are given by EKS.
    #[serde(rename = "EC2_LINUX")]
    Ec2Linux,
}

/// One access entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessEntry {
    /// ARN of the role or user, as given.
    pub principal_arn: String,
    /// Account of the principal.
    pub account_id: String,
    /// Tells this entry from a later one of the same principal.
    pub unique_id: String,
    /// Standard or of nodes.
    pub kind: EntryKind,
    /// Name in the cluster, perhaps with the authenticator's placeholders.
    pub username: String,
    /// Groups in the cluster.
    pub kubernetes_groups: Vec<String>,
    /// Tags of the entry.
    pub tags: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
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
        let entry = entry(request, Timestamp::now())?;
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

    fn change(
        &self,
        act: impl FnOnce(&mut BTreeMap<String, AccessEntry>) -> Result<(), AccessEntryError>,
    ) -> Result<(), AccessEntryError> {
        let _one_at_a_time = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = self.read()?;
        act(&mut entries)?;
        json_file::write(&self.state, &entries).map_err(AccessEntryError::State)?;
        self.write_mapping(&entries)
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

/// Checks a request as EKS does and fills in what EKS fills in.
fn entry(
    request: AccessEntryRequest,
    created_at: Timestamp,
) -> Result<AccessEntry, AccessEntryError> {
    let invalid = |problem: &str| AccessEntryError::Invalid {
        principal_arn: request.principal_arn.clone(),
        problem: problem.to_owned(),
    };
    let principal = Principal::parse(&request.principal_arn)
        .ok_or_else(|| invalid("The principalArn parameter format is not valid"))?;
    let kind = request.kind.unwrap_or(EntryKind::Standard);
    let (username, kubernetes_groups) = match kind {
        EntryKind::Ec2Linux => {
            if principal.kind != PrincipalKind::Role {
                return Err(invalid("The principalArn of type EC2_LINUX must be a role"));
            }
            if request.username.is_some() || !request.kubernetes_groups.is_empty() {
                return Err(invalid(
                    "username and kubernetesGroups are not allowed for EC2_LINUX",
                ));
            }
            let username = "system:node:{{EC2PrivateDNSName}}".to_owned();
            (username, vec!["system:nodes".to_owned()])
        }
        EntryKind::Standard => {
            if let Some((group, prefix)) = reserved_group(&request.kubernetes_groups) {
                return Err(invalid(&format!(
                    "The kubernetes group name {group} is invalid, it cannot start with {prefix}"
                )));
            }
            let username = request
                .username
                .clone()
                .unwrap_or_else(|| principal.username());
            (username, request.kubernetes_groups.clone())
        }
    };
    Ok(AccessEntry {
        account_id: principal.account_id.to_owned(),
        unique_id: random::request_id(),
        kind,
        username,
        kubernetes_groups,
        tags: request.tags.clone(),
        created_at,
        principal_arn: request.principal_arn,
    })
}

/// Only EKS itself puts a principal into groups of these names.
fn reserved_group(groups: &[String]) -> Option<(&str, &'static str)> {
    let prefixes = ["system:", "eks:", "aws:", "amazon:", "iam:"];
    groups.iter().find_map(|group| {
        let prefix = prefixes
            .into_iter()
            .find(|prefix| group.starts_with(prefix))?;
        Some((group.as_str(), prefix))
    })
}

/// The authenticator's file for these entries.
fn mapping<'a>(entries: impl Iterator<Item = &'a AccessEntry>) -> Value {
    let mut roles = Vec::new();
    let mut users = Vec::new();
    for entry in entries {
        let (username, groups) = (&entry.username, &entry.kubernetes_groups);
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
mod tests {
    use super::*;

    fn node_role(path: &str) -> AccessEntryRequest {
        AccessEntryRequest {
            principal_arn: format!("arn:aws:iam::111122223333:role/{path}lab-node"),
            kind: Some(EntryKind::Ec2Linux),
            ..AccessEntryRequest::default()
        }
    }

    fn read_mapping(path: &Path) -> Value {
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn the_mapping_follows_the_entries() {
        let run = tempfile::tempdir().unwrap();
        let mapping = run.path().join("mapping.json");
        let entries = AccessEntries::open(run.path(), &mapping).unwrap();
        let empty = json!({ "mapRoles": [], "mapUsers": [], "mapAccounts": [] });
        assert_eq!(read_mapping(&mapping), empty);

        entries.create(node_role("path/of/it/")).unwrap();
        entries
            .create(AccessEntryRequest {
                principal_arn: "arn:aws:iam::111122223333:user/operator".to_owned(),
                kubernetes_groups: vec!["operators".to_owned()],
                username: Some("operator".to_owned()),
                ..AccessEntryRequest::default()
            })
            .unwrap();
        assert_eq!(
            read_mapping(&mapping),
            json!({
                "mapRoles": [{
                    "rolearn": "arn:aws:iam::111122223333:role/lab-node",
                    "username": "system:node:{{EC2PrivateDNSName}}",
                    "groups": ["system:nodes"],
                }],
                "mapUsers": [{
                    "userarn": "arn:aws:iam::111122223333:user/operator",
                    "username": "operator",
                    "groups": ["operators"],
                }],
                "mapAccounts": [],
            })
        );

        for principal in entries.list().unwrap() {
            entries.delete(&principal).unwrap();
        }
        assert_eq!(read_mapping(&mapping), empty);
    }

    #[test]
    fn entries_outlive_the_program() {
        let run = tempfile::tempdir().unwrap();
        let mapping = run.path().join("mapping.json");
        let open = || AccessEntries::open(run.path(), &mapping).unwrap();
        let made = open().create(node_role("")).unwrap();
        std::fs::remove_file(&mapping).unwrap();
        assert_eq!(open().get(&made.principal_arn).unwrap(), made);
        assert_eq!(
            read_mapping(&mapping)["mapRoles"][0]["groups"][0],
            "system:nodes"
        );
    }

    #[test]
    fn a_principal_has_one_entry() {
        let run = tempfile::tempdir().unwrap();
        let entries = AccessEntries::open(run.path(), &run.path().join("mapping.json")).unwrap();
        entries.create(node_role("")).unwrap();
        let again = entries.create(node_role("")).unwrap_err();
        assert!(matches!(again, AccessEntryError::InUse { .. }), "{again}");
        let other = entries
            .delete("arn:aws:iam::111122223333:role/other")
            .unwrap_err();
        assert!(
            matches!(other, AccessEntryError::NotFound { .. }),
            "{other}"
        );
    }

    #[test]
    fn a_standard_role_is_named_for_its_session() {
        let request = AccessEntryRequest {
            principal_arn: "arn:aws:iam::111122223333:role/team/dev".to_owned(),
            ..AccessEntryRequest::default()
        };
        assert_eq!(
            entry(request, Timestamp::UNIX_EPOCH).unwrap().username,
            "arn:aws:sts::111122223333:assumed-role/dev/{{SessionName}}"
        );
    }

    #[test]
    fn what_eks_refuses_is_refused() {
        let refused = |request| {
            entry(request, Timestamp::UNIX_EPOCH)
                .unwrap_err()
                .to_string()
        };
        let arn = "arn:aws:iam::111122223333:user/operator".to_owned();
        let no_arn = AccessEntryRequest {
            principal_arn: "lab-node".to_owned(),
            ..node_role("")
        };
        let named = AccessEntryRequest {
            username: Some("me".to_owned()),
            ..node_role("")
        };
        let user = AccessEntryRequest {
            principal_arn: arn.clone(),
            ..node_role("")
        };
        let masters = AccessEntryRequest {
            principal_arn: arn,
            kubernetes_groups: vec!["system:masters".to_owned()],
            ..AccessEntryRequest::default()
        };
        assert!(refused(no_arn).contains("format is not valid"));
        assert!(refused(named).contains("not allowed for EC2_LINUX"));
        assert!(refused(user).contains("must be a role"));
        assert!(refused(masters).contains("system:masters is invalid"));
    }
}
