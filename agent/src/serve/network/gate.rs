//! Who is answered by TLS: the owner of a token for [`AUDIENCE`] alone whom the cluster's access control allows it.
//!
//! Bearer token -> what it says against itself -> `TokenReview` -> `SubjectAccessReview`. Whenever one of these cannot be
//! asked, nobody is answered. What the API server [`allowed`] counts for seconds; how often strangers make us ask it is
//! bounded.

mod allowed;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, Uri};
use jiff::Timestamp;
use node::chain::Chain;
use node::redact::{self, Secret};
use node::service_account::Claims;
use node::wire::access::{AUDIENCE, GROUP, RESOURCE, Subresource, VERB, subresource};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::super::connection::Peer;
use super::bearer;
use super::bucket::Bucket;
use super::refusal::{Audit, Refusal};
use super::token::Fingerprint;
use crate::host::access_review::{Access, Attributes, Error, Review};
use crate::watch::boot::Boot;

use allowed::Allowed;

/// Requests that ask the API server at a time.
const REVIEWS: usize = 4;
/// Requests that may ask it at once …
const REVIEW_BURST: u32 = 20;
/// … and one more after each of these.
const REVIEW_PERIOD: Duration = Duration::from_millis(200);
/// How long a request waits for its turn to ask.
const TURN: Duration = Duration::from_secs(5);

/// The gate, and what it remembers.
#[derive(Debug)]
pub(super) struct Gate<R> {
    reviewer: R,
    boot: watch::Receiver<Boot>,
    allowed: Mutex<Allowed>,
    turns: Semaphore,
    pace: Mutex<Bucket>,
    audit: Audit,
}

/// The middleware.
pub(super) async fn pass<R: Review>(
    State(gate): State<Arc<Gate<R>>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let token = bearer::take(request.headers_mut());
    let (method, uri) = (request.method().clone(), request.uri().clone());
    match gate.judge(token, &method, &uri).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => gate.audit.refuse(refusal, peer, &method, &uri),
    }
}

impl<R: Review> Gate<R> {
    pub(super) fn new(reviewer: R, boot: watch::Receiver<Boot>) -> Self {
        Self {
            reviewer,
            boot,
            allowed: Mutex::new(Allowed::default()),
            turns: Semaphore::new(REVIEWS),
            pace: Mutex::new(Bucket::new(REVIEW_BURST, REVIEW_PERIOD)),
            audit: Audit::new("tls"),
        }
    }

    async fn judge(
        &self,
        token: Option<Secret<String>>,
        method: &Method,
        uri: &Uri,
    ) -> Result<(), Refusal> {
        let token = token.ok_or_else(|| Refusal::Unknown("there is no token".to_owned()))?;
        let unknown = |why: node::service_account::Refusal| Refusal::Unknown(why.to_string());
        let claims = Claims::read(token.expose()).map_err(unknown)?;
        claims.check(AUDIENCE, Timestamp::now()).map_err(unknown)?;
        if method != Method::GET {
            return Err(Refusal::Method);
        }
        let subresource = subresource(uri.path()).ok_or(Refusal::NotFound)?;
        let node = self.boot.borrow().identity().node_name;
        if node.is_empty() {
            let why = "the node does not know its name yet";
            return Err(Refusal::Unavailable(why.to_owned()));
        }
        let fingerprint = Fingerprint::of(&token);
        if self.allowed().holds(&fingerprint, subresource) {
            return Ok(());
        }
        self.review(&token, subresource, node).await?;
        self.allowed().add(fingerprint, subresource);
        Ok(())
    }

    /// Asks the API server, when it is our turn.
    async fn review(
        &self,
        token: &Secret<String>,
        subresource: Subresource,
        node: String,
    ) -> Result<(), Refusal> {
        let may_ask = lock(&self.pace).take();
        if !may_ask {
            return Err(Refusal::TooMany);
        }
        let Ok(Ok(_turn)) = timeout(TURN, self.turns.acquire()).await else {
            return Err(Refusal::TooMany);
        };
        let user = self.reviewer.user(token, AUDIENCE).await;
        let Some(user) = user.map_err(|error| unavailable(&error))? else {
            return Err(Refusal::Unknown("the cluster does not know it".to_owned()));
        };
        let what = format!(
            "{VERB} `{RESOURCE}.{GROUP}/{}` of `{node}`",
            subresource.as_str()
        );
        let attributes = Attributes {
            verb: VERB,
            group: GROUP,
            resource: RESOURCE,
            subresource: subresource.as_str(),
            name: node,
        };
        let access = self.reviewer.access(&user, &attributes).await;
        match access.map_err(|error| unavailable(&error))? {
            Access::Allowed => Ok(()),
            Access::Denied(_) => Err(Refusal::Forbidden {
                user: user.name,
                what,
            }),
        }
    }

    fn allowed(&self) -> std::sync::MutexGuard<'_, Allowed> {
        lock(&self.allowed)
    }
}

/// A lock that a panic has poisoned is one that nobody holds.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unavailable(error: &Error) -> Refusal {
    Refusal::Unavailable(redact::text(&Chain(error).to_string()))
}
