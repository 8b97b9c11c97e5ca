//! The instance metadata service: strict IMDSv2, one listener for all machines, told apart by source address.
//!
//! Owns the protocol: tokens, versions, status codes, scripted faults. What it answers with comes from a
//! [`Directory`]: the files of the lab in the lab, a fixed record in a suite that serves one agent on a loopback port.
//! Called by the lab's cloud and, in process, by suites of the agent.

mod directory;
mod document;
mod fault;
mod token;
mod torn;
mod tree;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request};
use jiff::Timestamp;
use tokio::net::TcpListener;

pub use self::directory::{Directory, DirectoryError, FixedDirectory, RunDirectory};
pub use self::fault::{Effect, Fault, Faults};

use self::fault::FaultCounter;
use self::token::Tokens;
use self::tree::Answer;
use super::chain;
use super::record::MachineRecord;

const TOKEN: &str = "x-aws-ec2-metadata-token";
const TOKEN_TIME_TO_LIVE: &str = "x-aws-ec2-metadata-token-ttl-seconds";

/// Versions that AWS serves, besides `latest`.
const VERSIONS: &[&str] = &[
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
    "2011-01-01",
    "2011-05-01",
    "2012-01-12",
    "2014-02-25",
    "2014-11-05",
    "2015-10-20",
    "2016-04-19",
    "2016-06-30",
    "2016-09-02",
    "2018-03-28",
    "2018-08-17",
    "2018-09-24",
    "2019-10-01",
    "2020-10-27",
    "2021-01-03",
    "2021-03-23",
    "2021-07-15",
    "2022-07-09",
    "2022-09-24",
    "2024-04-11",
];

/// Serves until the future is dropped. Tokens are kept here, everything else in the directory.
pub async fn serve(listener: TcpListener, directory: impl Directory) -> std::io::Result<()> {
    let service = Arc::new(Service {
        directory: Box::new(directory),
        tokens: Tokens::default(),
        fault_counter: FaultCounter::default(),
    });
    let router = Router::new().fallback(handle).with_state(service);
    let make_service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, make_service).await
}

#[derive(Debug)]
struct Service {
    directory: Box<dyn Directory>,
    tokens: Tokens,
    fault_counter: FaultCounter,
}

async fn handle(
    State(service): State<Arc<Service>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (head, _body) = request.into_parts();
    let response = match service.directory.machine(peer.ip()) {
        Ok(Some(machine)) => service.answer(&machine, &head).await,
        // Only instances have a metadata service.
        Ok(None) => Ok(refuse(StatusCode::NOT_FOUND)),
        Err(error) => Err(error),
    };
    response.unwrap_or_else(|error| {
        tracing::error!(%peer, error = chain(&error), "metadata request not answered");
        refuse(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

impl Service {
    async fn answer(
        &self,
        machine: &MachineRecord,
        head: &request::Parts,
    ) -> Result<Response, DirectoryError> {
        let (method, path) = (&head.method, head.uri.path());
        let faults = self.directory.faults(machine)?;
        let effect = self
            .fault_counter
            .effect_on(&machine.instance_id, &faults, method, path);
        match effect {
            Some(Effect::Status(code)) => {
                let code = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Ok(refuse(code));
            }
            Some(Effect::Hang) => std::future::pending().await,
            Some(Effect::DelayMilliseconds(delay)) => {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
            Some(Effect::HalfBody) | None => {}
        }
        let now = Timestamp::now();
        let response = match *method {
            Method::PUT => self.issue_token(machine, path, &head.headers, now),
            Method::GET | Method::HEAD => self.read(machine, path, &head.headers, now)?,
            _ => refuse(StatusCode::METHOD_NOT_ALLOWED),
        };
        Ok(match effect {
            Some(Effect::HalfBody) => torn::in_half(response).await,
            _ => response,
        })
    }

    fn issue_token(
        &self,
        machine: &MachineRecord,
        path: &str,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Response {
        if path != "/latest/api/token" {
            return refuse(StatusCode::METHOD_NOT_ALLOWED);
        }
        // A proxy that is open to the outside would give the role's credentials away.
        if headers.contains_key("x-forwarded-for") {
            return refuse(StatusCode::FORBIDDEN);
        }
        let seconds = headers
            .get(TOKEN_TIME_TO_LIVE)
            .and_then(token::time_to_live);
        let Some(seconds) = seconds else {
            return refuse(StatusCode::BAD_REQUEST);
        };
        let token = self.tokens.issue(&machine.instance_id, now, seconds);
        let mut response = plain(StatusCode::OK, "text/plain", token);
        response
            .headers_mut()
            .insert(TOKEN_TIME_TO_LIVE, HeaderValue::from(seconds));
        response
    }

    fn read(
        &self,
        machine: &MachineRecord,
        path: &str,
        headers: &HeaderMap,
        now: Timestamp,
    ) -> Result<Response, DirectoryError> {
        let token = headers.get(TOKEN).and_then(|value| value.to_str().ok());
        if !token.is_some_and(|token| self.tokens.is_valid(token, &machine.instance_id, now)) {
            return Ok(refuse(StatusCode::UNAUTHORIZED));
        }
        if path == "/" {
            let versions = [VERSIONS, &["latest"]].concat().join("\n");
            return Ok(plain(StatusCode::OK, "text/plain", versions));
        }
        let Some(path) = without_version(path) else {
            return Ok(refuse(StatusCode::NOT_FOUND));
        };
        if path == "api/token" {
            return Ok(refuse(StatusCode::METHOD_NOT_ALLOWED));
        }
        Ok(match tree::answer(machine, path) {
            Answer::Text(text) => plain(StatusCode::OK, "text/plain", text),
            Answer::UserData(bytes) => plain(StatusCode::OK, "application/octet-stream", bytes),
            Answer::RoleCredential => match self.directory.role_credential(machine, now)? {
                Some(credential) => {
                    let text = document::role_credential(&credential);
                    plain(StatusCode::OK, "text/plain", text)
                }
                None => refuse(StatusCode::NOT_FOUND),
            },
            Answer::NotFound => refuse(StatusCode::NOT_FOUND),
        })
    }
}

/// The path below the version; `None` if the version is unknown.
fn without_version(path: &str) -> Option<&str> {
    let path = path.strip_prefix('/')?;
    let (version, rest) = path.split_once('/').unwrap_or((path, ""));
    (version == "latest" || VERSIONS.contains(&version)).then_some(rest)
}

fn plain(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::SERVER, HeaderValue::from_static("EC2ws"));
    response
}

/// Errors are pages of XHTML, as they are on EC2: a client that takes any body for an answer is found out.
fn refuse(status: StatusCode) -> Response {
    let title = format!(
        "{} - {}",
        status.as_str(),
        status.canonical_reason().unwrap_or("Error")
    );
    let page = format!(
        r#"<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>{title}</title>
 </head>
 <body>
  <h1>{title}</h1>
 </body>
</html>
"#
    );
    plain(status, "text/html", page)
}

#[cfg(test)]
mod tests;
