//! After a 401: is the credential itself good? STS is asked what the cluster's authenticator asks it.

use jiff::Timestamp;
use node::chain::Chain;
use node::finding;
use node::token::Credentials;
use tokio::time::timeout;

use super::{DEADLINE, Fault, Outcome, PATIENCE};
use crate::host::aws::once::{Error, Said};
use crate::host::aws::sts;
use crate::host::environment::Environment;
use crate::host::imds;
use crate::host::root::Root;
use crate::plan::Summary;

/// Asks STS with these credentials. `None`: it does not answer in time.
pub async fn ask(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    credentials: &Credentials,
) -> Option<Result<Said<String>, Error>> {
    let scope = (summary.region.as_str(), summary.cluster.as_str());
    let asking = sts::caller_identity(root, environment, credentials, scope, PATIENCE);
    timeout(DEADLINE, asking).await.ok()
}

/// What it means that IMDS gives no credentials.
pub fn missing(error: &imds::Error) -> Outcome {
    let said = Chain(error).to_string();
    match error {
        imds::Error::NoRole | imds::Error::NoCredentials { .. } => {
            Outcome::fault(&finding::JOIN_NO_CREDENTIALS, said)
        }
        _ => Outcome::CannotTell(said),
    }
}

/// What the answer means, for credentials that end at `expires_at`. Whatever is no fault is evidence: words for a person.
pub fn judge(
    asked: Option<&Result<Said<String>, Error>>,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Vec<Outcome> {
    let old = expires_at
        .filter(|end| *end <= now)
        .map(|end| format!("the metadata service hands out credentials that ended at {end:.0}"));
    let expired = |said: Option<String>| {
        Outcome::Fault(Fault {
            finding: &finding::JOIN_CREDENTIALS_EXPIRED,
            evidence: old.clone().into_iter().chain(said).collect(),
        })
    };
    let unreachable = |why: String| {
        // Who cannot reach STS may join all the same; what our own clock says of the credentials is all there is then.
        let mut outcomes = vec![Outcome::fault(&finding::JOIN_STS_UNREACHABLE, why)];
        outcomes.extend(old.is_some().then(|| expired(None)));
        outcomes
    };
    let (code, message) = match asked {
        Some(Ok(Said::Known(arn))) => {
            return vec![Outcome::CannotTell(format!(
                "STS knows the credential, it is that of {arn}"
            ))];
        }
        Some(Ok(Said::Refused { code, message })) => (code.as_str(), message),
        Some(Err(error @ Error::Unreachable { .. })) => {
            return unreachable(Chain(error).to_string());
        }
        Some(Err(error)) => return vec![Outcome::CannotTell(Chain(error).to_string())],
        None => {
            return unreachable(format!(
                "STS does not answer within {} s",
                DEADLINE.as_secs()
            ));
        }
    };
    let said = format!("STS refuses the credential: {code}: {message}");
    vec![match code {
        "RegionDisabledException" => Outcome::fault(&finding::JOIN_STS_REGION_DISABLED, said),
        // By the clock of AWS, not by ours.
        "ExpiredToken" | "ExpiredTokenException" => expired(Some(said)),
        "RequestExpired" | "RequestInTheFuture" => {
            Outcome::fault(&finding::TIME_SIGNATURE_EXPIRED, said)
        }
        "SignatureDoesNotMatch" if message.starts_with("Signature ") => {
            Outcome::fault(&finding::TIME_SIGNATURE_EXPIRED, said)
        }
        _ => Outcome::CannotTell(said),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::connect::Kind;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn judged(asked: &Result<Said<String>, Error>, expires_at: Timestamp) -> Vec<Outcome> {
        judge(Some(asked), Some(expires_at), NOW)
    }

    fn refused(code: &str, message: &str) -> Outcome {
        let said = Said::Refused {
            code: code.into(),
            message: message.into(),
        };
        let [outcome] = <[_; 1]>::try_from(judged(&Ok(said), hour(6))).unwrap();
        outcome
    }

    #[test]
    fn a_region_without_sts_and_a_wrong_clock_are_faults() {
        assert_eq!(
            refused(
                "RegionDisabledException",
                "STS is not activated in this region"
            )
            .told(),
            (
                "join.sts_region_disabled",
                "STS refuses the credential: RegionDisabledException: STS is not activated in this region"
            )
        );
        let expired = "Signature expired: 20260101T000000Z is now earlier than 20260101T000500Z";
        assert_eq!(
            refused("SignatureDoesNotMatch", expired).told().0,
            "time.signature_expired"
        );
    }

    #[test]
    fn credentials_have_expired_by_the_clock_of_aws() {
        assert_eq!(
            refused("ExpiredToken", "The security token is expired").told(),
            (
                "join.credentials_expired",
                "STS refuses the credential: ExpiredToken: The security token is expired"
            )
        );
        let said = Said::Refused {
            code: "ExpiredToken".into(),
            message: "expired".into(),
        };
        let [Outcome::Fault(fault)] = &judged(&Ok(said), hour(-1))[..] else {
            panic!("no fault");
        };
        assert_eq!(
            fault.evidence,
            [
                "the metadata service hands out credentials that ended at 1969-12-31T23:00:00Z",
                "STS refuses the credential: ExpiredToken: expired"
            ]
        );
        // AWS prolongs credentials when it cannot renew them: a date that is over proves nothing.
        let known = Ok(Said::Known("arn".into()));
        assert_eq!(judged(&known, hour(-1))[0].told().0, "cannot tell");
    }

    #[test]
    fn an_sts_that_is_not_reached_is_a_warning_and_leaves_our_own_clock() {
        let unreachable = || {
            Err(Error::Unreachable {
                service: "STS",
                kind: Kind::NoRoute,
                reason: "no route to host".into(),
            })
        };
        let codes = |expires_at| {
            let outcomes = judged(&unreachable(), expires_at);
            let codes: Vec<String> = outcomes
                .iter()
                .map(|outcome| outcome.told().0.to_owned())
                .collect();
            codes
        };
        assert_eq!(codes(hour(6)), ["join.sts_unreachable"]);
        assert_eq!(
            codes(hour(-1)),
            ["join.sts_unreachable", "join.credentials_expired"]
        );
        assert_eq!(
            judge(None, None, NOW)[0].told(),
            ("join.sts_unreachable", "STS does not answer within 5 s")
        );
    }

    #[test]
    fn everything_else_is_evidence_only() {
        let arn = "arn:aws:sts::1:assumed-role/node/i-1".to_owned();
        assert_eq!(
            judged(&Ok(Said::Known(arn)), hour(6))[0].told(),
            (
                "cannot tell",
                "STS knows the credential, it is that of arn:aws:sts::1:assumed-role/node/i-1"
            )
        );
        assert_eq!(
            refused(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match"
            )
            .told()
            .0,
            "cannot tell"
        );
        assert_eq!(
            refused("InvalidClientTokenId", "invalid").told().0,
            "cannot tell"
        );
    }

    #[test]
    fn an_instance_without_a_role_is_told_from_a_metadata_service_that_is_silent() {
        assert_eq!(
            missing(&imds::Error::NoRole).told().0,
            "join.no_credentials"
        );
        let silent = imds::Error::Missing {
            path: "/latest".into(),
        };
        assert_eq!(missing(&silent).told().0, "cannot tell");
    }
}
