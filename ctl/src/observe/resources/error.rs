//! Why it is not known what exists.

use crate::observe::{aws, kubernetes};

/// Why it is not known what exists.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// AWS did not answer.
    #[error(transparent)]
    Aws(#[from] aws::Error),
    /// The API server, which holds the ConfigMap `kube-system/aws-auth`, did not answer.
    #[error("asking cluster `{cluster}` for the roles that may enter")]
    Kubernetes {
        /// Name of the cluster.
        cluster: String,
        /// What the connection says.
        #[source]
        source: kubernetes::Error,
    },
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Aws(error) => error.hints(),
            Self::Kubernetes { source, .. } => source.hints(),
        }
    }
}
