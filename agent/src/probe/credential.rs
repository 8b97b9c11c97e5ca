//! After a 401: is the credential itself good? STS is asked what the cluster's authenticator asks it.

use node::chain::Chain;
use node::finding;
use tokio::time::timeout;

use super::{DEADLINE, Outcome, PATIENCE};
use crate::host::aws::sts::{self, Error, Said};
use crate::host::environment::Environment;
use crate::host::imds::Imds;
use crate::host::root::Root;
use crate::plan::Summary;

/// Asks STS. Who cannot reach it may join all the same, so that is no fault.
pub async fn ask(root: &Root, environment: &Environment, summary: &Summary) -> Outcome {
    let environment = environment.clone().with_kept_defaults(root);
    let imds = Imds::new(environment.imds_endpoint.as_deref(), DEADLINE);
    let scope = (summary.region.as_str(), summary.cluster.as_str());
    let asking = sts::caller_identity(root, &environment, &imds, scope, PATIENCE);
    match timeout(DEADLINE, asking).await {
        Ok(asked) => judge(&asked),
        Err(_) => Outcome::CannotTell(format!(
            "STS does not answer within {} s",
            DEADLINE.as_secs()
        )),
    }
}

/// What the answer means. Whatever is no fault is evidence: words for a person.
pub fn judge(asked: &Result<Said, Error>) -> Outcome {
    let (code, message) = match asked {
        Ok(Said::Known { arn }) => {
            return Outcome::CannotTell(format!(
                "STS knows the credential as {arn}: it is good, and the cluster does not map it"
            ));
        }
        Ok(Said::Refused { code, message }) => (code.as_str(), message),
        Err(error) => return Outcome::CannotTell(Chain(error).to_string()),
    };
    let said = format!("STS refuses the credential: {code}: {message}");
    match code {
        "RegionDisabledException" => Outcome::fault(&finding::JOIN_STS_REGION_DISABLED, said),
        "RequestExpired" | "ExpiredToken" | "ExpiredTokenException" | "RequestInTheFuture" => {
            Outcome::fault(&finding::TIME_SIGNATURE_EXPIRED, said)
        }
        "SignatureDoesNotMatch" if message.starts_with("Signature ") => {
            Outcome::fault(&finding::TIME_SIGNATURE_EXPIRED, said)
        }
        _ => Outcome::CannotTell(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, message: &str) -> Outcome {
        judge(&Ok(Said::Refused {
            code: code.into(),
            message: message.into(),
        }))
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
        assert_eq!(
            refused("ExpiredToken", "expired").told().0,
            "time.signature_expired"
        );
    }

    #[test]
    fn everything_else_is_evidence_only() {
        let arn = "arn:aws:sts::1:assumed-role/node/i-1".to_owned();
        assert_eq!(
            judge(&Ok(Said::Known { arn })).told(),
            (
                "cannot tell",
                "STS knows the credential as arn:aws:sts::1:assumed-role/node/i-1: it is good, and the cluster does not map it"
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
        let unreachable = Error::Unreachable {
            reason: "nothing".into(),
        };
        assert_eq!(judge(&Err(unreachable)).told().0, "cannot tell");
    }
}
