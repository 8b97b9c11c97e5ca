//! Tags in the words of each service, and the owner tags by which a thing is found again. Pure.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::plan::change::FieldChange;
use crate::resource::{ADDRESS_TAG, Attribute, CLUSTER_TAG, Outputs, Tags};

/// Tags to set and tags to take away.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TagChanges {
    /// Those that are new or have another value.
    pub(super) set: Tags,
    /// Keys of those that go.
    pub(super) unset: Vec<String>,
}

impl TagChanges {
    /// What the difference of `fields` does to the tags. Tags that it does not name stay, whoever set them.
    pub(super) fn of(fields: &[FieldChange], observed: &Tags, wanted: &Tags) -> Self {
        let whole = fields.iter().any(|field| field.path == "tags");
        let named: BTreeSet<&str> = fields
            .iter()
            .filter_map(|field| field.path.strip_prefix("tags."))
            .collect();
        Self {
            set: wanted
                .iter()
                .filter(|(key, value)| observed.get(*key) != Some(value))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
            unset: observed
                .keys()
                .filter(|key| !wanted.contains_key(*key) && (whole || named.contains(key.as_str())))
                .cloned()
                .collect(),
        }
    }
}

/// For the APIs that take tags as a map.
pub(super) fn map(tags: &Tags) -> HashMap<String, String> {
    tags.clone().into_iter().collect()
}

/// For EC2, after the thing was made.
pub(super) fn ec2(tags: &Tags) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}

/// For EC2, in the very call that makes the thing.
pub(super) fn specification(kind: ResourceType, tags: &Tags) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(ec2(tags)))
        .build()
}

/// A filter of EC2.
pub(super) fn filter<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().map(str::to_owned).collect()))
        .build()
}

/// How EC2 finds a thing: by its id where it is known, else by its owner tags. None where there is neither.
pub(super) fn filters(id: &str, known: &Outputs, tags: &Tags) -> Option<Vec<Filter>> {
    if let Some(value) = known.get(&Attribute::Id) {
        return Some(vec![filter(id, [value.as_str()])]);
    }
    let owner = |key: &str| Some(filter(&format!("tag:{key}"), [tags.get(key)?.as_str()]));
    Some(vec![owner(CLUSTER_TAG)?, owner(ADDRESS_TAG)?])
}

/// Whether the tags that were found say that we made the thing that is wanted with these tags.
pub(super) fn is_ours<'a>(
    found: impl IntoIterator<Item = (&'a str, &'a str)>,
    wanted: &Tags,
) -> bool {
    let found: HashMap<&str, &str> = found.into_iter().collect();
    [CLUSTER_TAG, ADDRESS_TAG].into_iter().all(|key| {
        let value = wanted.get(key).map(String::as_str);
        value.is_some() && found.get(key).copied() == value
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn field(path: &str) -> FieldChange {
        FieldChange {
            path: path.to_owned(),
            from: Some(json!("a")),
            to: None,
            replaces: false,
        }
    }

    #[test]
    fn only_tags_that_the_difference_names_are_taken_away() {
        let observed = tags(&[("team", "a"), ("nodectl.dev/x", "1"), ("theirs", "2")]);
        let wanted = tags(&[("team", "b"), ("new", "3")]);
        let changes = TagChanges::of(&[field("tags.nodectl.dev/x")], &observed, &wanted);
        assert_eq!(changes.set, tags(&[("team", "b"), ("new", "3")]));
        assert_eq!(changes.unset, ["nodectl.dev/x"]);
        let all = TagChanges::of(&[field("tags")], &observed, &wanted);
        assert_eq!(all.unset, ["nodectl.dev/x", "theirs"]);
    }

    #[test]
    fn a_thing_is_found_by_its_id_or_by_both_owner_tags() {
        let ours = tags(&[(CLUSTER_TAG, "blue"), (ADDRESS_TAG, "vpc/main")]);
        let known = Outputs::from([(Attribute::Id, "vpc-1".to_owned())]);
        let names = |filters: Option<Vec<Filter>>| {
            filters.map(|filters| {
                filters
                    .iter()
                    .map(|filter| format!("{}={:?}", filter.name().unwrap(), filter.values()))
                    .collect::<Vec<_>>()
            })
        };
        assert_eq!(
            names(filters("vpc-id", &known, &ours)),
            Some(vec![r#"vpc-id=["vpc-1"]"#.to_owned()])
        );
        assert_eq!(
            names(filters("vpc-id", &Outputs::new(), &ours)),
            Some(vec![
                r#"tag:nodectl.dev/cluster=["blue"]"#.to_owned(),
                r#"tag:nodectl.dev/resource=["vpc/main"]"#.to_owned(),
            ])
        );
        assert_eq!(names(filters("vpc-id", &Outputs::new(), &tags(&[]))), None);
    }

    #[test]
    fn what_lacks_an_owner_tag_is_not_ours() {
        let ours = tags(&[(CLUSTER_TAG, "blue"), (ADDRESS_TAG, "vpc/main")]);
        assert!(is_ours(
            [(CLUSTER_TAG, "blue"), (ADDRESS_TAG, "vpc/main")],
            &ours
        ));
        assert!(!is_ours([(CLUSTER_TAG, "blue")], &ours));
        assert!(!is_ours(
            [(CLUSTER_TAG, "green"), (ADDRESS_TAG, "vpc/main")],
            &ours
        ));
        assert!(!is_ours([], &tags(&[])));
    }
}
