//! Rules of what EC2 announces and how its metadata service fares.

use super::Rule;

pub(super) const RULES: &[Rule] = &[];
