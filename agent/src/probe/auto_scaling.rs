//! Does the Auto Scaling group want this instance to go?
//! <https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html>

use node::finding;

use super::reading::Reading;
use crate::host::imds::Imds;

const STATE: &str = "/latest/meta-data/autoscaling/target-lifecycle-state";

/// Looks. Nothing where nobody answers.
pub async fn look(imds: &Imds) -> Option<Reading> {
    Some(judge(imds.text(STATE).await.ok()?.as_deref()))
}

/// An instance of no group has no such state.
fn judge(state: Option<&str>) -> Reading {
    let finding = &finding::AWS_ASG_TERMINATING;
    match state {
        Some(state @ ("Terminated" | "Warmed:Terminated")) => {
            let told = format!(
                "the target state of this instance is {state} (autoscaling/target-lifecycle-state)"
            );
            Reading::failed(finding, "", told)
        }
        _ => Reading::passed(finding, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_instance_that_shall_go_is_told() {
        for state in [
            None,
            Some("InService"),
            Some("Standby"),
            Some("Warmed:Stopped"),
            Some("Detached"),
        ] {
            assert_eq!(judge(state).failure, None, "{state:?}");
        }
        assert!(judge(Some("Terminated")).failure.is_some());
    }
}
