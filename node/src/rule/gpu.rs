//! Rules of GPUs and other accelerators, by the kernel's log.

use super::Rule;

pub(super) const RULES: &[Rule] = &[];
