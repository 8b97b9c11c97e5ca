//! What the daemon answers on its unix socket. Read-only: GET, no body, no argument that names a file or a command.
//!
//! The socket belongs to root and the group `nodeagent`, which is the whole of its access control. Bounds: so many
//! connections at a time, so long for a connection (one that follows a log lasts as long as its client reads), so many
//! bytes of head. [`view`] is what is known at one moment;
//! [`health`], [`metrics`] and the status document are pure functions of it.

pub mod client;
pub mod health;
mod logs;
mod metrics;
mod routes;
mod socket;
pub mod view;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use node::chain::Chain;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::Layer as _;

use crate::host::root::Root;

use logs::Follows;

pub use socket::Error;
pub use view::Sources;

const CONNECTIONS: usize = 16;
const CONNECTION_DEADLINE: Duration = Duration::from_secs(30);
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
const HEAD_BYTES: usize = 16 * 1024;

/// The socket, bound and not yet answering.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    router: axum::Router,
}

impl Server {
    /// Takes the socket's place; one that a killed daemon left is removed.
    pub fn bind(root: &Root, sources: &Sources) -> Result<Self, Error> {
        Ok(Self {
            listener: socket::bind(root)?,
            router: routes::router(sources),
        })
    }

    /// Answers until it is dropped.
    pub async fn run(self) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let router = self.router.clone();
                    tokio::spawn(async move {
                        answer(stream, router).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    // Out of descriptors, most likely: they come back.
                    tracing::warn!(%error, "a connection to the socket is not taken");
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}

async fn answer(stream: UnixStream, router: axum::Router) {
    let follows = Follows::default();
    let service = Extension(follows.clone()).layer(router);
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
    );
    loop {
        match timeout(CONNECTION_DEADLINE, &mut connection).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::debug!(error = %Chain(&error), "a connection to the socket ended early");
                return;
            }
            Err(_) if follows.are_going_on() => {}
            Err(_) => {
                tracing::debug!("a connection to the socket took too long");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
