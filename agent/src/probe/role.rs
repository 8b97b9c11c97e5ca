//! Has the instance its role, and are its credentials good? Whoever lives from them (the kubelet's tokens, images, the SSM
//! agent) fails one after the other when it has not.

use jiff::Timestamp;
use node::finding::{self, Finding};
use node::token::Credentials;

use super::reading::Reading;
use super::{Outcome, credential};
use crate::host::aws::once::{Error, Said};
use crate::host::environment::Environment;
use crate::host::imds;
use crate::host::root::Root;
use crate::plan::Summary;

pub use credential::missing;

/// What is told of a role or its credentials that are not there.
pub const MISSING: &[&Finding] = &[&finding::JOIN_NO_CREDENTIALS];

/// Whether these credentials have ended by our own clock. That proves nothing: AWS prolongs credentials that it cannot
/// renew, and the clock may be wrong. Then STS is asked.
pub fn has_ended(credentials: &Credentials, now: Timestamp) -> bool {
    credentials.expires_at.is_some_and(|end| end <= now)
}

/// Asks STS about credentials that have ended.
pub async fn ask(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    credentials: &Credentials,
    now: Timestamp,
) -> Vec<Reading> {
    let asked = credential::ask(root, environment, summary, credentials).await;
    judge(asked.as_ref(), credentials.expires_at, now)
}

/// What the answer means.
fn judge(
    asked: Option<&Result<Said<String>, Error>>,
    ended: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Reading> {
    let finding = &finding::JOIN_CREDENTIALS_EXPIRED;
    if matches!(asked, Some(Ok(Said::Known(_)))) {
        return passed();
    }
    let faults = credential::judge(asked, ended, now).into_iter();
    let expired = faults.filter_map(|outcome| match outcome {
        Outcome::Fault(fault) if fault.finding == finding => Some(fault.evidence.join("; ")),
        _ => None,
    });
    let role = Reading::passed(&finding::JOIN_NO_CREDENTIALS, "");
    let expired = expired.map(|why| Reading::failed(finding, "", why));
    std::iter::once(role).chain(expired).collect()
}

/// There is a role, and its credentials are good.
pub fn passed() -> Vec<Reading> {
    let findings = [
        &finding::JOIN_NO_CREDENTIALS,
        &finding::JOIN_CREDENTIALS_EXPIRED,
    ];
    findings.map(|finding| Reading::passed(finding, "")).into()
}

/// What a question to the metadata service says of how it fares: 429 and errors of its own are a service that is asked too
/// much. Without an answer nothing is known.
pub fn throttling(error: Option<&imds::Error>) -> Option<Reading> {
    let finding = &finding::AWS_IMDS_THROTTLED;
    match error {
        Some(imds::Error::Deadline { last, path, .. }) => {
            let is_of_service = ["HTTP 429", "HTTP 5"]
                .iter()
                .any(|status| last.starts_with(status));
            let why = format!("the metadata service answers `{path}` with {last}");
            is_of_service.then(|| Reading::failed(finding, "", why))
        }
        Some(imds::Error::Disabled { .. } | imds::Error::NotText { .. }) => None,
        // It answers.
        Some(
            imds::Error::NoRole | imds::Error::NoCredentials { .. } | imds::Error::Missing { .. },
        )
        | None => Some(Reading::passed(finding, "")),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn judged(asked: &Result<Said<String>, Error>) -> Vec<(&'static str, bool)> {
        let readings = judge(Some(asked), Some(NOW), NOW).into_iter();
        readings
            .map(|reading| (reading.finding.code, reading.failure.is_none()))
            .collect()
    }

    #[test]
    fn credentials_have_expired_when_sts_says_so() {
        let refused = |code: &str| {
            Ok(Said::Refused {
                code: code.into(),
                message: "no".into(),
            })
        };
        let role = ("join.no_credentials", true);
        let expired = |is_good| ("join.credentials_expired", is_good);
        assert_eq!(judged(&refused("ExpiredToken")), [role, expired(false)]);
        assert_eq!(
            judged(&Ok(Said::Known("arn".into()))),
            [role, expired(true)]
        );
        assert_eq!(judged(&refused("AccessDenied")), [role]);
    }

    #[test]
    fn a_metadata_service_that_is_asked_too_much_is_told_from_one_that_is_not_there() {
        let last = |last: &str| imds::Error::Deadline {
            endpoint: "http://169.254.169.254".into(),
            path: "/latest/meta-data/iam/".into(),
            deadline: Duration::from_secs(5),
            attempts: 6,
            last: last.into(),
        };
        let told = |error: &imds::Error| throttling(Some(error)).map(|reading| reading.failure);
        assert_eq!(
            told(&last("HTTP 429")),
            Some(Some(
                "the metadata service answers `/latest/meta-data/iam/` with HTTP 429".into()
            ))
        );
        assert!(told(&last("HTTP 503 for a token")).is_some());
        assert_eq!(told(&last("connection refused")), None);
        assert_eq!(told(&imds::Error::NoRole), Some(None));
        assert_eq!(throttling(None).unwrap().failure, None);
    }
}
