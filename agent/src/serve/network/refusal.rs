//! Requests that are not answered: what their sender is told, and the line in the journal.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode, Uri};

use super::super::connection::Peer;
use super::bucket::Bucket;

/// Lines at once …
const LINES: u32 = 10;
/// … and one more after each of these.
const LINE_PERIOD: Duration = Duration::from_secs(6);
/// The most characters of a path in a line.
const PATH_CHARACTERS: usize = 64;
const RETRY_SECONDS: &str = "5";

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nobody knows who asks. The sender is told no more than that; the reason is for the journal.
    Unknown(String),
    /// It is known who asks, and they may not.
    Forbidden {
        /// Their name.
        user: String,
        /// What they may not do.
        what: String,
    },
    /// There is no such path.
    NotFound,
    /// Not GET.
    Method,
    /// Too much is asked.
    TooMany,
    /// It cannot be told who asks, or whether they may.
    Unavailable(String),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::Unknown(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// For the journal.
    fn reason(&self) -> String {
        match self {
            Self::Unknown(why) | Self::Unavailable(why) => why.clone(),
            Self::Forbidden { user, what } => format!("`{user}` may not {what}"),
            Self::NotFound => "no such path".to_owned(),
            Self::Method => "not GET".to_owned(),
            Self::TooMany => "too much is asked".to_owned(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = self.status();
        match self {
            Self::Unknown(_) => (status, [(WWW_AUTHENTICATE, "Bearer")]).into_response(),
            Self::NotFound => (status, "not found\n").into_response(),
            Self::Method => (status, [(ALLOW, "GET")], "only GET is answered\n").into_response(),
            Self::TooMany => {
                let text = "too much is asked; try again later\n";
                (status, [(RETRY_AFTER, RETRY_SECONDS)], text).into_response()
            }
            Self::Unavailable(why) => {
                let text = format!("nobody is answered now: {why}\n");
                (status, [(RETRY_AFTER, RETRY_SECONDS)], text).into_response()
            }
            Self::Forbidden { .. } => (status, format!("{}\n", self.reason())).into_response(),
        }
    }
}

/// Writes a line for each refusal, as long as there are not too many.
#[derive(Debug, Clone)]
pub(super) struct Audit {
    listener: &'static str,
    lines: Arc<Mutex<Lines>>,
}

#[derive(Debug)]
struct Lines {
    bucket: Bucket,
    left_out: u64,
}

impl Lines {
    fn new() -> Self {
        Self {
            bucket: Bucket::new(LINES, LINE_PERIOD),
            left_out: 0,
        }
    }

    /// How many lines were left out before this one; `None` when this one is, too.
    fn next(&mut self) -> Option<u64> {
        if self.bucket.take() {
            return Some(std::mem::take(&mut self.left_out));
        }
        self.left_out += 1;
        None
    }
}

impl Audit {
    pub(super) fn new(listener: &'static str) -> Self {
        Self {
            listener,
            lines: Arc::new(Mutex::new(Lines::new())),
        }
    }

    /// The answer, with its line.
    pub(super) fn refuse(
        &self,
        refusal: Refusal,
        peer: Peer,
        method: &Method,
        uri: &Uri,
    ) -> Response {
        // A lock that a panic has poisoned is one that nobody holds.
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(left_out) = lines.next() {
            tracing::warn!(
                listener = self.listener,
                peer = %address(peer),
                method = %method.as_str().chars().take(8).collect::<String>(),
                path = %path(uri),
                status = refusal.status().as_u16(),
                left_out,
                reason = refusal.reason(),
                "a request over the network is refused"
            );
        }
        drop(lines);
        refusal.into_response()
    }
}

/// The address as people write it: that of IPv4 also where the socket is of IPv6.
fn address(peer: Peer) -> String {
    peer.0.map_or_else(String::new, |peer| {
        SocketAddr::new(peer.ip().to_canonical(), peer.port()).to_string()
    })
}

/// The path without its parameters, which can hold anything, and no longer than a line can bear.
fn path(uri: &Uri) -> String {
    uri.path().chars().take(PATH_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lines_that_are_left_out_are_counted_in_the_next_one() {
        let mut lines = Lines::new();
        let told: Vec<Option<u64>> = (0..12).map(|_| lines.next()).collect();
        let mut expected = vec![Some(0); 10];
        expected.extend([None, None]);
        assert_eq!(told, expected);
        tokio::time::advance(LINE_PERIOD).await;
        assert_eq!(lines.next(), Some(2));
    }

    #[test]
    fn an_address_in_a_line_is_as_people_write_it() {
        let told = |text: &str| address(Peer(Some(text.parse().unwrap())));
        assert_eq!(told("[::ffff:10.0.0.1]:5"), "10.0.0.1:5");
        assert_eq!(told("[2001:db8::1]:5"), "[2001:db8::1]:5");
        assert_eq!(address(Peer(None)), "");
    }

    #[test]
    fn a_path_in_a_line_has_no_parameters_and_an_end() {
        let uri = |text: &str| path(&text.parse().unwrap());
        assert_eq!(uri("/v1/logs?unit=kubelet&secret=x"), "/v1/logs");
        assert_eq!(uri(&format!("/{}", "x".repeat(1000))).len(), 64);
    }
}
