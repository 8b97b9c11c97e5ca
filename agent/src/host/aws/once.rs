//! A request that is sent once: for evidence after the API server has refused a token.
//!
//! Whoever reads the evidence needs it soon, and a herd of nodes that is refused must not become a load of its own, so
//! there is no second try.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use node::chain::Chain;

use crate::host::body;
use crate::host::connect::{self, Kind, Patience};
use crate::host::environment::Environment;
use crate::host::root::Root;

/// Header with the code of an error, in services that speak JSON:
/// <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// What a service says to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<T> {
    /// What it was asked for.
    Known(T),
    /// It does not answer this caller, or not this question.
    Refused {
        /// AWS's code, or the HTTP status.
        code: String,
        /// Its reason.
        message: String,
    },
}

/// Why a service could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No request can be made or signed.
    #[error("making a request of {service}")]
    Request {
        /// The service, as people call it.
        service: &'static str,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No client can be made of what is configured.
    #[error("making a client of {service}")]
    Client {
        /// The service, as people call it.
        service: &'static str,
        /// What is wrong.
        #[source]
        source: connect::Error,
    },
    /// No answer, or no whole one.
    #[error("{service} is not reached: {reason}")]
    Unreachable {
        /// The service, as people call it.
        service: &'static str,
        /// What is in the way.
        kind: Kind,
        /// The same for a person.
        reason: String,
    },
}

/// The answer to one request, whatever its status.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// Code of the error, where it is in a header.
    pub(super) error_type: Option<String>,
    pub(super) body: String,
}

/// Sends the request and reads the whole answer, of at most `maximum` bytes.
pub(super) async fn send(
    root: &Root,
    environment: &Environment,
    service: &'static str,
    request: Request<Full<Bytes>>,
    patience: Patience,
    maximum: usize,
) -> Result<Answer, Error> {
    let is_plain = request.uri().scheme_str() == Some("http");
    let https = super::https(root, environment, is_plain, patience)
        .map_err(|source| Error::Client { service, source })?;
    let unreachable = |kind, reason| Error::Unreachable {
        service,
        kind,
        reason,
    };
    let client = Client::builder(TokioExecutor::new()).build(https);
    let response = client.request(request).await.map_err(|error| {
        // What the client itself adds tells nobody anything, and must not tell the URL: it may be a credential.
        let source = std::error::Error::source(&error).unwrap_or(&error);
        unreachable(connect::kind(source), Chain(source).to_string())
    })?;
    let status = response.status();
    let error_type = response
        .headers()
        .get(ERROR_TYPE)
        .and_then(|value| value.to_str().ok())
        // Some services add where the error is described.
        .and_then(|value| value.split([':', ',']).next())
        .map(str::to_owned);
    let body = body::whole(response.into_body(), maximum)
        .await
        .map_err(|reason| unreachable(Kind::Broken, reason))?;
    Ok(Answer {
        status,
        error_type,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

impl Answer {
    /// A refusal with this code and reason, where the answer has them.
    pub(super) fn refused<T>(&self, code: Option<&str>, message: Option<&str>) -> Said<T> {
        Said::Refused {
            code: code.map_or_else(|| format!("HTTP {}", self.status.as_u16()), str::to_owned),
            message: super::outcome::shortened(message.unwrap_or("it gives no reason")),
        }
    }
}
