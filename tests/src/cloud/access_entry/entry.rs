//! One access entry: what EKS refuses, and what it fills in.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AccessEntryError;
use super::principal::{Principal, PrincipalKind};
use crate::cloud::random;
use crate::control_plane::ADMIN_GROUP;

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
    /// Makes a repeated request the same request.
    pub client_request_token: Option<String>,
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
    /// Nodes of EKS Auto Mode, and those that are named by their instance id.
    #[serde(rename = "EC2")]
    Ec2,
}

/// What an access policy is associated with: everything, or some namespaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum AccessScope {
    /// The whole cluster.
    Cluster,
    /// Some namespaces.
    Namespace {
        /// Their names, perhaps with `*`.
        namespaces: Vec<String>,
    },
}

/// An access policy of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessPolicy {
    /// `arn:aws:eks::aws:cluster-access-policy/NAME`.
    pub policy_arn: String,
    /// What it is good for.
    pub access_scope: AccessScope,
    /// When it was associated first.
    pub associated_at: Timestamp,
    /// When its scope was set last.
    pub modified_at: Timestamp,
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
    /// When it was changed last, if ever.
    #[serde(default)]
    pub modified_at: Option<Timestamp>,
    /// Its access policies.
    #[serde(default)]
    pub policies: Vec<AccessPolicy>,
    /// Token of the request that made it.
    #[serde(default)]
    pub token: Option<String>,
}

impl AccessEntry {
    /// Checks a request as EKS does and fills in what EKS fills in.
    pub(in crate::cloud) fn new(
        request: AccessEntryRequest,
        created_at: Timestamp,
    ) -> Result<Self, AccessEntryError> {
        let principal_arn = request.principal_arn;
        let invalid = |problem: &str| AccessEntryError::Invalid {
            principal_arn: principal_arn.clone(),
            problem: problem.to_owned(),
        };
        let principal = Principal::parse(&principal_arn)
            .ok_or_else(|| invalid("The principalArn parameter format is not valid"))?;
        let kind = request.kind.unwrap_or(EntryKind::Standard);
        let (username, kubernetes_groups) = if kind == EntryKind::Standard {
            check_groups(&principal_arn, &request.kubernetes_groups)?;
            let username = request.username.unwrap_or_else(|| principal.username());
            (username, request.kubernetes_groups)
        } else {
            if principal.kind != PrincipalKind::Role {
                return Err(invalid("The principalArn of type EC2_LINUX must be a role"));
            }
            if request.username.is_some() || !request.kubernetes_groups.is_empty() {
                let problem = "username and kubernetesGroups are not allowed for EC2_LINUX";
                return Err(invalid(problem));
            }
            (node_name(kind).to_owned(), vec!["system:nodes".to_owned()])
        };
        Ok(Self {
            account_id: principal.account_id.to_owned(),
            unique_id: random::request_id(),
            kind,
            username,
            kubernetes_groups,
            tags: request.tags,
            created_at,
            modified_at: None,
            policies: Vec::new(),
            token: request.client_request_token,
            principal_arn,
        })
    }

    /// The entry that EKS makes by itself.
    pub(in crate::cloud) fn of(
        principal_arn: &str,
        kind: EntryKind,
        now: Timestamp,
    ) -> Result<Self, AccessEntryError> {
        let request = AccessEntryRequest {
            principal_arn: principal_arn.to_owned(),
            kind: Some(kind),
            ..AccessEntryRequest::default()
        };
        Self::new(request, now)
    }

    /// Whether it is one of people and programs.
    pub(in crate::cloud) fn is_standard(&self) -> bool {
        self.kind == EntryKind::Standard
    }

    /// Sets name and groups, as far as they are given.
    pub(in crate::cloud) fn change(
        &mut self,
        username: Option<&str>,
        groups: Option<Vec<String>>,
        now: Timestamp,
    ) -> Result<(), AccessEntryError> {
        if !self.is_standard() {
            return Err(AccessEntryError::Invalid {
                principal_arn: self.principal_arn.clone(),
                problem: "Only access entries of type STANDARD can be updated".to_owned(),
            });
        }
        if let Some(groups) = groups {
            check_groups(&self.principal_arn, &groups)?;
            self.kubernetes_groups = groups;
        }
        if let Some(username) = username {
            username.clone_into(&mut self.username);
        }
        self.modified_at = Some(now);
        Ok(())
    }

    /// Associates a policy, or sets the scope of one that is associated.
    pub(in crate::cloud) fn associate(
        &mut self,
        policy_arn: &str,
        access_scope: AccessScope,
        now: Timestamp,
    ) -> AccessPolicy {
        let known = self
            .policies
            .iter()
            .position(|policy| policy.policy_arn == policy_arn);
        let before = known.map(|place| self.policies.remove(place));
        let policy = AccessPolicy {
            policy_arn: policy_arn.to_owned(),
            access_scope,
            associated_at: before.map_or(now, |before| before.associated_at),
            modified_at: now,
        };
        self.policies.push(policy.clone());
        policy
    }

    /// Its groups in the authenticator's file. There is no authorizer for access policies beside the API server, so the one
    /// that gives everything becomes the group that may do everything.
    pub(super) fn mapped_groups(&self) -> Vec<String> {
        let is_everything = |policy: &AccessPolicy| {
            policy.access_scope == AccessScope::Cluster
                && policy.policy_arn.ends_with("/AmazonEKSClusterAdminPolicy")
        };
        let mut groups = self.kubernetes_groups.clone();
        if self.policies.iter().any(is_everything) {
            groups.push(ADMIN_GROUP.to_owned());
        }
        groups
    }
}

/// The name of a node in the cluster, by the kind of its entry.
fn node_name(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Ec2 => "system:node:{{SessionName}}",
        _ => "system:node:{{EC2PrivateDNSName}}",
    }
}

fn check_groups(principal_arn: &str, groups: &[String]) -> Result<(), AccessEntryError> {
    match reserved_group(groups) {
        None => Ok(()),
        Some((group, prefix)) => Err(AccessEntryError::Invalid {
            principal_arn: principal_arn.to_owned(),
            problem: format!(
                "The kubernetes group name {group} is invalid, it cannot start with {prefix}"
            ),
        }),
    }
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
