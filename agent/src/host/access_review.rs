//! The API server asked on somebody else's behalf: whose token is this, and may they? With the kubelet's own credential:
//! `system:node` may create both kinds of review, as the kubelet does for its own port.
//!
//! <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/>,
//! <https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/subject-access-review-v1/>

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use node::redact::Secret;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::environment::Environment;
use super::kubernetes;
use super::root::Root;

/// Somebody waits for the answer, so it comes soon or not at all.
const DEADLINE: Duration = Duration::from_secs(5);

/// Why the API server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no client.
    #[error("asking the API server")]
    Client {
        /// Why not.
        #[source]
        source: Box<kubernetes::Error>,
    },
    /// It refused to answer, or the connection broke.
    #[error("creating a {kind}")]
    Call {
        /// Kind of the review.
        kind: &'static str,
        /// What it says.
        #[source]
        source: Box<kube::Error>,
    },
    /// It did not answer.
    #[error("the API server did not answer within {} s", DEADLINE.as_secs())]
    Deadline,
}

/// Who somebody is, in the API server's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Vec<String>>>,
}

impl User {
    /// Somebody of whom only the name is known.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            ..Self::default()
        }
    }
}

/// What somebody wants to do, and whether that is allowed is the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// The verb.
    pub verb: &'static str,
    /// API group.
    pub group: &'static str,
    /// The resource.
    pub resource: &'static str,
    /// Its part.
    pub subresource: &'static str,
    /// Name of the object.
    pub name: String,
}

/// Who may do something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// They may.
    Allowed,
    /// They may not; why, where the API server says it.
    Denied(String),
}

/// Asks.
pub trait Review: Send + Sync + 'static {
    /// Whose token this is, if it is for this audience; `None` when it is nobody's.
    fn user(
        &self,
        token: &Secret<String>,
        audience: &str,
    ) -> impl Future<Output = Result<Option<User>, Error>> + Send;

    /// Whether they may.
    fn access(
        &self,
        user: &User,
        attributes: &Attributes,
    ) -> impl Future<Output = Result<Access, Error>> + Send;
}

/// The API server of the kubelet's kubeconfig.
pub struct Reviewer {
    root: Root,
    environment: Environment,
    /// Made when it is first needed, and again after a failure: the kubeconfig may be rewritten.
    client: Mutex<Option<Client>>,
}

impl std::fmt::Debug for Reviewer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reviewer").finish_non_exhaustive()
    }
}

impl Reviewer {
    /// Nothing is read and nobody is asked yet.
    pub fn new(root: &Root, environment: &Environment) -> Self {
        Self {
            root: root.clone(),
            environment: environment.clone(),
            client: Mutex::new(None),
        }
    }

    async fn create<T>(&self, kind: &'static str, review: &T) -> Result<T, Error>
    where
        T: kube::Resource<DynamicType = ()>
            + Clone
            + std::fmt::Debug
            + serde::Serialize
            + serde::de::DeserializeOwned,
    {
        let asking = async {
            let client = self.client().await?;
            Api::<T>::all(client)
                .create(&PostParams::default(), review)
                .await
                .map_err(|source| Error::Call {
                    kind,
                    source: Box::new(source),
                })
        };
        let error = match timeout(DEADLINE, asking).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error,
            Err(_) => Error::Deadline,
        };
        *self.client.lock().await = None;
        Err(error)
    }

    async fn client(&self) -> Result<Client, Error> {
        let mut client = self.client.lock().await;
        if let Some(client) = client.as_ref() {
            return Ok(client.clone());
        }
        let made = kubernetes::client(&self.root, &self.environment)
            .await
            .map_err(|source| Error::Client {
                source: Box::new(source),
            })?;
        *client = Some(made.clone());
        Ok(made)
    }
}

impl Review for Reviewer {
    async fn user(&self, token: &Secret<String>, audience: &str) -> Result<Option<User>, Error> {
        let review = TokenReview {
            spec: TokenReviewSpec {
                audiences: Some(vec![audience.to_owned()]),
                token: Some(token.expose().clone()),
            },
            ..TokenReview::default()
        };
        let review = self.create("TokenReview", &review).await?;
        Ok(user(review, audience))
    }

    async fn access(&self, user: &User, attributes: &Attributes) -> Result<Access, Error> {
        let review = SubjectAccessReview {
            spec: question(user, attributes),
            ..SubjectAccessReview::default()
        };
        let review = self.create("SubjectAccessReview", &review).await?;
        Ok(access(review))
    }
}

/// An API server that does not know of audiences names none in its answer, and must not be believed.
fn user(review: TokenReview, audience: &str) -> Option<User> {
    let status = review.status?;
    let is_for_us = status
        .audiences
        .is_some_and(|audiences| audiences.iter().any(|for_whom| for_whom == audience));
    if status.authenticated != Some(true) || !is_for_us {
        return None;
    }
    let user = status.user?;
    Some(User {
        name: user.username?,
        uid: user.uid,
        groups: user.groups,
        extra: user.extra,
    })
}

fn question(user: &User, attributes: &Attributes) -> SubjectAccessReviewSpec {
    SubjectAccessReviewSpec {
        user: Some(user.name.clone()),
        uid: user.uid.clone(),
        groups: user.groups.clone(),
        extra: user.extra.clone(),
        resource_attributes: Some(ResourceAttributes {
            group: Some(attributes.group.to_owned()),
            resource: Some(attributes.resource.to_owned()),
            subresource: Some(attributes.subresource.to_owned()),
            verb: Some(attributes.verb.to_owned()),
            name: Some(attributes.name.clone()),
            ..ResourceAttributes::default()
        }),
        ..SubjectAccessReviewSpec::default()
    }
}

fn access(review: SubjectAccessReview) -> Access {
    let status = review.status.unwrap_or_default();
    if status.allowed && status.denied != Some(true) {
        return Access::Allowed;
    }
    let said = [status.reason, status.evaluation_error];
    let said: Vec<String> = said.into_iter().flatten().collect();
    Access::Denied(said.join("; "))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(status: &serde_json::Value) -> Option<User> {
        let review = json!({ "spec": {}, "status": status });
        user(serde_json::from_value(review).unwrap(), "a")
    }

    #[test]
    fn a_user_is_one_whose_token_is_confirmed_for_our_audience() {
        let good = json!({
            "authenticated": true, "audiences": ["a"],
            "user": { "username": "system:serviceaccount:x:y", "uid": "1", "groups": ["g"], "extra": { "k": ["v"] } },
        });
        let user = told(&good).unwrap();
        assert_eq!(user.name, "system:serviceaccount:x:y");
        let attributes = Attributes {
            verb: "get",
            group: "nodectl.dev",
            resource: "nodeagents",
            subresource: "logs",
            name: "n".into(),
        };
        assert_eq!(
            serde_json::to_value(question(&user, &attributes)).unwrap(),
            json!({
                "user": "system:serviceaccount:x:y", "uid": "1", "groups": ["g"], "extra": { "k": ["v"] },
                "resourceAttributes": {
                    "group": "nodectl.dev", "resource": "nodeagents", "subresource": "logs", "verb": "get", "name": "n",
                },
            })
        );
        for (field, value) in [
            ("authenticated", json!(false)),
            ("audiences", json!([])),
            ("audiences", json!(["b"])),
            ("audiences", json!(null)),
            ("user", json!(null)),
            ("user", json!({})),
        ] {
            let mut status = good.clone();
            status[field] = value;
            assert_eq!(told(&status), None, "{field}");
        }
        assert_eq!(told(&json!({})), None);
    }

    #[test]
    fn only_what_is_allowed_and_not_denied_is_allowed() {
        let told = |status: serde_json::Value| {
            let review = json!({ "spec": {}, "status": status });
            access(serde_json::from_value(review).unwrap())
        };
        assert_eq!(told(json!({ "allowed": true })), Access::Allowed);
        assert_eq!(
            told(json!({ "allowed": true, "denied": true })),
            Access::Denied(String::new())
        );
        assert_eq!(
            told(json!({ "allowed": false, "reason": "a", "evaluationError": "b" })),
            Access::Denied("a; b".into())
        );
        assert_eq!(
            access(SubjectAccessReview::default()),
            Access::Denied(String::new())
        );
    }
}
