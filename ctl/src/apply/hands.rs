//! What the engine of [`super::run`](mod@super::run) asks of the world: three verbs for each thing, one answer to "how is
//! it", and why a call failed. The calls of each kind are written apart; tests have a world of their own.

use std::error::Error as StdError;
use std::future::Future;

use crate::plan::change::FieldChange;
use crate::resource::{Address, Body, Observed, Outputs};

/// The calls that make, change, delete and look at one thing. Each is one attempt: the engine repeats, waits and gives up.
///
/// Every verb may be repeated after a run that was stopped in the middle of it, and ends in the same state then.
pub trait Hands: Send + Sync + 'static {
    /// Asks for a thing to be made. It was accepted when this returns; what is known of it so far comes back. That it exists
    /// already and carries our owner tags is success too: an answer to an earlier attempt may have been lost.
    ///
    /// All references of `body` are resolved. The same `token` is the same creation, also in another process, so it becomes
    /// the client token (or idempotency token) of those APIs that have one. It has 32 hexadecimal digits.
    fn create(
        &self,
        address: &Address,
        body: &Body,
        token: &str,
    ) -> impl Future<Output = Result<Outputs, Error>> + Send;

    /// Asks for a thing to be changed in place: those properties that differ.
    fn change(
        &self,
        address: &Address,
        observed: &Observed,
        wanted: &Body,
        fields: &[FieldChange],
    ) -> impl Future<Output = Result<Outputs, Error>> + Send;

    /// Asks for a thing to be deleted. That it is gone already is no error.
    fn delete(&self, observed: &Observed) -> impl Future<Output = Result<(), Error>> + Send;

    /// How a thing is now. `known` holds what is known of it so far, such as its id.
    fn look(
        &self,
        address: &Address,
        body: &Body,
        known: &Outputs,
    ) -> impl Future<Output = Result<Look, Error>> + Send;
}

/// How a thing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It does not exist.
    Gone,
    /// It is on its way.
    Pending {
        /// What its API says that it does, and when it is stuck why: `CREATING`, `2 of 3 nodes are Ready: i-0abc …`.
        waits_for: String,
    },
    /// It is there, and others can use it.
    Ready(Outputs),
    /// It will not become ready by itself.
    Failed {
        /// What its API says.
        reason: String,
    },
}

/// Why a verb failed, as far as the engine has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The caller may not do it. Not tried again.
    Denied {
        /// Who the caller is, where the answer says so.
        principal: Option<String>,
    },
    /// Too many calls, beyond what the SDK repeats by itself. Tried again for a while.
    Throttled,
    /// A quota of the account is used up, or there is no capacity. Not tried again.
    Quota,
    /// It exists, and is not ours. Not tried again.
    Exists,
    /// What it is about, or what it needs, was deleted under our feet. Not tried again in this run.
    Gone,
    /// It needs what was just made, and that has not got around yet, as an IAM role. Tried again for a while.
    NotYet,
    /// It is used by what is about to go, or another change of it is under way (`DependencyViolation`,
    /// `ResourceInUseException`). Tried again for a while.
    Busy,
    /// The credentials have expired. Everything stops.
    Expired,
    /// No usable answer came: network, time-out, 5xx. Tried again for a while.
    Unanswered,
    /// The request is wrong, or anything else. Not tried again.
    Other,
}

/// A verb failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", .why.sentence())]
pub struct Error {
    /// Why, as far as the engine has to know.
    pub why: Why,
    /// What to do next.
    pub hints: Vec<String>,
    /// The call, the object and what the service said, as `crate::observe::aws::Error` tells it.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

impl Error {
    /// An error with its cause and no hints.
    pub fn new(why: Why, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            why,
            hints: Vec::new(),
            source: source.into(),
        }
    }
}

impl Why {
    fn sentence(&self) -> String {
        match self {
            Self::Denied {
                principal: Some(principal),
            } => format!("`{principal}` may not do this"),
            Self::Denied { principal: None } => "the caller may not do this".to_owned(),
            Self::Throttled => "AWS throttles the account".to_owned(),
            Self::Quota => "a quota or the capacity is used up".to_owned(),
            Self::Exists => "it exists already, and was not made by nodectl".to_owned(),
            Self::Gone => "it, or what it needs, was deleted in the meantime".to_owned(),
            Self::NotYet => "what it needs is not known everywhere yet".to_owned(),
            Self::Busy => "it is in use, or being changed".to_owned(),
            Self::Expired => "the credentials have expired".to_owned(),
            Self::Unanswered => "no usable answer came".to_owned(),
            Self::Other => "the call failed".to_owned(),
        }
    }
}
