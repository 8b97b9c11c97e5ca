//! Paths and answers.

use axum::extract::{RawQuery, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use tokio::time::Instant;

use crate::facts::machine;

use super::health::{self, Check};
use super::view::{Sources, View};
use super::{bundle, logs, metrics};

/// How much is answered at a time, beside the number of connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Logs.
    pub(super) logs: usize,
    /// Bundles.
    pub(super) bundles: usize,
}

impl Bounds {
    /// Of the socket.
    pub(super) const SOCKET: Self = Self {
        logs: 4,
        bundles: 1,
    };
    /// Of each listener of the network, which have their own so that they take nothing from the socket.
    pub(super) const NETWORK: Self = Self {
        logs: 2,
        bundles: 1,
    };
}

/// All paths.
pub(super) fn router(sources: &Sources, bounds: Bounds) -> axum::Router {
    axum::Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .route("/healthz", get(healthz))
        .route("/v1/status", get(status))
        .route("/v1/findings", get(findings))
        .route("/v1/boot", get(boot))
        .route("/v1/facts", get(facts))
        .route("/metrics", get(metrics_text))
        .with_state(sources.clone())
        .merge(logs::router(
            &sources.root,
            sources.seen.clone(),
            bounds.logs,
        ))
        .merge(bundle::router(sources, bounds.bundles))
        .fallback(|| async { (StatusCode::NOT_FOUND, "not found\n") })
        .layer(middleware::from_fn(only_get))
}

async fn only_get(request: Request, next: Next) -> Response {
    if request.method() == Method::GET {
        return next.run(request).await;
    }
    (
        StatusCode::METHOD_NOT_ALLOWED,
        [(header::ALLOW, "GET")],
        "only GET is answered\n",
    )
        .into_response()
}

async fn livez(State(sources): State<Sources>, RawQuery(query): RawQuery) -> Response {
    answer("livez", &sources, query.as_deref(), health::live)
}

async fn readyz(State(sources): State<Sources>, RawQuery(query): RawQuery) -> Response {
    answer("readyz", &sources, query.as_deref(), health::ready)
}

async fn healthz(State(sources): State<Sources>, RawQuery(query): RawQuery) -> Response {
    answer("healthz", &sources, query.as_deref(), health::healthy)
}

async fn status(State(sources): State<Sources>) -> Response {
    Json(sources.view().status()).into_response()
}

async fn findings(State(sources): State<Sources>) -> Response {
    Json(sources.view().finding_list()).into_response()
}

async fn facts(State(sources): State<Sources>) -> Response {
    let identity = sources.boot.borrow().identity();
    Json(machine::facts(
        &sources.root,
        &sources.environment,
        identity,
    ))
    .into_response()
}

async fn boot(State(sources): State<Sources>) -> Response {
    Json(sources.view().boot_report()).into_response()
}

async fn metrics_text(State(sources): State<Sources>) -> Response {
    (
        [(header::CONTENT_TYPE, metrics::MEDIA_TYPE)],
        metrics::text(&sources.view()),
    )
        .into_response()
}

fn answer(
    name: &str,
    sources: &Sources,
    query: Option<&str>,
    ask: fn(&View, Instant) -> Vec<Check>,
) -> Response {
    let checks = ask(&sources.view(), Instant::now());
    let is_verbose = query
        .unwrap_or_default()
        .split('&')
        .any(|part| part.split('=').next() == Some("verbose"));
    let code = if health::is_well(&checks) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (code, health::text(name, &checks, is_verbose)).into_response()
}
