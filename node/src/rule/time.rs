//! Rules of the clock.

use super::Rule;

pub(super) const RULES: &[Rule] = &[];
