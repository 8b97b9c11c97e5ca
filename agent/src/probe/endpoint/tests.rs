use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::*;
use crate::host::environment::{Environment, ProxyVariables};
use crate::host::path;
use crate::host::root::Root;
use crate::probe::PATIENCE;
use node::redact::Secret;

/// A kubeconfig that leads to this address, through this proxy.
async fn access(server: &str, proxy: Option<&str>) -> Access {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: k, cluster: {{server: \"{server}\"}}}}]\n\
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\nusers: [{{name: u, user: {{token: t}}}}]\n"
    );
    root.write(path::KUBECONFIG, kubeconfig.as_bytes(), 0o600)
        .unwrap();
    let environment = Environment {
        proxies: ProxyVariables {
            https: proxy.map(|proxy| Secret::new(proxy.to_owned())),
            ..ProxyVariables::default()
        },
        ..Environment::default()
    };
    Access::read(&root, &environment, PATIENCE).await.unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// What is told of somebody who takes a connection, says this and closes it.
async fn answered(words: &'static [u8], proxy: bool) -> Outcome {
    let (listener, address) = listener().await;
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(words).await.unwrap();
        stream.shutdown().await.unwrap();
        // Held until the other side has read: a reset could overtake the words.
        drop(tokio::io::copy(&mut stream, &mut tokio::io::sink()).await);
    });
    let there = format!("http://me:hunter2@{address}");
    let access = if proxy {
        access("https://api.example", Some(&there)).await
    } else {
        access(&format!("https://{address}"), None).await
    };
    let outcome = reach(&access).await;
    serving.await.unwrap();
    outcome
}

#[tokio::test]
async fn a_port_on_which_nothing_listens_is_refused() {
    let (listener, address) = listener().await;
    drop(listener);
    let outcome = reach(&access(&format!("https://{address}"), None).await).await;
    let expected =
        format!("https://{address}/: connecting to {address}: Connection refused (os error 111)");
    assert_eq!(outcome.told(), ("network.api_refused", expected.as_str()));
}

#[tokio::test]
async fn who_takes_a_connection_and_says_nothing_stalls_tls_within_the_deadline() {
    let (listener, address) = listener().await;
    let access = access(&format!("https://{address}"), None).await;
    let reaching = tokio::spawn(async move { reach(&access).await });
    let _held = listener.accept().await.unwrap();
    // From now on nothing happens but time.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    let outcome = reaching.await.unwrap();
    assert_eq!(outcome.told().0, "network.tls_timeout");
    // Timers are exact to a millisecond.
    let deadline = crate::probe::DEADLINE + crate::host::kubernetes::BRIEF;
    assert!(start.elapsed() <= deadline + std::time::Duration::from_millis(4));
}

#[tokio::test]
async fn who_closes_or_speaks_no_tls_completes_no_handshake() {
    assert_eq!(answered(b"", false).await.told().0, "network.tls_failed");
    let outcome = answered(b"HTTP/1.1 400 Bad Request\r\n\r\n", false).await;
    assert_eq!(outcome.told().0, "network.tls_failed");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let outcome = answered(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", true).await;
    let (code, evidence) = outcome.told();
    assert_eq!(code, "network.proxy_failed");
    assert!(
        evidence.contains("does not accept the credentials of its URL (407")
            && !evidence.contains("hunter2"),
        "{evidence}"
    );
    let outcome = answered(b"HTTP/1.1 403 Forbidden\r\n\r\n", true).await;
    assert_eq!(outcome.told().0, "network.proxy_failed");
}

#[test]
fn every_obstacle_has_a_finding_of_its_own() {
    let of_io = |error: io::ErrorKind| judge("e", &io::Error::from(error)).told().0.to_owned();
    assert_eq!(of_io(io::ErrorKind::NetworkUnreachable), "network.no_route");
    assert_eq!(of_io(io::ErrorKind::TimedOut), "network.api_timeout");
    for (kind, code) in [
        (Kind::NoSuchHost, "network.dns_no_such_host"),
        (Kind::NameServer, "network.dns_unavailable"),
        (Kind::UnknownIssuer, "network.ca_mismatch"),
        (Kind::CertificateName, "network.cert_name"),
        (Kind::CertificateTime, "time.cert_validity"),
    ] {
        assert_eq!(of(kind).code, code);
    }
}

#[tokio::test]
async fn who_answers_a_few_bytes_is_told_from_who_is_silent() {
    let (listener, address) = listener().await;
    let talking = access(&format!("https://{address}"), None).await;
    let serving = async {
        // An alert: RFC 8446, section 6.
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&[21, 3, 3, 0, 2, 2, 10]).await.unwrap();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        is_brief = talking.answers_briefly() => assert!(is_brief),
        () = serving => unreachable!(),
    }
    assert!(why_silent(true).contains("path MTU"));
    drop(listener);
    // Nobody is there at all.
    assert!(!talking.answers_briefly().await);
}
