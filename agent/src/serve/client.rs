//! The other end of the socket, for `nodeagent status`: one GET of the status document.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use node::wire::Status;
use tokio::time::timeout;

use crate::host::root::Root;
use crate::host::{path, socket};

const DEADLINE: Duration = Duration::from_secs(5);
const BODY_BYTES: usize = 1024 * 1024;

/// Why the daemon did not tell.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens, or we may not ask.
    #[error("the daemon does not answer at `{}`", path::SOCKET)]
    Connect {
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// The connection broke.
    #[error("asking the daemon")]
    Connection {
        /// How.
        #[source]
        source: hyper::Error,
    },
    /// It answered something else.
    #[error("the daemon answered {status}")]
    Status {
        /// The HTTP status.
        status: StatusCode,
    },
    /// The body broke off or is too large.
    #[error("reading the daemon's answer")]
    Body {
        /// What happened.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer is not a status document.
    #[error("the daemon's answer is not a status document")]
    Document {
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// No answer in time.
    #[error("the daemon did not answer within {} s", DEADLINE.as_secs())]
    Deadline,
}

/// What `/v1/status` answers.
pub async fn status(root: &Root) -> Result<Status, Error> {
    timeout(DEADLINE, ask(root))
        .await
        .map_err(|_| Error::Deadline)?
}

async fn ask(root: &Root) -> Result<Status, Error> {
    let stream = socket::connect(root, path::SOCKET)
        .await
        .map_err(|source| Error::Connect { source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|source| Error::Connection { source })?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static("/v1/status");
    request
        .headers_mut()
        .insert(header::HOST, header::HeaderValue::from_static("localhost"));
    let response = sender
        .send_request(request)
        .await
        .map_err(|source| Error::Connection { source })?;
    if response.status() != StatusCode::OK {
        return Err(Error::Status {
            status: response.status(),
        });
    }
    let body = Limited::new(response.into_body(), BODY_BYTES)
        .collect()
        .await;
    connection.abort();
    let body = body.map_err(|source| Error::Body { source })?.to_bytes();
    serde_json::from_slice(&body).map_err(|source| Error::Document { source })
}
