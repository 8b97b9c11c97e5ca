//! `/v1/bundle`: the archive of [`crate::bundle`], part by part while it is made.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use super::stream::{Parts, Streaming, Streams};
use super::view::Sources;
use crate::bundle::Bundle;

/// A client that takes nothing for so long is as good as gone.
const STALL: Duration = Duration::from_secs(30);
/// Parts that wait for the client.
const WAITING: usize = 1;

#[derive(Debug, Clone)]
struct Bundles {
    sources: Sources,
    places: Arc<Semaphore>,
}

/// The route.
pub(super) fn router(sources: &Sources, at_a_time: usize) -> axum::Router {
    let bundles = Bundles {
        sources: sources.clone(),
        places: Arc::new(Semaphore::new(at_a_time)),
    };
    axum::Router::new()
        .route("/v1/bundle", get(answer))
        .with_state(bundles)
}

async fn answer(State(bundles): State<Bundles>, streams: Option<Extension<Streams>>) -> Response {
    let Ok(place) = bundles.places.try_acquire_owned() else {
        let text = "a bundle is collected already; try again later\n";
        return (StatusCode::TOO_MANY_REQUESTS, text).into_response();
    };
    let sources = &bundles.sources;
    let bundle = Bundle::new(&sources.root, &sources.environment);
    let (out, parts) = mpsc::channel(WAITING);
    let streaming = streams.map(|Extension(streams)| streams.begin());
    tokio::spawn(run(bundle, out, place, streaming));
    let head = [
        (header::CONTENT_TYPE, "application/gzip"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"nodeagent.tar.gz\"",
        ),
    ];
    (head, axum::body::Body::new(Parts(parts))).into_response()
}

/// Ends with the bundle, or with the client.
async fn run(
    mut bundle: Bundle,
    out: mpsc::Sender<Bytes>,
    _place: OwnedSemaphorePermit,
    _streaming: Option<Streaming>,
) {
    while let Some((_, part)) = bundle.next().await {
        if part.is_empty() {
            continue;
        }
        if !matches!(timeout(STALL, out.send(part.into())).await, Ok(Ok(()))) {
            return;
        }
    }
}
