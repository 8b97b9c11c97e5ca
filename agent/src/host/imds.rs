//! The instance metadata service, version 2 only: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html>.
//!
//! One deadline stands around everything, retries included; proxies are never used. What cannot succeed on another try
//! (IMDS disabled) ends at once.

mod credentials;

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout};

use super::body;
use super::waiting::Waiting;

const DEFAULT_ENDPOINT: &str = "http://169.254.169.254";
const TOKEN_PATH: &str = "/latest/api/token";
/// The longest that IMDS grants, six hours.
const TOKEN_TTL_SECONDS: &str = "21600";
/// IMDS is on the same host: an answer that takes longer is lost.
const ATTEMPT: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Nothing that IMDS serves is larger: user data has at most 16 KiB.
const MAXIMUM_BYTES: usize = 256 * 1024;

/// Why IMDS gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// IMDS refuses to give a token: it is disabled for this instance.
    #[error(
        "the instance metadata service at {endpoint} refuses a token (HTTP {status}): it is disabled for this instance"
    )]
    Disabled {
        /// Base URL.
        endpoint: String,
        /// Status of the answer.
        status: StatusCode,
    },
    /// No usable answer before the deadline.
    #[error("no answer for `{path}` from the instance metadata service at {endpoint} within {} s, {attempts} attempts: {last}", deadline.as_secs())]
    Deadline {
        /// Base URL.
        endpoint: String,
        /// What was asked for.
        path: String,
        /// The whole time that was allowed.
        deadline: Duration,
        /// How often it was tried.
        attempts: u32,
        /// What the last attempt saw.
        last: String,
    },
    /// An answer that is no text where text was expected.
    #[error("`{path}` of the instance metadata service is not UTF-8 text")]
    NotText {
        /// What was asked for.
        path: String,
    },
    /// The instance has no role.
    #[error("the instance has no role: no instance profile is attached to it")]
    NoRole,
    /// IMDS knows the role and has no credentials for it.
    #[error("the instance metadata service has no credentials for the role `{role}` ({code})")]
    NoCredentials {
        /// The role.
        role: String,
        /// `Code` of the answer, such as `AssumeRoleUnauthorizedAccess`.
        code: String,
    },
    /// Something that every instance has is not there.
    #[error("the instance metadata service has no `{path}`")]
    Missing {
        /// What was asked for.
        path: String,
    },
}

/// A client of IMDS. Clones share the session token.
#[derive(Debug, Clone)]
pub struct Imds {
    endpoint: String,
    deadline: Duration,
    client: Client<HttpConnector, Empty<Bytes>>,
    /// The session token; `None` before the first call and after a 401.
    token: Arc<Mutex<Option<String>>>,
    /// Is told why a question is asked again.
    waiting: Waiting,
}

/// What one attempt ended in.
enum Attempt {
    Found(Bytes),
    NotFound,
    /// Try again with a new token.
    TokenExpired,
    /// Try again later.
    Later(String),
    /// IMDS is disabled.
    Disabled(StatusCode),
}

impl Imds {
    /// A client for `endpoint` (default: the link-local address) that spends at most `deadline` on each question.
    pub fn new(endpoint: Option<&str>, deadline: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(ATTEMPT));
        Self {
            endpoint: endpoint
                .unwrap_or(DEFAULT_ENDPOINT)
                .trim_end_matches('/')
                .to_owned(),
            deadline,
            client: Client::builder(TokioExecutor::new()).build(connector),
            token: Arc::default(),
            waiting: Waiting::default(),
        }
    }

    /// The same client, which notes there why it has to ask again.
    #[must_use]
    pub fn noting(self, waiting: &Waiting) -> Self {
        Self {
            waiting: waiting.clone(),
            ..self
        }
    }

    /// Who is told why something that is asked through this client has to be asked again.
    pub fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    /// Content of a path such as `/latest/user-data`; `None` when there is none.
    pub async fn get(&self, path: &str) -> Result<Option<Bytes>, Error> {
        let end = Instant::now() + self.deadline;
        let mut pause = FIRST_PAUSE;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let last = match self.attempt(path).await {
                Attempt::Found(body) => return Ok(Some(body)),
                Attempt::NotFound => return Ok(None),
                Attempt::Disabled(status) => {
                    return Err(Error::Disabled {
                        endpoint: self.endpoint.clone(),
                        status,
                    });
                }
                Attempt::TokenExpired => "HTTP 401".to_owned(),
                Attempt::Later(reason) => reason,
            };
            if Instant::now() + pause >= end {
                let (endpoint, path) = (self.endpoint.clone(), path.to_owned());
                return Err(Error::Deadline {
                    endpoint,
                    path,
                    deadline: self.deadline,
                    attempts,
                    last,
                });
            }
            tracing::debug!(
                path,
                attempts,
                last,
                "instance metadata service: trying again"
            );
            self.waiting.note(format!("`{path}`: {last}"));
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Text of a path; `None` when there is none.
    pub async fn text(&self, path: &str) -> Result<Option<String>, Error> {
        let Some(body) = self.get(path).await? else {
            return Ok(None);
        };
        match std::str::from_utf8(&body) {
            Ok(text) => Ok(Some(text.trim().to_owned())),
            Err(_) => Err(Error::NotText {
                path: path.to_owned(),
            }),
        }
    }

    /// Text of a path that every instance has.
    pub async fn required(&self, path: &str) -> Result<String, Error> {
        self.text(path).await?.ok_or_else(|| Error::Missing {
            path: path.to_owned(),
        })
    }

    async fn attempt(&self, path: &str) -> Attempt {
        let token = match self.session_token().await {
            Ok(token) => token,
            Err(attempt) => return attempt,
        };
        match self
            .send(Method::GET, path, ("x-aws-ec2-metadata-token", &token))
            .await
        {
            Ok((StatusCode::OK, body)) => Attempt::Found(body),
            Ok((StatusCode::NOT_FOUND, _)) => Attempt::NotFound,
            Ok((StatusCode::UNAUTHORIZED, _)) => {
                let mut cached = self.token.lock().await;
                // Another task may have a new one already.
                if cached.as_deref() == Some(token.as_str()) {
                    *cached = None;
                }
                Attempt::TokenExpired
            }
            Ok((status, _)) => Attempt::Later(format!("HTTP {status}")),
            Err(reason) => Attempt::Later(reason),
        }
    }

    /// The cached session token, or a new one. Tasks that ask together wait for one request.
    async fn session_token(&self) -> Result<String, Attempt> {
        let mut cached = self.token.lock().await;
        if let Some(token) = &*cached {
            return Ok(token.clone());
        }
        let answer = self
            .send(
                Method::PUT,
                TOKEN_PATH,
                ("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_SECONDS),
            )
            .await;
        match answer {
            Ok((StatusCode::OK, body)) => {
                let token = String::from_utf8_lossy(&body).into_owned();
                *cached = Some(token.clone());
                Ok(token)
            }
            Ok((status @ (StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), _)) => {
                Err(Attempt::Disabled(status))
            }
            Ok((status, _)) => Err(Attempt::Later(format!("HTTP {status} for a token"))),
            Err(reason) => Err(Attempt::Later(format!("{reason} (asking for a token)"))),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        header: (&str, &str),
    ) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.endpoint))
            .header(header.0, header.1)
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| {
                error.source().map_or_else(
                    || error.to_string(),
                    |source| node::chain::Chain(source).to_string(),
                )
            })?;
            let status = response.status();
            let content = body::whole(response.into_body(), MAXIMUM_BYTES).await?;
            Ok((status, content))
        };
        match timeout(ATTEMPT, exchange).await {
            Ok(result) => result,
            Err(_) => Err(format!("no answer within {} s", ATTEMPT.as_secs())),
        }
    }
}
