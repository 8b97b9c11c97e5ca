//! What a run tells whoever watches it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::resource::Address;

/// What a step does. A thing that is replaced has two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Act {
    /// It makes a thing.
    Create,
    /// It changes a thing in place.
    Change,
    /// It waits for what was begun before.
    Wait,
    /// It deletes a thing.
    Delete,
}

impl Act {
    /// While it lasts, such as `creating`.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Create => "creating",
            Self::Change => "changing",
            Self::Wait => "awaiting",
            Self::Delete => "deleting",
        }
    }

    /// Once it is over, such as `created`.
    pub fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Change => "changed",
            Self::Wait => "ready",
            Self::Delete => "deleted",
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.doing())
    }
}

/// Something happened to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It began.
    Begun {
        /// What it does.
        act: Act,
    },
    /// It waits for something else than before.
    Waits {
        /// What it waits for.
        waits_for: String,
    },
    /// Something about it deserves a look, and does not stop it.
    Warns {
        /// What.
        text: String,
    },
    /// It ended well.
    Done {
        /// What it did.
        act: Act,
        /// How long it took.
        took: Duration,
    },
    /// It failed.
    Failed {
        /// What it did.
        act: Act,
        /// How long it took.
        took: Duration,
        /// The error and its sources on one line.
        error: String,
    },
    /// It does not begin, since what it needs failed.
    Skipped {
        /// What failed.
        because: Address,
    },
    /// It is left as it is, since the run ends early.
    Left {
        /// What it waited for.
        waits_for: String,
    },
}

/// Whoever watches a run.
pub trait Observer {
    /// Something happened to the step of a thing, so long after the run began.
    fn see(&mut self, address: &Address, event: &Event, at: Duration);
    /// A second passed.
    fn tick(&mut self, at: Duration);
}
