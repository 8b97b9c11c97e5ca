//! The listeners as strangers, friends and the API server's absence see them.

use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use node::redact::Secret;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::super::connection::{self, Peer};
use super::super::tests::Daemon;
use super::certificate::Certificate;
use super::gate::Gate;
use super::token::{self, Fingerprint};
use super::{loopback, tls};
use crate::host::access_review::{Access, Attributes, Error, Review, User};
use crate::host::path;
use crate::host::root::Root;
use crate::plan::Summary;

/// `{"aud":["nodectl.dev/agent"],"exp":99999999999}`.
const GOOD: &str = "e30.eyJhdWQiOlsibm9kZWN0bC5kZXYvYWdlbnQiXSwiZXhwIjo5OTk5OTk5OTk5OX0.c2ln";
/// The same of another signature.
const STRANGE: &str = "e30.eyJhdWQiOlsibm9kZWN0bC5kZXYvYWdlbnQiXSwiZXhwIjo5OTk5OTk5OTk5OX0.eHh4";
/// `{"aud":["nodectl.dev/agent","https://kubernetes.default.svc"],"exp":99999999999}`.
const OF_TWO: &str = "e30.eyJhdWQiOlsibm9kZWN0bC5kZXYvYWdlbnQiLCJodHRwczovL2t1YmVybmV0ZXMuZGVmYXVsdC5zdmMiXSwiZXhwIjo5OTk5OTk5OTk5OX0.c2ln";
/// `{"aud":["nodectl.dev/agent"],"exp":1}`.
const EXPIRED: &str = "e30.eyJhdWQiOlsibm9kZWN0bC5kZXYvYWdlbnQiXSwiZXhwIjoxfQ.c2ln";
const OF_AWS: &str = "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8";

/// An API server that knows one token, whose owner may read the status of one node.
#[derive(Debug, Default)]
struct Fake {
    is_away: bool,
    asked: Arc<AtomicUsize>,
}

impl Review for Fake {
    async fn user(&self, token: &Secret<String>, audience: &str) -> Result<Option<User>, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.is_away {
            return Err(Error::Deadline);
        }
        let is_known = token.expose() == GOOD && audience == "nodectl.dev/agent";
        Ok(is_known.then(|| User::named("system:serviceaccount:a:b")))
    }

    async fn access(&self, _: &User, attributes: &Attributes) -> Result<Access, Error> {
        let Attributes {
            verb,
            group,
            resource,
            subresource,
            name,
        } = attributes;
        let asked = format!("{verb} {resource}.{group}/{subresource} {name}");
        Ok(if asked == "get nodeagents.nodectl.dev/status n" {
            Access::Allowed
        } else {
            Access::Denied(String::new())
        })
    }
}

fn daemon() -> Daemon {
    let daemon = Daemon::start();
    daemon.boot.send_modify(|boot| {
        boot.summary = Some(Summary {
            node_name: "n".into(),
            ..Summary::default()
        });
    });
    daemon
}

/// Status and the whole answer to one request.
async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    method: &str,
    target: &str,
    authorization: &str,
) -> (u16, String) {
    let header = match authorization {
        "" => String::new(),
        value => format!("authorization: {value}\r\n"),
    };
    let request =
        format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    (status, body.to_owned())
}

async fn ask(router: &Router, method: &str, target: &str, authorization: &str) -> (u16, String) {
    let (mut client, server) = tokio::io::duplex(64 * 1024);
    let peer = Peer(Some(([192, 0, 2, 1], 5).into()));
    tokio::spawn(connection::answer("x", server, peer, router.clone()));
    answer(&mut client, method, target, authorization).await
}

#[tokio::test]
async fn on_loopback_nothing_is_said_to_who_does_not_know_the_token() {
    let daemon = daemon();
    let token = token::keep(&daemon.sources.root).unwrap();
    let router = loopback::router(&daemon.sources, Fingerprint::of(&token));
    let good = format!("Bearer {}", token.expose());
    for path in ["/livez", "/v1/status", "/v1/logs", "/nowhere"] {
        for wrong in ["", "Bearer x", &format!("{good}0"), token.expose()] {
            let answer = ask(&router, "GET", path, wrong).await;
            assert_eq!(answer, (401, String::new()), "{path} {wrong}");
        }
    }
    assert_eq!(
        ask(&router, "GET", "/livez", &good).await,
        (200, "ok\n".to_owned())
    );
    assert_eq!(ask(&router, "GET", "/v1/status", &good).await.0, 200);
    assert_eq!(ask(&router, "POST", "/v1/status", &good).await.0, 405);
}

#[tokio::test]
async fn by_tls_the_cluster_decides_who_is_answered() {
    let daemon = daemon();
    let fake = Fake::default();
    let asked = Arc::clone(&fake.asked);
    let boot = daemon.sources.boot.clone();
    let router = tls::router(&daemon.sources, Gate::new(fake, boot));
    // None of these is worth a question to the API server.
    for wrong in [
        String::new(),
        format!("Basic {GOOD}"),
        format!("Bearer {OF_AWS}"),
        format!("Bearer {OF_TWO}"),
        format!("Bearer {EXPIRED}"),
    ] {
        for path in ["/livez", "/v1/status"] {
            let answer = ask(&router, "GET", path, &wrong).await;
            assert_eq!(answer, (401, String::new()), "{path} {wrong}");
        }
    }
    let good = format!("Bearer {GOOD}");
    assert_eq!(ask(&router, "GET", "/nowhere", &good).await.0, 404);
    assert_eq!(ask(&router, "POST", "/v1/status", &good).await.0, 405);
    assert_eq!(asked.load(Ordering::Relaxed), 0);

    let strange = format!("Bearer {STRANGE}");
    let answer = ask(&router, "GET", "/v1/status", &strange).await;
    assert_eq!(answer, (401, String::new()));
    assert_eq!(ask(&router, "GET", "/v1/status", &good).await.0, 200);
    let (status, text) = ask(&router, "GET", "/v1/logs?unit=kubelet", &good).await;
    assert_eq!(status, 403);
    assert_eq!(
        text,
        "`system:serviceaccount:a:b` may not get `nodeagents.nodectl.dev/logs` of `n`\n"
    );
    assert_eq!(asked.load(Ordering::Relaxed), 3);
    // What was allowed a moment ago still is.
    assert_eq!(ask(&router, "GET", "/metrics", &good).await.0, 200);
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn nobody_is_answered_while_the_api_server_or_the_name_of_the_node_is_away() {
    let daemon = daemon();
    let fake = Fake {
        is_away: true,
        ..Fake::default()
    };
    let router = tls::router(
        &daemon.sources,
        Gate::new(fake, daemon.sources.boot.clone()),
    );
    let good = format!("Bearer {GOOD}");
    assert_eq!(
        ask(&router, "GET", "/v1/status", &good).await,
        (
            503,
            "nobody is answered now: the API server did not answer within 5 s\n".to_owned()
        )
    );
    daemon.boot.send_modify(|boot| boot.summary = None);
    let (status, text) = ask(&router, "GET", "/v1/status", &good).await;
    assert_eq!(status, 503);
    assert!(text.contains("does not know its name"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn strangers_cannot_make_the_node_ask_without_end() {
    let daemon = daemon();
    let fake = Fake::default();
    let asked = Arc::clone(&fake.asked);
    let boot = daemon.sources.boot.clone();
    let router = tls::router(&daemon.sources, Gate::new(fake, boot));
    let strange = format!("Bearer {STRANGE}");
    let mut last = 0;
    for _ in 0..21 {
        last = ask(&router, "GET", "/v1/status", &strange).await.0;
    }
    assert_eq!((last, asked.load(Ordering::Relaxed)), (429, 20));
}

/// A certificate of the node `n` with its key, and its authority, as the kubelet and the cluster have them.
struct Pki {
    issuer: rcgen::CertifiedIssuer<'static, rcgen::KeyPair>,
}

impl Pki {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self {
            issuer: rcgen::CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    /// As the kubelet does: a new file, and the link turned to it.
    fn rotate(&self, root: &Root, file: &str) {
        let params = rcgen::CertificateParams::new(vec!["n".to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        let directory = "/var/lib/kubelet/pki";
        root.write(format!("{directory}/{file}"), pem.as_bytes(), 0o600)
            .unwrap();
        root.remove(path::SERVING_CERTIFICATE).unwrap();
        symlink(file, root.path(path::SERVING_CERTIFICATE)).unwrap();
    }

    fn client(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let pem = self.issuer.pem();
        let authority = rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        roots.add(authority).unwrap();
        crate::host::connect::tls(roots).unwrap()
    }
}

/// What is answered on a new connection, and the certificate that was shown.
async fn by_tls(address: std::net::SocketAddr, client: &ClientConfig) -> (u16, Vec<u8>) {
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client.clone()));
    let name = ServerName::try_from("n").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let answer = answer(&mut stream, "GET", "/livez", &format!("Bearer {GOOD}")).await;
    (answer.0, shown)
}

#[tokio::test]
async fn a_certificate_that_was_renewed_is_shown_and_one_in_disorder_is_not() {
    let daemon = daemon();
    let root = daemon.sources.root.clone();
    let pki = Pki::new();
    assert_eq!(
        Certificate::new(&root).current().unwrap_err().to_string(),
        "there is no `/var/lib/kubelet/pki/kubelet-server-current.pem`: the kubelet has no serving certificate yet"
    );
    pki.rotate(&root, "1.pem");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let boot = daemon.sources.boot.clone();
    let router = tls::router(&daemon.sources, Gate::new(Fake::default(), boot));
    tokio::spawn(tls::serve(listener, Certificate::new(&root), router));

    let client = pki.client();
    let (status, first) = by_tls(address, &client).await;
    assert_eq!(status, 200);
    assert_eq!(by_tls(address, &client).await.1, first);
    pki.rotate(&root, "2.pem");
    let (status, second) = by_tls(address, &client).await;
    assert_eq!(status, 200);
    assert_ne!(second, first);
    root.remove(path::SERVING_CERTIFICATE).unwrap();
    assert_eq!(by_tls(address, &client).await.1, second);
}

#[tokio::test(start_paused = true)]
async fn who_does_not_shake_hands_is_let_go() {
    let daemon = daemon();
    Pki::new().rotate(&daemon.sources.root, "1.pem");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let boot = daemon.sources.boot.clone();
    let router = tls::router(&daemon.sources, Gate::new(Fake::default(), boot));
    let certificate = Certificate::new(&daemon.sources.root);
    tokio::spawn(tls::serve(listener, certificate, router));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let began = tokio::time::Instant::now();
    assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(began.elapsed().as_secs(), Duration::from_secs(5).as_secs());
}
