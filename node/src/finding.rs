//! The catalogue of faults that an agent can name, for boot and for life.
//!
//! A finding has one stable code everywhere: rule, message, metric, event, verdict and documentation. Words in capitals in
//! a fix (`CLUSTER`, `ROLE_ARN`) are replaced by [`Finding::fix_for`] with what the node knows.

mod catalogue;
#[cfg(test)]
mod page;
mod repair;

pub use catalogue::*;
pub use repair::Repair;

pub use crate::wire::Severity;

use serde::Deserialize;

use crate::wire::{Identity, RootCause};

/// The node condition that a fatal finding turns False.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// The kernel.
    Kernel,
    /// The pod network and the way to the API server.
    Networking,
    /// Disks and file systems.
    Storage,
    /// containerd and what it runs.
    ContainerRuntime,
    /// GPUs and other accelerators.
    AcceleratedHardware,
}

/// One fault that the agent can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// Stable name, `area.fault`.
    pub code: &'static str,
    /// The finding as a claim, at most 60 characters.
    pub title: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The node condition it belongs to; `None` while a node joins.
    pub condition: Option<Condition>,
    /// What is wrong, for a person.
    pub cause: &'static str,
    /// What to do; words in capitals are to be replaced.
    pub fix: &'static str,
}

impl Finding {
    /// The fix with its placeholders replaced by what is known of the node; unknown ones stay in capitals.
    pub fn fix_for(&self, identity: &Identity) -> String {
        fill(self.fix, identity)
    }

    /// This finding as the root cause of a verdict.
    pub fn root_cause(&self, identity: &Identity, evidence: &[String]) -> RootCause {
        RootCause {
            code: self.code.to_owned(),
            cause: self.cause.to_owned(),
            evidence: evidence
                .iter()
                .map(|line| crate::redact::text(line))
                .collect(),
            fix: self.fix_for(identity),
        }
    }
}

/// A fix with its placeholders replaced by what is known of the node; unknown ones stay in capitals.
pub fn fill(text: &str, identity: &Identity) -> String {
    let replacements = [
        ("CLUSTER", &identity.cluster),
        ("REGION", &identity.region),
        ("ROLE", &identity.role),
        ("ROLE_ARN", &identity.role_arn),
        ("ID", &identity.instance_id),
        ("NODE", &identity.node_name),
    ];
    let mut fix = String::with_capacity(text.len());
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 {
            fix.push(' ');
        }
        let known = replacements
            .iter()
            .find(|(name, value)| *name == word && !value.is_empty());
        fix.push_str(known.map_or(word, |(_, value)| value.as_str()));
    }
    fix
}

/// A code as the reason of a condition or an event, `storage.disk_full` as `StorageDiskFull`.
pub fn reason(code: &str) -> String {
    let words = code.split(['.', '_']);
    words
        .flat_map(|word| {
            let mut characters = word.chars();
            let first = characters.next().map(|first| first.to_ascii_uppercase());
            first.into_iter().chain(characters)
        })
        .collect()
}

/// The entry with this code.
pub fn by_code(code: &str) -> Option<&'static Finding> {
    catalogue().find(|finding| finding.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_entry_is_complete_and_its_code_unique() {
        let mut codes = BTreeSet::new();
        for finding in catalogue() {
            assert!(
                codes.insert(finding.code),
                "`{}` stands twice",
                finding.code
            );
            assert!(
                finding
                    .code
                    .split_once('.')
                    .is_some_and(|(area, fault)| !area.is_empty() && !fault.is_empty())
            );
            assert!(
                finding.title.len() <= 60,
                "`{}` has a title of {}",
                finding.code,
                finding.title.len()
            );
            assert!(
                !finding.cause.is_empty() && !finding.fix.is_empty(),
                "`{}` is incomplete",
                finding.code
            );
        }
    }

    #[test]
    fn every_code_has_a_reason_of_its_own() {
        assert_eq!(reason("storage.disk_full"), "StorageDiskFull");
        let reasons: BTreeSet<String> = catalogue().map(|finding| reason(finding.code)).collect();
        assert_eq!(reasons.len(), catalogue().count());
        // What Kubernetes takes as the reason of a condition.
        for reason in reasons {
            assert!(
                reason
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric()),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_fix_names_what_the_node_knows() {
        let identity = Identity {
            cluster: "prod".into(),
            ..Identity::default()
        };
        assert_eq!(
            JOIN_UNAUTHORIZED.fix_for(&identity),
            "aws eks create-access-entry --cluster-name prod --principal-arn ROLE_ARN --type EC2_LINUX"
        );
    }
}
