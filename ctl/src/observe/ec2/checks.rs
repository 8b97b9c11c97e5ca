//! EC2's own checks of one instance, and what it has planned for it.

use aws_sdk_ec2::types::{InstanceStatus, InstanceStatusSummary};
use serde::{Deserialize, Serialize};

use super::super::aws::{self, Aws};

const ACTION: &str = "ec2:DescribeInstanceStatus";

/// What EC2 says of the health of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checks {
    /// The hardware below it: `ok`, `impaired`, `initializing`, `insufficient-data` or `not-applicable`.
    pub system: String,
    /// The instance itself: the same words.
    pub instance: String,
    /// What is planned for it, such as a retirement.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
}

/// Asks for the checks of an instance; none for one that does not run.
pub async fn checks(aws: &Aws, instance_id: &str) -> Result<Option<Checks>, aws::Error> {
    let answer = aws
        .ec2()
        .describe_instance_status()
        .instance_ids(instance_id)
        .send()
        .await
        .map_err(|error| aws::Error::of_call(ACTION, format!("`{instance_id}`"), error))?;
    Ok(answer.instance_statuses().first().map(read))
}

fn read(status: &InstanceStatus) -> Checks {
    let word = |summary: Option<&InstanceStatusSummary>| {
        summary
            .and_then(|summary| summary.status())
            .map_or("unknown", |status| status.as_str())
            .to_owned()
    };
    let events = status.events().iter().map(|event| {
        let code = event.code().map_or("event", |code| code.as_str());
        let described = event.description().unwrap_or_default();
        let when = event.not_before().and_then(|time| {
            let time = jiff::Timestamp::from_second(time.secs()).ok()?;
            Some(format!(", not before {time:.0}"))
        });
        format!("{code}: {described}{}", when.unwrap_or_default())
    });
    Checks {
        system: word(status.system_status()),
        instance: word(status.instance_status()),
        events: events.collect(),
    }
}
