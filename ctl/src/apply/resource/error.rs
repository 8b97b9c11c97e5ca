//! What an error of AWS means for the engine.

use crate::apply::hands::{Error, Why};
use crate::observe::aws::{self, Refusal};

/// Why a verb failed, where no error of AWS says it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    /// The answer lacks what it should have.
    #[error("the answer of `{action}` for `{object}` has no {what}")]
    Incomplete {
        /// IAM action.
        action: &'static str,
        /// Address of the thing.
        object: String,
        /// What it lacks.
        what: &'static str,
    },
    /// A thing of this name exists without our owner tags.
    #[error("`{name}` exists, and its tags do not say that it belongs to `{object}`")]
    Exists {
        /// Its name.
        name: String,
        /// Address of the thing.
        object: String,
    },
    /// Another change has to end first.
    #[error("`{object}`: {what}")]
    Busy {
        /// Address of the thing.
        object: String,
        /// What is under way, or what holds it.
        what: String,
    },
    /// A change was accepted, and did not come about.
    #[error("`{object}`: {what}")]
    Failed {
        /// Address of the thing.
        object: String,
        /// What its API says.
        what: String,
    },
    /// There is no call that does it.
    #[error("no call changes `{object}` from one kind to another")]
    Kind {
        /// Address of the thing.
        object: String,
    },
}

impl From<Reason> for Error {
    fn from(reason: Reason) -> Self {
        let why = match &reason {
            Reason::Exists { .. } => Why::Exists,
            Reason::Busy { .. } => Why::Busy,
            Reason::Incomplete { .. } | Reason::Failed { .. } | Reason::Kind { .. } => Why::Other,
        };
        let hints = match &reason {
            Reason::Exists { name, .. } => vec![format!(
                "delete or rename `{name}`, or name it in cluster.yaml as one that is there"
            )],
            _ => Vec::new(),
        };
        Self {
            hints,
            ..Self::new(why, reason)
        }
    }
}

impl From<aws::Error> for Error {
    fn from(error: aws::Error) -> Self {
        let why = match error.refusal() {
            Some(Refusal::Denied { principal, .. }) => Why::Denied { principal },
            Some(Refusal::Throttled) => Why::Throttled,
            Some(Refusal::Quota(_)) => Why::Quota,
            Some(Refusal::Exists) => Why::Exists,
            Some(Refusal::Gone) => Why::Gone,
            Some(Refusal::NotYet) => Why::NotYet,
            Some(Refusal::Busy) => Why::Busy,
            Some(Refusal::Credentials) => Why::Expired,
            Some(Refusal::Other) => Why::Other,
            None if matches!(error, aws::Error::Token { .. }) => Why::Other,
            None if error.is_about_credentials() => Why::Expired,
            Some(Refusal::Unavailable) | None => Why::Unanswered,
        };
        Self {
            hints: error.hints(),
            ..Self::new(why, error)
        }
    }
}

/// While a thing is made, what it needs may not be known everywhere yet: that it is not found is no last word.
pub(super) fn while_creating(mut error: Error) -> Error {
    if error.why == Why::Gone {
        error.why = Why::NotYet;
    }
    error
}
