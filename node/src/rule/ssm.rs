//! Rules of the SSM agent.

use std::time::Duration;

use super::{Clear, Detect, Rule, SSM_AGENT, Threshold};
use crate::finding;

pub(super) const RULES: &[Rule] = &[
    // A unit that is not installed is a choice of who built the image, and no finding.
    Rule {
        finding: &finding::SSM_NOT_RUNNING,
        detect: &[Detect::NotActive(SSM_AGENT)],
        threshold: Threshold {
            hits: 2,
            within: Duration::from_mins(2),
            lasting: Duration::from_mins(1),
        },
        harmless: None,
        clears: &[
            Clear::UnitActive(SSM_AGENT, Duration::ZERO),
            Clear::UnitRemoved(SSM_AGENT),
        ],
    },
];
