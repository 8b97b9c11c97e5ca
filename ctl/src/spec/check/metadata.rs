//! `metadata`.

use super::{Path, Report, arn, tags};
use crate::spec::Cluster;
use crate::spec::name::SUFFIX_LENGTH;

/// The longest name that EKS takes.
const LONGEST_NAME: usize = 100;

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let metadata = &cluster.metadata;
    let path = Path::of(&["metadata"]);
    match &metadata.generate_name {
        None if metadata.name.is_empty() => report.error(
            &path.key("name"),
            "is missing",
            "write `name`, or `generateName` for a name with a random end",
        ),
        Some(beginning)
            if metadata.name.is_empty()
                && !arn::is_name(beginning, LONGEST_NAME - SUFFIX_LENGTH) =>
        {
            report.error(
                &path.key("generateName"),
                format!(
                    "`{beginning}` cannot begin the name of a cluster: it needs 1 to {} letters, digits, `-` and `_`, a letter or digit first",
                    LONGEST_NAME - SUFFIX_LENGTH
                ),
                "",
            );
        }
        _ => {}
    }
    if !metadata.name.is_empty() && !arn::is_name(&metadata.name, LONGEST_NAME) {
        report.error(
            &path.key("name"),
            format!(
                "`{}` cannot be the name of a cluster: it needs 1 to {LONGEST_NAME} letters, digits, `-` and `_`, a letter or digit first",
                metadata.name
            ),
            "",
        );
    }
    if let Some(region) = &metadata.region {
        region_shape(region, &path.key("region"), report);
    }
    tags::check(&metadata.tags, &path.key("tags"), report);
    tags::count([&metadata.tags], &path.key("tags"), report);
}

fn region_shape(region: &str, path: &Path, report: &mut Report<'_>) {
    let parts: Vec<&str> = region.split('-').collect();
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let last = parts.last().copied().unwrap_or_default();
    if parts.len() >= 3 && is_number(last) {
        return;
    }
    let zone = last.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    let help = if parts.len() >= 3 && is_number(zone) {
        let without = region.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
        format!("it is a zone; its region is `{without}`")
    } else {
        "it looks like `us-west-2`".to_owned()
    };
    report.error(path, format!("`{region}` is not a region"), help);
}
