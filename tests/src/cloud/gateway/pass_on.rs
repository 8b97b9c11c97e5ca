//! The way on to moto for every call that is not answered by the gateway: unchanged there, unchanged back.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::uri::PathAndQuery;
use http::{HeaderMap, Request, StatusCode};
use thiserror::Error;

use super::call::Call;
use super::fault::Fault;
use crate::cloud::web::{self, Client, WebError};

/// The moto behind the gateway.
#[derive(Debug)]
pub(super) struct Moto {
    url: String,
    client: Client,
}

#[derive(Debug, Error)]
enum PassOnError {
    #[error("cannot pass `{action}` on to moto")]
    Unbuildable {
        action: String,
        #[source]
        source: http::Error,
    },
    #[error("moto does not answer `{action}`")]
    Unanswered {
        action: String,
        #[source]
        source: WebError,
    },
}

impl Moto {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            client: web::client(),
        }
    }

    /// What moto says to the call. It tells the service from the `Authorization` and `Host` headers, so both go along.
    pub(super) async fn answer(&self, call: &Call) -> Result<Response, Fault> {
        let action = call.action.clone();
        let request = self.request(call).map_err(|source| {
            let action = action.clone();
            Fault::internal(&PassOnError::Unbuildable { action, source })
        })?;
        let answer = web::send(&self.client, request).await.map_err(|source| {
            tracing::error!(
                action,
                error = crate::cloud::chain(&source),
                "moto does not answer"
            );
            let error = PassOnError::Unanswered { action, source };
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Fault::new(status, "ServiceUnavailable", crate::cloud::chain(&error))
        })?;
        let mut response = Response::new(Body::from(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = end_to_end(answer.headers);
        Ok(response)
    }

    fn request(
        &self,
        call: &Call,
    ) -> Result<Request<http_body_util::Full<bytes::Bytes>>, http::Error> {
        let path = call.head.uri.path_and_query();
        let path = path.map_or("/", PathAndQuery::as_str);
        let mut request = Request::builder()
            .method(call.head.method.clone())
            .uri(format!("{}{path}", self.url))
            .body(call.body.clone().into())?;
        *request.headers_mut() = end_to_end(call.head.headers.clone());
        Ok(request)
    }
}

/// Without the headers that concern one connection only; lengths are set anew from the body.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers
}
