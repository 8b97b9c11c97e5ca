//! What a difference names. Pure.

use crate::plan::change::FieldChange;

/// Whether a difference is about a property, or about something within it.
pub(super) fn touches(fields: &[FieldChange], property: &str) -> bool {
    fields.iter().any(|field| {
        field
            .path
            .strip_prefix(property)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// Differences as tests write them: paths alone.
#[cfg(test)]
pub(super) fn of_paths(paths: &[&str]) -> Vec<FieldChange> {
    let field = |path: &&str| FieldChange {
        path: (*path).to_owned(),
        from: None,
        to: None,
        replaces: false,
    };
    paths.iter().map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_not_touched_by_one_that_begins_like_it() {
        let fields = of_paths(&["scaling.min", "subnetsOfOthers"]);
        assert!(touches(&fields, "scaling"));
        assert!(touches(&fields, "scaling.min"));
        assert!(!touches(&fields, "subnets"));
    }
}
