//! Why choices have no meaning.

use crate::observe::aws;

/// Why a choice of a document has no meaning in this account and region.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the document names is not there.
    #[error("there is no {object} in region `{region}`")]
    Absent {
        /// What it is, with its name.
        object: String,
        /// Region that was asked.
        region: String,
    },
    /// What the document names is not one thing.
    #[error("{object} are several: {found}")]
    Ambiguous {
        /// What it is, with what was asked for.
        object: String,
        /// All that there are.
        found: String,
    },
    /// AWS did not answer.
    #[error(transparent)]
    Aws(#[from] aws::Error),
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Absent { .. } => vec![
                "check the name, the region and the account: `aws sts get-caller-identity` shows who asks"
                    .to_owned(),
            ],
            Self::Ambiguous { .. } => vec!["name one of them by its id".to_owned()],
            Self::Aws(error) => error.hints(),
        }
    }
}
