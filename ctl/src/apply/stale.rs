//! Whether a plan that was saved still says what would be done now. Pure.

use crate::plan::change::{Change, Plan};
use crate::resource::Address;

/// A saved plan that is not the plan of now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// It is of another cluster.
    #[error("the plan is of cluster `{planned}`, not of `{asked}`")]
    OtherCluster {
        /// Account, region and name in the plan.
        planned: String,
        /// Account, region and name as they are now.
        asked: String,
    },
    /// The document or AWS has changed since.
    #[error("the plan is stale: {}", of(.changed))]
    Changed {
        /// What differs; empty when only the document does.
        changed: Vec<Address>,
    },
}

impl Stale {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        vec!["make another with `nodectl plan --out FILE`, look at it, and apply that".to_owned()]
    }
}

fn of(changed: &[Address]) -> String {
    if changed.is_empty() {
        return "the document has changed since".to_owned();
    }
    let names: Vec<String> = changed.iter().map(ToString::to_string).collect();
    format!("changed since: {}", names.join(", "))
}

/// Whether `saved` may be applied, given the plan that would be made `now` of the same document.
pub fn is_current(saved: &Plan, now: &Plan) -> Result<(), Stale> {
    let name = |plan: &Plan| format!("{}/{}/{}", plan.account, plan.region, plan.cluster);
    if name(saved) != name(now) {
        return Err(Stale::OtherCluster {
            planned: name(saved),
            asked: name(now),
        });
    }
    if saved.fingerprint == now.fingerprint {
        return Ok(());
    }
    let find = |plan: &Plan, address: &Address| -> Option<Change> {
        let mut changes = plan.changes.iter();
        changes.find(|change| change.address == *address).cloned()
    };
    let mut changed: Vec<Address> = saved
        .changes
        .iter()
        .chain(&now.changes)
        .map(|change| &change.address)
        .filter(|address| find(saved, address) != find(now, address))
        .cloned()
        .collect();
    changed.sort();
    changed.dedup();
    Err(Stale::Changed { changed })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::change::Action;
    use crate::resource::Kind;

    fn plan(fingerprint: &str, action: Action) -> Plan {
        Plan {
            cluster: "prod".into(),
            region: "us-west-2".into(),
            account: "123456789012".into(),
            made_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            fingerprint: fingerprint.into(),
            changes: vec![Change {
                address: Address::new(Kind::Vpc, "main"),
                action,
                wanted: None,
                observed: None,
                fields: Vec::new(),
                needs: BTreeSet::new(),
                rolls_nodes: None,
            }],
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_plan_of_another_day_is_current_while_nothing_has_changed() {
        let mut now = plan("1", Action::Create);
        now.made_at = "2026-01-03T03:04:05Z".parse().unwrap();
        assert_eq!(is_current(&plan("1", Action::Create), &now), Ok(()));
    }

    #[test]
    fn a_stale_plan_names_what_has_changed() {
        let error = is_current(&plan("1", Action::Create), &plan("2", Action::Keep)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the plan is stale: changed since: vpc/main"
        );
        let error = is_current(&plan("1", Action::Keep), &plan("2", Action::Keep)).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("the document has changed since")
        );
    }

    #[test]
    fn a_plan_of_another_cluster_is_refused_whatever_it_says() {
        let mut other = plan("1", Action::Create);
        other.region = "eu-west-1".into();
        let error = is_current(&plan("1", Action::Create), &other).unwrap_err();
        assert!(matches!(error, Stale::OtherCluster { .. }));
    }
}
