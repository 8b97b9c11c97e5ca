//! The TLS listener, on every address of the node.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::middleware;
use node::chain::Chain;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::super::connection::{self, Peer};
use super::super::routes::{self, Bounds};
use super::super::view::Sources;
use super::certificate::Certificate;
use super::gate::{self, Gate};
use crate::host::access_review::{Review, Reviewer};

const NAME: &str = "tls";
const CONNECTIONS: usize = 16;
/// Connections that the kernel keeps for us beside them.
const BACKLOG: u32 = 16;
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
/// How often the certificate is looked for before there is one.
const CERTIFICATE_PERIOD: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_secs(30);

/// Listens once there is a certificate to show, and answers; what is in the way now may not be later.
pub(super) async fn run(sources: Sources, port: u16) {
    let certificate = awaited(Certificate::new(&sources.root)).await;
    let reviewer = Reviewer::new(&sources.root, &sources.environment);
    let router = router(&sources, Gate::new(reviewer, sources.boot.clone()));
    loop {
        match listener(port) {
            Ok(listener) => {
                tracing::info!(port, "answering by TLS");
                return serve(listener, certificate, router).await;
            }
            Err(error) => tracing::warn!(%error, port, "nobody is answered by TLS"),
        }
        sleep(RETRY).await;
    }
}

/// The certificate, once it is there.
async fn awaited(mut certificate: Certificate) -> Certificate {
    let mut said = None;
    while let Err(error) = certificate.current() {
        let why = Chain(&error).to_string();
        if said.as_ref() != Some(&why) {
            tracing::info!(error = why, "nobody is answered by TLS yet");
            said = Some(why);
        }
        sleep(CERTIFICATE_PERIOD).await;
    }
    certificate
}

/// On IPv6 and IPv4 with one socket; on IPv4 alone where the kernel has nothing else.
fn listener(port: u16) -> io::Result<TcpListener> {
    let on_both = || {
        let socket = TcpSocket::new_v6()?;
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
        listen(socket, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
    };
    let on_one = || {
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        listen(TcpSocket::new_v4()?, address)
    };
    match on_both() {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => on_one(),
        result => result,
    }
}

fn listen(socket: TcpSocket, address: SocketAddr) -> io::Result<TcpListener> {
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, certificate: Certificate, router: Router) {
    let certificate = Arc::new(Mutex::new(certificate));
    let accept = |context: &mut std::task::Context<'_>| listener.poll_accept(context);
    connection::take(NAME, CONNECTIONS, accept, |(stream, peer)| {
        answer(stream, peer, Arc::clone(&certificate), router.clone())
    })
    .await;
}

async fn answer(
    stream: TcpStream,
    peer: SocketAddr,
    certificate: Arc<Mutex<Certificate>>,
    router: Router,
) {
    let current = certificate
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .current();
    let config = match current {
        Ok(config) => config,
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "a connection by TLS is not answered");
            return;
        }
    };
    let handshake = TlsAcceptor::from(config).accept(stream);
    match timeout(HANDSHAKE_DEADLINE, handshake).await {
        Ok(Ok(stream)) => connection::answer(NAME, stream, Peer(Some(peer)), router).await,
        Ok(Err(error)) => tracing::debug!(%error, %peer, "a handshake did not come about"),
        Err(_) => tracing::debug!(%peer, "a handshake took too long"),
    }
}

/// What the socket answers, behind the gate.
pub(super) fn router<R: Review>(sources: &Sources, gate: Gate<R>) -> Router {
    let gate = Arc::new(gate);
    routes::router(sources, Bounds::NETWORK)
        .layer(middleware::from_fn_with_state(gate, gate::pass::<R>))
}
