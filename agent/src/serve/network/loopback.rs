//! `127.0.0.1:9977`: whoever sends the token of this boot is answered like on the socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::{Extension, Router};
use node::chain::Chain;
use node::wire::access::LOOPBACK_PORT;
use tokio::net::TcpListener;
use tokio::time::sleep;

use super::super::connection::{self, Peer};
use super::super::routes::{self, Bounds};
use super::super::view::Sources;
use super::bearer;
use super::refusal::{Audit, Refusal};
use super::token::{self, Fingerprint};

const NAME: &str = "loopback";
const CONNECTIONS: usize = 8;
const RETRY: Duration = Duration::from_secs(30);

/// Listens and answers; what is in the way now may not be later.
pub(super) async fn run(sources: Sources) {
    loop {
        let token = match token::keep(&sources.root) {
            Ok(token) => token,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "nobody is answered on loopback");
                sleep(RETRY).await;
                continue;
            }
        };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, LOOPBACK_PORT));
        match TcpListener::bind(address).await {
            Ok(listener) => serve(listener, router(&sources, Fingerprint::of(&token))).await,
            Err(error) => {
                tracing::warn!(%error, %address, "nobody is answered on loopback");
                sleep(RETRY).await;
            }
        }
    }
}

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let accept = |context: &mut std::task::Context<'_>| listener.poll_accept(context);
    connection::take(NAME, CONNECTIONS, accept, |(stream, peer)| {
        connection::answer(NAME, stream, Peer(Some(peer)), router.clone())
    })
    .await;
}

#[derive(Debug, Clone)]
struct Door {
    token: Fingerprint,
    audit: Arc<Audit>,
}

/// What the socket answers, behind the token.
pub(super) fn router(sources: &Sources, token: Fingerprint) -> Router {
    let door = Door {
        token,
        audit: Arc::new(Audit::new(NAME)),
    };
    routes::router(sources, Bounds::NETWORK).layer(middleware::from_fn_with_state(door, pass))
}

async fn pass(
    State(door): State<Door>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let why = match bearer::take(request.headers_mut()) {
        Some(token) if door.token.is(&Fingerprint::of(&token)) => return next.run(request).await,
        Some(_) => "it is not the token of this boot",
        None => "there is no token",
    };
    let refusal = Refusal::Unknown(why.to_owned());
    door.audit
        .refuse(refusal, peer, request.method(), request.uri())
}
