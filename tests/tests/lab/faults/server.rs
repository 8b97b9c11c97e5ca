//! Servers that some rows need beside the lab's own: a name server that knows no name, a proxy that asks for a password,
//! and one that says nothing.

use lab::{cloud::proxy::Proxy, file, lifecycle::Lab, network};
use tokio::{
    net::{TcpListener, UdpSocket},
    sync::{Notify, oneshot},
};

use super::{front, row::CANARY};

/// Where the proxy listens.
pub(super) const PROXY: &str = "10.88.0.1:3128";
/// Where a proxy listens only after it was told to.
pub(super) const PROXY_LATER: &str = "10.88.0.1:3129";
/// Tells it.
pub(super) static LATE_PROXY: Notify = Notify::const_new();
/// Where connections are accepted and nothing is ever said.
pub(super) const SILENT: &str = "10.88.0.1:8444";
/// The name server's address.
pub(super) const NAME_SERVER: &str = "10.88.0.1";

/// Serves all until it is told to stop.
pub(super) fn serve(lab: &Lab, stopped: oneshot::Receiver<()>) {
    let hosts = file::read(&lab.layout.hosts()).unwrap();
    let proxy = Proxy::new("node", "not the one that the machines have", &hosts);
    lab.inside(|| async {
        let listener = TcpListener::bind(PROXY).await.unwrap();
        // The kernel accepts up to the backlog by itself.
        let silent = TcpListener::bind(SILENT).await.unwrap();
        let name_server = UdpSocket::bind((network::GATEWAY, 53)).await.unwrap();
        tokio::select! {
            served = proxy.serve(listener) => served.unwrap(),
            () = know_no_name(&name_server) => {}
            () = front::serve(lab) => {}
            () = serve_later(&hosts) => {}
            _ = stopped => drop(silent),
        }
    })
    .unwrap();
}

async fn serve_later(hosts: &str) {
    LATE_PROXY.notified().await;
    let proxy = Proxy::new("node", CANARY, hosts);
    let listener = TcpListener::bind(PROXY_LATER).await.unwrap();
    proxy.serve(listener).await.unwrap();
}

async fn know_no_name(socket: &UdpSocket) {
    let mut query = [0; 512];
    while let Ok((length, peer)) = socket.recv_from(&mut query).await {
        if let Some(answer) = no_such_name(&query[..length]) {
            drop(socket.send_to(&answer, peer).await);
        }
    }
}

/// The answer to a query: its question again, and that there is no such name (RFC 1035, section 4.1).
fn no_such_name(query: &[u8]) -> Option<Vec<u8>> {
    const HEADER_BYTES: usize = 12;
    let name = query.get(HEADER_BYTES..)?;
    let end = name.iter().position(|byte| *byte == 0)?;
    let question = name.get(..end + 5)?;
    let mut answer = query.get(..2)?.to_vec();
    // An answer, recursion is available, NXDOMAIN; one question and nothing else.
    answer.extend([0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
    answer.extend(question);
    Some(answer)
}
