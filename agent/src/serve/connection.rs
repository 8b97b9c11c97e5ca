//! Connections: how many at a time, and one of them from its first byte to its last.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use node::chain::Chain;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::Layer as _;

use super::stream::Streams;

const DEADLINE: Duration = Duration::from_secs(30);
const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// The most bytes of a request's head.
pub(super) const HEAD_BYTES: usize = 16 * 1024;

/// From where somebody asks; nothing for the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer(pub(super) Option<SocketAddr>);

/// Takes connections and has each answered, at most so many at a time; others wait in the kernel. Ends with everything
/// that is going on when it is dropped.
pub(super) async fn take<S, A>(
    name: &'static str,
    at_a_time: usize,
    poll_accept: impl Fn(&mut Context<'_>) -> Poll<io::Result<S>>,
    answer: impl Fn(S) -> A,
) where
    A: Future<Output = ()> + Send + 'static,
{
    let mut open = JoinSet::new();
    loop {
        while open.try_join_next().is_some() {}
        while open.len() >= at_a_time {
            drop(open.join_next().await);
        }
        match std::future::poll_fn(&poll_accept).await {
            Ok(stream) => {
                open.spawn(answer(stream));
            }
            Err(error) => {
                // Out of descriptors, most likely: they come back.
                tracing::warn!(%error, "a connection to the {name} is not taken");
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Answers what is asked on one connection, for a time; longer while a log is followed or a bundle collected.
pub(super) async fn answer<S>(name: &'static str, stream: S, peer: Peer, router: axum::Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let streams = Streams::default();
    let service = Extension(peer).layer(Extension(streams.clone()).layer(router));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_DEADLINE)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
    );
    loop {
        match timeout(DEADLINE, &mut connection).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                tracing::debug!(error = %Chain(&error), "a connection to the {name} ended early");
                return;
            }
            Err(_) if streams.are_going_on() => {}
            Err(_) => {
                tracing::debug!("a connection to the {name} took too long");
                return;
            }
        }
    }
}
