//! One plain HTTP request and its whole answer, for talking to moto.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use thiserror::Error;

/// `DescribeInstanceTypes` of every type is 6 MB.
const LONGEST_ANSWER_BYTES: usize = 64 << 20;

/// A client with a pool of connections; clones share it.
pub(crate) type Client = HyperClient<HttpConnector, Full<Bytes>>;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum WebError {
    /// The server did not answer.
    #[error("no answer from `{uri}`")]
    Unanswered {
        /// Where the request went.
        uri: String,
        /// Refused, reset, and so on.
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// The answer broke off or is too long.
    #[error("no complete answer from `{uri}`")]
    Incomplete {
        /// Where the request went.
        uri: String,
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The body as text; bytes that are no UTF-8 become replacement characters.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub(crate) fn client() -> Client {
    HyperClient::builder(TokioExecutor::new()).build_http()
}

pub(crate) async fn send(
    client: &Client,
    request: Request<Full<Bytes>>,
) -> Result<Answer, WebError> {
    let uri = request.uri().to_string();
    let response = match client.request(request).await {
        Ok(response) => response,
        Err(source) => return Err(WebError::Unanswered { uri, source }),
    };
    let (head, body) = response.into_parts();
    let body = match Limited::new(body, LONGEST_ANSWER_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(source) => return Err(WebError::Incomplete { uri, source }),
    };
    Ok(Answer {
        status: head.status,
        headers: head.headers,
        body,
    })
}
