//! Rules of the kernel's log and its limits.

use super::Rule;

pub(super) const RULES: &[Rule] = &[];
