//! Tags of all services in one form. Those of AWS itself (`aws:…`), which nobody can set, are left out.

use std::collections::HashMap;

use aws_sdk_ec2::types::Tag;

use crate::resource::Tags;

/// From keys and values.
pub(super) fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tags {
    pairs
        .into_iter()
        .filter(|(key, _)| !key.starts_with("aws:"))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

/// Those of a thing of EC2.
pub(super) fn of_ec2(tags: &[Tag]) -> Tags {
    of_pairs(
        tags.iter()
            .filter_map(|tag| Some((tag.key()?, tag.value().unwrap_or_default()))),
    )
}

/// Those of a thing of IAM.
pub(super) fn of_iam(tags: &[aws_sdk_iam::types::Tag]) -> Tags {
    of_pairs(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// Those of a thing of EKS or CloudWatch Logs.
pub(super) fn of_map(tags: Option<&HashMap<String, String>>) -> Tags {
    of_pairs(
        tags.into_iter()
            .flatten()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_aws_itself_are_left_out() {
        let tag = |key: &str| Tag::builder().key(key).value("x").build();
        let tags = of_ec2(&[tag("aws:cloudformation:stack-name"), tag("team")]);
        assert_eq!(tags, Tags::from([("team".to_owned(), "x".to_owned())]));
    }
}
