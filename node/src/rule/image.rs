//! Rules of images and their pulls.

use super::Rule;

pub(super) const RULES: &[Rule] = &[];
