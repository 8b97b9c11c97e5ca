//! Findings of the kernel.

use crate::finding::Finding;

/// All of this area.
pub(super) const KERNEL: &[&Finding] = &[];
