//! The other end of the socket, for commands on the node: one GET at a time.

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
    let (status, body) = get(root, "/v1/status").await?;
    if status != StatusCode::OK {
        return Err(Error::Status { status });
    }
    serde_json::from_slice(&body).map_err(|source| Error::Document { source })
}

/// Whether the daemon has read all that there is to read, and goes on doing so.
pub async fn is_up_to_date(root: &Root) -> Result<bool, Error> {
    let (status, body) = get(root, "/readyz?verbose").await?;
    match status {
        StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE => {
            Ok(reads(&String::from_utf8_lossy(&body)))
        }
        status => Err(Error::Status { status }),
    }
}

/// Whether a list of checks says that the journal is read, to its end, by a watch that lives.
fn reads(checks: &str) -> bool {
    ["watch", "journal", "history"].iter().all(|name| {
        checks
            .lines()
            .any(|line| line.strip_prefix("[+]") == Some(&format!("{name} ok")))
    })
}

/// Status and body of an answer.
pub async fn get(root: &Root, target: &'static str) -> Result<(StatusCode, Bytes), Error> {
    timeout(DEADLINE, ask(root, target))
        .await
        .map_err(|_| Error::Deadline)?
}

async fn ask(root: &Root, target: &'static str) -> Result<(StatusCode, Bytes), Error> {
    let stream = socket::connect(root, path::SOCKET)
        .await
        .map_err(|source| Error::Connect { source })?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|source| Error::Connection { source })?;
    let connection = tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = http::Uri::from_static(target);
    request
        .headers_mut()
        .insert(header::HOST, header::HeaderValue::from_static("localhost"));
    let response = sender
        .send_request(request)
        .await
        .map_err(|source| Error::Connection { source })?;
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY_BYTES)
        .collect()
        .await;
    connection.abort();
    let body = body.map_err(|source| Error::Body { source })?;
    Ok((status, body.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::health::{Check, text};

    #[test]
    fn a_daemon_reads_whatever_it_says_of_the_verdict() {
        let said = |failing: &str| {
            let checks = ["watch", "journal", "history", "verdict"].map(|name| Check {
                name: name.into(),
                failure: (name == failing).then(|| "x".to_owned()),
                remark: None,
            });
            text("readyz", &checks, true)
        };
        assert!(reads(&said("")));
        assert!(reads(&said("verdict")));
        assert!(!reads(&said("history")));
        assert!(!reads(&said("journal")));
        assert!(!reads("ok\n"));
    }
}
