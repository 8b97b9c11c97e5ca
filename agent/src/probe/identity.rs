//! Who are we to the API server, with the kubelet's own credential? One `SelfSubjectReview`.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Status;
use kube::Client;
use kube::client::AuthError;
use node::chain::Chain;
use node::finding;
use tokio::time::timeout;

use super::{DEADLINE, Outcome, endpoint};
use crate::host::kubernetes::{self, Access, Review};

const ANONYMOUS: &str = "system:anonymous";
const NODE_PREFIX: &str = "system:node:";
const NODES: &str = "system:nodes";

/// Asks, and gives the client that it asked with. The error is what it means that there is no answer.
pub async fn ask(access: Access) -> Result<(Review, Client), Outcome> {
    let at = access.endpoint().to_string();
    let client = match timeout(DEADLINE, access.client()).await {
        Ok(made) => made.map_err(|error| no_client(&error))?,
        Err(_) => {
            return Err(Outcome::fault(
                &finding::JOIN_EXEC_FAILED,
                format!(
                    "the credential helper of the kubeconfig gives nothing within {} s",
                    DEADLINE.as_secs()
                ),
            ));
        }
    };
    match timeout(DEADLINE, kubernetes::review(&client)).await {
        Ok(Ok(review)) => Ok((review, client)),
        Ok(Err(error)) => Err(endpoint::judge(&at, &error)),
        // The connection was there a moment ago.
        Err(_) => Err(Outcome::fault(
            &finding::NETWORK_API_UNAVAILABLE,
            format!(
                "{at}: no answer to a SelfSubjectReview within {} s",
                DEADLINE.as_secs()
            ),
        )),
    }
}

fn no_client(error: &kubernetes::Error) -> Outcome {
    let said = Chain(error).to_string();
    let kubernetes::Error::Client {
        source: kube::Error::Auth(source),
    } = error
    else {
        return Outcome::CannotTell(said);
    };
    match source {
        AuthError::AuthExecStart(source) => Outcome::fault(
            &finding::JOIN_EXEC_MISSING,
            format!("running the credential helper of the kubeconfig: {source}"),
        ),
        // Its output is left out: what should have been a token may be in it.
        AuthError::AuthExecRun { out, .. } => Outcome::fault(
            &finding::JOIN_EXEC_FAILED,
            format!(
                "the credential helper of the kubeconfig failed: {}",
                out.status
            ),
        ),
        AuthError::AuthExecParse(_) => Outcome::fault(
            &finding::JOIN_EXEC_FAILED,
            "the credential helper of the kubeconfig gives no ExecCredential",
        ),
        AuthError::MissingCommand => Outcome::fault(&finding::JOIN_KUBECONFIG_INVALID, said),
        _ => Outcome::CannotTell(said),
    }
}

/// Whether the API server did not accept the credential.
pub fn is_refused(review: &Review) -> bool {
    review.status == 401
}

/// What the answer means for the node of this name.
pub fn judge(review: &Review, node_name: &str) -> Outcome {
    let status = review.status;
    let said = format!("SelfSubjectReview with the kubelet's credential: {status}");
    let message = || message(&review.body);
    match status {
        200..=299 => {}
        401 => return Outcome::fault(&finding::JOIN_UNAUTHORIZED, format!("{said} {}", message())),
        // Whoever is known may ask; only the anonymous user may not.
        403 if message().contains(ANONYMOUS) => {
            return Outcome::fault(&finding::JOIN_ANONYMOUS, format!("{said} {}", message()));
        }
        429 => return Outcome::fault(&finding::NETWORK_API_THROTTLED, said),
        500..=599 => {
            return Outcome::fault(
                &finding::NETWORK_API_UNAVAILABLE,
                format!("{said} {}", message()),
            );
        }
        // An API server before 1.28 does not know the question.
        _ => return Outcome::CannotTell(format!("{said} {}", message())),
    }
    let user = serde_json::from_slice::<SelfSubjectReview>(&review.body)
        .ok()
        .and_then(|review| review.status?.user_info);
    let Some(user) = user else {
        return Outcome::CannotTell(format!("{said} without a user"));
    };
    let name = user.username.unwrap_or_default();
    let groups = user.groups.unwrap_or_default();
    let expected = format!("{NODE_PREFIX}{node_name}");
    let seen = format!(
        "the API server knows us as `{name}` in the groups {}",
        groups.join(", ")
    );
    if name == ANONYMOUS {
        Outcome::fault(&finding::JOIN_ANONYMOUS, seen)
    } else if name != expected {
        Outcome::fault(
            &finding::JOIN_NODE_NAME_MISMATCH,
            format!("{seen}, not as `{expected}`"),
        )
    } else if !groups.iter().any(|group| group == NODES) {
        Outcome::fault(
            &finding::JOIN_GROUPS_MISSING,
            format!("{seen}, not in `{NODES}`"),
        )
    } else {
        Outcome::Passed
    }
}

fn message(body: &[u8]) -> String {
    serde_json::from_slice::<Status>(body)
        .ok()
        .and_then(|status| status.message)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;

    fn judged(status: u16, body: &Value) -> Outcome {
        let review = Review {
            status,
            date: None,
            at: Timestamp::UNIX_EPOCH,
            body: body.to_string().into_bytes(),
        };
        judge(&review, "ip-10-0-0-1")
    }

    fn user(name: &str, groups: &[&str]) -> Outcome {
        judged(
            201,
            &json!({
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "SelfSubjectReview",
                "status": { "userInfo": { "username": name, "groups": groups } },
            }),
        )
    }

    fn refused(status: u16, message: &str) -> Outcome {
        judged(
            status,
            &json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "message": message, "code": status }),
        )
    }

    #[test]
    fn a_node_among_the_nodes_passes() {
        assert_eq!(
            user(
                "system:node:ip-10-0-0-1",
                &["system:nodes", "system:authenticated"]
            ),
            Outcome::Passed
        );
    }

    #[test]
    fn another_name_and_missing_groups_are_told_apart() {
        assert_eq!(
            user("system:node:i-0a1b", &["system:nodes"]).told(),
            (
                "join.node_name_mismatch",
                "the API server knows us as `system:node:i-0a1b` in the groups system:nodes, not as `system:node:ip-10-0-0-1`"
            )
        );
        assert_eq!(
            user("system:node:ip-10-0-0-1", &["system:authenticated"]).told(),
            (
                "join.groups_missing",
                "the API server knows us as `system:node:ip-10-0-0-1` in the groups system:authenticated, not in `system:nodes`"
            )
        );
        assert_eq!(user("system:anonymous", &[]).told().0, "join.anonymous");
    }

    #[test]
    fn refusals_are_named_by_their_status() {
        assert_eq!(
            refused(401, "Unauthorized").told(),
            (
                "join.unauthorized",
                "SelfSubjectReview with the kubelet's credential: 401 Unauthorized"
            )
        );
        let forbidden = |user: &str| {
            refused(
                403,
                &format!(
                    "selfsubjectreviews.authentication.k8s.io is forbidden: User \"{user}\" cannot create resource"
                ),
            )
        };
        assert_eq!(forbidden("system:anonymous").told().0, "join.anonymous");
        assert_eq!(forbidden("system:node:ip-10-0-0-1").told().0, "cannot tell");
        assert_eq!(refused(429, "slow down").told().0, "network.api_throttled");
        assert_eq!(
            refused(503, "not ready").told().0,
            "network.api_unavailable"
        );
        assert_eq!(refused(404, "no such resource").told().0, "cannot tell");
        assert_eq!(judged(201, &json!({})).told().0, "cannot tell");
    }

    #[test]
    fn a_helper_that_is_missing_is_told_from_one_that_fails_and_its_output_is_not_shown() {
        let of = |source| {
            no_client(&kubernetes::Error::Client {
                source: kube::Error::Auth(source),
            })
        };
        let missing = AuthError::AuthExecStart(std::io::ErrorKind::NotFound.into());
        assert_eq!(of(missing).told().0, "join.exec_missing");
        let failed = AuthError::AuthExecRun {
            cmd: "helper".into(),
            out: Box::new(std::process::Output {
                status: std::os::unix::process::ExitStatusExt::from_raw(256),
                stdout: b"hunter2".to_vec(),
                stderr: Vec::new(),
            }),
        };
        assert_eq!(
            of(failed).told(),
            (
                "join.exec_failed",
                "the credential helper of the kubeconfig failed: exit status: 1"
            )
        );
    }
}
