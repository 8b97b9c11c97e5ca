//! What follows the last word on a boot: who in AWS is told, and what becomes of a machine that failed.

use serde::{Deserialize, Serialize};

/// What follows the last word on a boot.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AfterBoot {
    /// Who in AWS is told how it ended; nobody by default.
    pub signals: Signals,
    /// What becomes of a machine that did not register.
    pub on_failure: OnFailure,
}

/// Who in AWS is told how a boot ended. Each signal needs a permission of its own (`docs/guide/signals.md`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Signals {
    /// A tag of the instance gets the outcome and the code as its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ec2_tag: Option<Ec2Tag>,
    /// A launching lifecycle hook of the Auto Scaling group is completed: CONTINUE, or ABANDON for a boot that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lifecycle_hook: Option<LifecycleHook>,
    /// A resource of a CloudFormation stack gets SUCCESS or FAILURE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cloud_formation: Option<CloudFormation>,
}

/// The tag that gets the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ec2Tag {
    /// Its key.
    pub key: String,
}

/// The lifecycle hook that is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LifecycleHook {
    /// Its name.
    pub name: String,
    /// The group; the tag `aws:autoscaling:groupName` in the instance metadata where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_scaling_group: Option<String>,
}

/// The resource that is signalled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CloudFormation {
    /// Name or id of the stack.
    pub stack: String,
    /// Logical id of the resource, such as that of the Auto Scaling group.
    pub logical_resource_id: String,
}

/// What becomes of a machine that did not register before its deadline, or cannot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnFailure {
    /// It stays as it is, so that it can be looked at.
    #[default]
    Nothing,
    /// It is shut down, so that its Auto Scaling group replaces it.
    PowerOff,
}

impl Signals {
    /// These with those of `over` in their place.
    #[must_use]
    pub(super) fn with(self, over: &Self) -> Self {
        let over = over.clone();
        Self {
            ec2_tag: over.ec2_tag.or(self.ec2_tag),
            lifecycle_hook: over.lifecycle_hook.or(self.lifecycle_hook),
            cloud_formation: over.cloud_formation.or(self.cloud_formation),
        }
    }
}
