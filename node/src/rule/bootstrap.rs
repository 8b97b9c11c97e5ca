//! Rules of what happens before the daemons start.

use super::Rule;

pub(super) const RULES: &[Rule] = &[];
