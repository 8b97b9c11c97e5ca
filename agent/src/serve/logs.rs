//! `/v1/logs`: what the watched units wrote, as lines of text.
//!
//! A task reads the journal and hands line by line to the answer's body; it ends with the part that was asked for, with a
//! bound, or with the client. Bounds: so many answers at a time, so many bytes and so long for one that does not follow, so
//! long for a client that takes nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use jiff::Timestamp;
use node::chain::Chain;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::host::host_name;
use crate::host::journal::{Excerpt, Part};
use crate::host::root::Root;
use crate::watch::rules::Rules;
use crate::watch::{Seen, logs};

use super::stream::{Parts, Streaming, Streams};

/// The most bytes of one that does not follow …
const BYTES: usize = 8 * 1024 * 1024;
/// … and how long it takes; less than a connection may.
const DEADLINE: Duration = Duration::from_secs(20);
/// A client that takes nothing for so long is as good as gone.
const STALL: Duration = Duration::from_secs(30);
/// Lines that wait for the client.
const WAITING: usize = 4;

/// What the route needs.
#[derive(Debug, Clone)]
struct Logs {
    journalctl: Arc<Path>,
    seen: watch::Receiver<Seen>,
    host: Arc<str>,
    places: Arc<Semaphore>,
}

/// The route.
pub(super) fn router(root: &Root, seen: watch::Receiver<Seen>, at_a_time: usize) -> axum::Router {
    routed(
        PathBuf::from("journalctl"),
        &host_name(root),
        seen,
        at_a_time,
    )
}

fn routed(
    journalctl: PathBuf,
    host: &str,
    seen: watch::Receiver<Seen>,
    at_a_time: usize,
) -> axum::Router {
    let logs = Logs {
        journalctl: journalctl.into(),
        seen,
        host: host.into(),
        places: Arc::new(Semaphore::new(at_a_time)),
    };
    axum::Router::new()
        .route("/v1/logs", get(answer))
        .with_state(logs)
}

async fn answer(
    State(logs): State<Logs>,
    streams: Option<Extension<Streams>>,
    Query(parameters): Query<Vec<(String, String)>>,
) -> Response {
    let rules = Arc::clone(&logs.seen.borrow().rules);
    let part = match asked(&parameters, &rules, Timestamp::now()) {
        Ok(part) => part,
        Err((status, text)) => return (status, format!("{text}\n")).into_response(),
    };
    let Ok(place) = Arc::clone(&logs.places).try_acquire_owned() else {
        let text = "as many logs are read already as may be at a time; try again later\n";
        return (StatusCode::TOO_MANY_REQUESTS, text).into_response();
    };
    let excerpt = match Excerpt::open_with(&logs.journalctl, &part) {
        Ok(excerpt) => excerpt,
        Err(error) => {
            let text = format!("{}\n", Chain(&error));
            return (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
        }
    };
    let streaming = streams.filter(|_| part.follow);
    let (out, lines) = mpsc::channel(WAITING);
    let reading = Reading {
        excerpt,
        host: logs.host,
        out,
        bound: (!part.follow).then(|| Bound {
            bytes: BYTES,
            until: Instant::now() + DEADLINE,
        }),
        _place: place,
        _streaming: streaming.map(|Extension(streams)| streams.begin()),
    };
    tokio::spawn(reading.run());
    let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (kind, axum::body::Body::new(Parts(lines))).into_response()
}

/// The part of the journal that is asked for; else the answer.
fn asked(
    parameters: &[(String, String)],
    rules: &Rules,
    now: Timestamp,
) -> Result<Part, (StatusCode, String)> {
    let mut units = BTreeSet::new();
    let (mut since, mut follow) = (None, false);
    let bad = |text: String| (StatusCode::BAD_REQUEST, text);
    for (name, value) in parameters {
        match (name.as_str(), value.as_str()) {
            ("unit", name) => {
                let unit = logs::unit(name, rules)
                    .map_err(|error| (StatusCode::NOT_FOUND, error.to_string()))?;
                units.insert(unit);
            }
            ("since", "") | ("follow", "false" | "0") => {}
            ("since", text) => {
                since = Some(logs::since(text, now).map_err(|error| bad(error.to_string()))?);
            }
            ("follow", "" | "true" | "1") => follow = true,
            ("follow", value) => {
                return Err(bad(format!("`follow` is `true` or `false`, not `{value}`")));
            }
            (name, _) => {
                return Err(bad(format!(
                    "`{name}` is none of `unit`, `since` and `follow`"
                )));
            }
        }
    }
    if units.is_empty() {
        return Err(bad(format!("say which `unit`: {}", logs::list(rules))));
    }
    Ok(logs::part(units, since, follow))
}

/// What one that does not follow must not exceed.
#[derive(Debug)]
struct Bound {
    bytes: usize,
    until: Instant,
}

/// The task of one answer.
struct Reading {
    excerpt: Excerpt,
    host: Arc<str>,
    out: mpsc::Sender<Bytes>,
    bound: Option<Bound>,
    _place: OwnedSemaphorePermit,
    _streaming: Option<Streaming>,
}

impl Reading {
    async fn run(mut self) {
        if let Some(last) = self.lines().await {
            self.send(format!("-- {last} --\n")).await;
        }
    }

    /// Hands out the lines, and says why there are no more of them although there should be.
    async fn lines(&mut self) -> Option<String> {
        loop {
            let until = self.bound.as_ref().map(|bound| bound.until);
            let deadline = async {
                match until {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            let entry = tokio::select! {
                () = self.out.closed() => return None,
                () = deadline => {
                    let seconds = DEADLINE.as_secs();
                    return Some(format!("cut after {seconds} s; ask for less with `since`"));
                }
                entry = self.excerpt.next() => match entry {
                    Ok(entry) => entry?,
                    Err(error) => return Some(Chain(&error).to_string()),
                }
            };
            let mut line = entry.line(&self.host);
            line.push('\n');
            if let Some(bound) = &mut self.bound {
                let Some(left) = bound.bytes.checked_sub(line.len()) else {
                    let mebibytes = BYTES / 1024 / 1024;
                    return Some(format!(
                        "cut after {mebibytes} MiB; ask for less with `since`"
                    ));
                };
                bound.bytes = left;
            }
            if !self.send(line).await {
                return None;
            }
        }
    }

    /// Whether the client still takes lines.
    async fn send(&self, line: String) -> bool {
        let sending = self.out.send(Bytes::from(line));
        matches!(timeout(STALL, sending).await, Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests;
