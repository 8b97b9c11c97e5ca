//! A plan as a document: printed by `-o json`, and saved to be applied later.

use node::wire::API_VERSION;
use serde::{Deserialize, Serialize};

use super::addresses::{Addresses, addresses};
use super::change::{Plan, Summary};
use super::cost::{Cost, cost};
use crate::observe::choices::ExistingVpc;

/// `kind` of a plan.
pub const KIND: &str = "Plan";

/// A plan with what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanDocument {
    /// [`API_VERSION`].
    pub api_version: String,
    /// [`KIND`].
    pub kind: String,
    /// The plan.
    #[serde(flatten)]
    pub plan: Plan,
    /// What it comes to.
    pub summary: Summary,
    /// What it changes in the costs.
    pub cost: Cost,
    /// What it changes in the addresses.
    pub addresses: Addresses,
}

/// Why a text is no saved plan.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is no JSON, or has no plan in it.
    #[error("{name} does not hold a plan; save one with `nodectl plan --out FILE`")]
    NotAPlan {
        /// Which file.
        name: String,
        /// What the reader says.
        #[source]
        source: serde_json::Error,
    },
    /// It is a document of another kind, or of another version.
    #[error(
        "{name} is `apiVersion: {api_version}`, `kind: {kind}` and not `apiVersion: {API_VERSION}`, `kind: {KIND}`: make the plan with this version of nodectl"
    )]
    OtherKind {
        /// Which file.
        name: String,
        /// Its `apiVersion`.
        api_version: String,
        /// Its `kind`.
        kind: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Head {
    api_version: String,
    kind: String,
}

impl PlanDocument {
    /// The document of a plan. `vpc` is as for [`addresses`].
    pub fn new(plan: Plan, vpc: Option<&ExistingVpc>) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: KIND.to_owned(),
            summary: plan.summary(),
            cost: cost(&plan),
            addresses: addresses(&plan, vpc),
            plan,
        }
    }

    /// Reads a document that was saved to the file of this name.
    ///
    /// # Errors
    /// The text is no plan, or one of another version.
    pub fn read(name: &str, text: &str) -> Result<Self, ReadError> {
        let not_a_plan = |source| ReadError::NotAPlan {
            name: name.to_owned(),
            source,
        };
        let head: Head = serde_json::from_str(text).map_err(not_a_plan)?;
        if head.api_version != API_VERSION || head.kind != KIND {
            return Err(ReadError::OtherKind {
                name: name.to_owned(),
                api_version: head.api_version,
                kind: head.kind,
            });
        }
        serde_json::from_str(text).map_err(not_a_plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::difference;
    use crate::plan::fixture::{is_stale, origin, plan_between, wanted_of};

    const GROUP: &str = "nodeGroups: [{name: workers}, {name: own, kind: selfManaged}]";

    #[test]
    fn a_saved_plan_reads_back_as_it_was() {
        let plans = [
            difference::plan(&origin(), &wanted_of(GROUP), &[]).unwrap(),
            plan_between(&wanted_of(GROUP), &wanted_of("addons: [{name: coredns}]")),
        ];
        for plan in plans {
            let document = PlanDocument::new(plan, None);
            let text = serde_json::to_string(&document).unwrap();
            assert_eq!(PlanDocument::read("plan.json", &text).unwrap(), document);
        }
    }

    #[test]
    fn a_saved_plan_is_not_stale_by_being_saved() {
        let plan = difference::plan(&origin(), &wanted_of(GROUP), &[]).unwrap();
        let text = serde_json::to_string(&PlanDocument::new(plan, None)).unwrap();
        let read = PlanDocument::read("plan.json", &text).unwrap();
        assert!(!is_stale(&read.plan, &[]));
    }

    #[test]
    fn what_is_no_plan_is_told_with_the_next_step() {
        let error = |text: &str| {
            PlanDocument::read("plan.json", text)
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(error("{"), @"plan.json does not hold a plan; save one with `nodectl plan --out FILE`");
        insta::assert_snapshot!(
            error(r#"{"apiVersion": "nodectl.dev/v1alpha1", "kind": "Status"}"#),
            @"plan.json is `apiVersion: nodectl.dev/v1alpha1`, `kind: Status` and not `apiVersion: nodectl.dev/v1alpha1`, `kind: Plan`: make the plan with this version of nodectl"
        );
    }
}
