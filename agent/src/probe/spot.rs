//! Does EC2 want this spot instance back?
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html>

use node::finding;
use serde::Deserialize;

use super::reading::Reading;
use crate::host::imds::Imds;

const ACTION: &str = "/latest/meta-data/spot/instance-action";
const REBALANCE: &str = "/latest/meta-data/events/recommendations/rebalance";

/// `{"action": "terminate", "time": "2017-09-18T08:22:00Z"}`.
#[derive(Debug, Deserialize)]
struct Action {
    action: String,
    time: String,
}

/// `{"noticeTime": "2020-10-27T08:22:00Z"}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rebalance {
    notice_time: String,
}

/// Looks for the notice of two minutes. Nothing where nobody answers.
pub async fn interruption(imds: &Imds) -> Option<Reading> {
    judge_interruption(imds.text(ACTION).await.ok()?.as_deref())
}

/// Looks for the recommendation that may come before it.
pub async fn rebalance(imds: &Imds) -> Option<Reading> {
    judge_rebalance(imds.text(REBALANCE).await.ok()?.as_deref())
}

fn judge_interruption(document: Option<&str>) -> Option<Reading> {
    let finding = &finding::AWS_SPOT_INTERRUPTION;
    let Some(document) = document else {
        return Some(Reading::passed(finding, ""));
    };
    let Action { action, time } = serde_json::from_str(document).ok()?;
    let told = format!("EC2 will {action} this instance at {time} (spot/instance-action)");
    Some(Reading::failed(finding, "", told))
}

fn judge_rebalance(document: Option<&str>) -> Option<Reading> {
    let finding = &finding::AWS_REBALANCE;
    let Some(document) = document else {
        return Some(Reading::passed(finding, ""));
    };
    let Rebalance { notice_time } = serde_json::from_str(document).ok()?;
    let told = format!("EC2 recommended at {notice_time} to move off this instance");
    Some(Reading::failed(finding, "", told))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(reading: Option<Reading>) -> Option<String> {
        reading.and_then(|reading| reading.failure)
    }

    #[test]
    fn a_notice_is_told_with_what_happens_and_when() {
        assert_eq!(
            failure(judge_interruption(Some(
                "{\"action\": \"stop\", \"time\": \"2017-09-18T08:22:00Z\"}"
            )))
            .as_deref(),
            Some("EC2 will stop this instance at 2017-09-18T08:22:00Z (spot/instance-action)")
        );
        assert_eq!(
            failure(judge_rebalance(Some(
                "{\"noticeTime\":\"2020-10-27T08:22:00Z\"}"
            )))
            .as_deref(),
            Some("EC2 recommended at 2020-10-27T08:22:00Z to move off this instance")
        );
    }

    #[test]
    fn no_notice_passes_and_another_document_says_nothing() {
        let passed = Some(Reading::passed(&finding::AWS_SPOT_INTERRUPTION, ""));
        assert_eq!(judge_interruption(None), passed);
        assert_eq!(
            judge_rebalance(None),
            Some(Reading::passed(&finding::AWS_REBALANCE, ""))
        );
        assert_eq!(judge_interruption(Some("<html>")), None);
        assert_eq!(judge_rebalance(Some("")), None);
    }
}
