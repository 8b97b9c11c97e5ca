//! What the planes said, or why one of them did not.

use std::collections::BTreeMap;

use crate::observe::ec2::InstanceFacts;
use crate::observe::kubernetes::NodeFacts;
use crate::reach::console::Answer;

/// One source of facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plane<T> {
    /// It answered.
    Answered(T),
    /// It could not be asked, or did not answer: why, and what to do next.
    Failed {
        /// The error and its sources on one line.
        error: String,
        /// Next steps.
        hints: Vec<String>,
    },
}

impl<T> Plane<T> {
    /// The answer, if there is one.
    pub fn answer(&self) -> Option<&T> {
        match self {
            Self::Answered(answer) => Some(answer),
            Self::Failed { .. } => None,
        }
    }

    /// Why there is none.
    pub fn error(&self) -> Option<&String> {
        match self {
            Self::Answered(_) => None,
            Self::Failed { error, .. } => Some(error),
        }
    }
}

/// What all planes said of one cluster.
#[derive(Debug, Clone)]
pub struct Observations {
    /// Nodes of the API server.
    pub nodes: Plane<Vec<NodeFacts>>,
    /// Instances of EC2: those with the cluster's tag, those behind a Node, those asked for by id.
    pub instances: Plane<Vec<InstanceFacts>>,
    /// Consoles of instances without a Node, by instance id.
    pub consoles: BTreeMap<String, Answer>,
}
