//! Findings of GPUs and other accelerators.

use crate::finding::Finding;

/// All of this area.
pub(super) const GPU: &[&Finding] = &[];
