//! What the daemon answers: always on its unix socket, on the [`network`] when asked to. Read-only: GET, no body, no
//! argument that names a file or a command.
//!
//! The socket belongs to root and the group `nodeagent`, which is the whole of its access control. Bounds: so many
//! connections at a time, so long for a [`connection`] (one that follows a log lasts as long as its client reads), so many
//! bytes of head. [`view`] is what is known at one moment;
//! [`health`], [`metrics`] and the status document are pure functions of it.

mod bundle;
pub mod client;
mod connection;
mod group;
pub mod health;
mod logs;
mod metrics;
pub mod network;
mod routes;
mod socket;
mod stream;
pub mod view;

use tokio::net::UnixListener;

use crate::host::root::Root;

use connection::Peer;
use routes::Bounds;

pub use socket::Error;
pub use view::Sources;

const CONNECTIONS: usize = 16;

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
            router: routes::router(sources, Bounds::SOCKET),
        })
    }

    /// Answers until it is dropped.
    pub async fn run(self) {
        let Self { listener, router } = self;
        let accept = |context: &mut std::task::Context<'_>| listener.poll_accept(context);
        connection::take("socket", CONNECTIONS, accept, |(stream, _)| {
            connection::answer("socket", stream, Peer(None), router.clone())
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
