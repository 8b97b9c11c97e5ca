//! Instances as EC2 describes them.

mod checks;

use aws_sdk_ec2::types::{Filter, Instance, Reservation};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::aws::{self, Aws};
use crate::resource::{Tags, node_group_of};
pub use checks::{Checks, checks};

const ACTION: &str = "ec2:DescribeInstances";
/// EC2 accepts this many values in one filter.
const FILTER_VALUES: usize = 200;
/// States of an instance that still exists, or has just gone.
const STATES: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];
const PAGE: i32 = 1000;

/// What EC2 says of one instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InstanceFacts {
    /// `i-…`.
    pub instance_id: String,
    /// Instance type.
    pub instance_type: String,
    /// `pending`, `running`, `shutting-down`, `terminated`, `stopping` or `stopped`.
    pub state: String,
    /// Why it is in that state, when EC2 says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<String>,
    /// When it was last started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launched_at: Option<Timestamp>,
    /// Availability zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// AMI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_id: Option<String>,
    /// `on-demand`, `spot`, `scheduled` or `capacity-block`.
    pub lifecycle: String,
    /// Primary private address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_ip: Option<String>,
    /// Private DNS name, by default the name of its Node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_dns_name: Option<String>,
    /// Name of the instance profile, by convention also that of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_profile: Option<String>,
    /// Value of the tag `Name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Managed, self-managed or eksctl node group, or Karpenter node pool, that its tags name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_group: Option<String>,
    /// Value of the tag `kubernetes.io/cluster/NAME`: `owned` or `shared`; absent when the tag is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_tag: Option<String>,
}

/// All instances that carry the cluster's tag and are not terminated.
pub async fn instances_of_cluster(
    aws: &Aws,
    cluster: &str,
) -> Result<Vec<InstanceFacts>, aws::Error> {
    let filters = vec![
        filter(format!("tag:{}", tag_key(cluster)), ["owned", "shared"]),
        filter("instance-state-name", STATES),
    ];
    describe(
        aws,
        cluster,
        filters,
        format!("the instances of cluster `{cluster}`"),
    )
    .await
}

/// The instances with these ids, whatever their tags and state; unknown ids are left out.
pub async fn instances_by_id(
    aws: &Aws,
    cluster: &str,
    ids: &[String],
) -> Result<Vec<InstanceFacts>, aws::Error> {
    let mut found = Vec::new();
    for ids in ids.chunks(FILTER_VALUES) {
        let filters = vec![filter("instance-id", ids.iter().map(String::as_str))];
        found.extend(
            describe(
                aws,
                cluster,
                filters,
                format!("{} instances by id", ids.len()),
            )
            .await?,
        );
    }
    Ok(found)
}

/// Key of the tag by which things say that they belong to a cluster.
pub(super) fn tag_key(cluster: &str) -> String {
    format!("kubernetes.io/cluster/{cluster}")
}

/// A filter of EC2: any of these values.
pub(super) fn filter<'a>(
    name: impl Into<String>,
    values: impl IntoIterator<Item = &'a str>,
) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().map(str::to_owned).collect()))
        .build()
}

async fn describe(
    aws: &Aws,
    cluster: &str,
    filters: Vec<Filter>,
    object: String,
) -> Result<Vec<InstanceFacts>, aws::Error> {
    let request = aws
        .ec2()
        .describe_instances()
        .set_filters(Some(filters))
        .max_results(PAGE);
    let mut pages = request.into_paginator().send();
    let mut instances = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| aws::Error::of_call(ACTION, object.clone(), error))?;
        let found = page.reservations().iter().flat_map(Reservation::instances);
        instances.extend(found.map(|instance| facts(instance, cluster)));
    }
    Ok(instances)
}

fn facts(instance: &Instance, cluster: &str) -> InstanceFacts {
    let tags: Tags = instance
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
        .collect();
    let tag = |key: &str| tags.get(key).cloned();
    let present = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(str::to_owned);
    InstanceFacts {
        instance_id: instance.instance_id().unwrap_or_default().to_owned(),
        instance_type: instance
            .instance_type()
            .map_or_else(String::new, |kind| kind.as_str().to_owned()),
        state: instance
            .state()
            .and_then(|state| state.name())
            .map_or_else(|| "unknown".to_owned(), |name| name.as_str().to_owned()),
        state_reason: present(instance.state_reason().and_then(|reason| reason.message())),
        launched_at: instance
            .launch_time()
            .and_then(|time| Timestamp::from_second(time.secs()).ok()),
        zone: present(
            instance
                .placement()
                .and_then(|placement| placement.availability_zone()),
        ),
        image_id: present(instance.image_id()),
        lifecycle: instance
            .instance_lifecycle()
            .map_or("on-demand", |lifecycle| lifecycle.as_str())
            .to_owned(),
        private_ip: present(instance.private_ip_address()),
        private_dns_name: present(instance.private_dns_name()),
        instance_profile: instance
            .iam_instance_profile()
            .and_then(|profile| profile.arn())
            .and_then(|arn| present(arn.rsplit('/').next())),
        name: tag("Name"),
        node_group: node_group_of(&tags),
        cluster_tag: tag(&tag_key(cluster)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{IamInstanceProfile, InstanceState, InstanceStateName, Tag};

    use super::*;

    #[test]
    fn an_instance_is_put_into_our_words() {
        let tag = |key: &str, value: &str| Tag::builder().key(key).value(value).build();
        let instance = Instance::builder()
            .instance_id("i-0123456789abcdef0")
            .state(
                InstanceState::builder()
                    .name(InstanceStateName::Running)
                    .build(),
            )
            .iam_instance_profile(
                IamInstanceProfile::builder()
                    .arn("arn:aws:iam::111122223333:instance-profile/path/node")
                    .build(),
            )
            .private_dns_name("")
            .tags(tag("kubernetes.io/cluster/prod", "owned"))
            .tags(tag("eks:nodegroup-name", "blue"))
            .build();
        let facts = facts(&instance, "prod");
        assert_eq!(facts.state, "running");
        assert_eq!(facts.lifecycle, "on-demand");
        assert_eq!(facts.instance_profile.as_deref(), Some("node"));
        assert_eq!(facts.private_dns_name, None);
        assert_eq!(facts.cluster_tag.as_deref(), Some("owned"));
        assert_eq!(facts.node_group.as_deref(), Some("blue"));
    }
}
