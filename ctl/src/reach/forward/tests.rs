//! What is asked of the API server, what is never sent to a node, and how each refusal reads.

use std::sync::{Arc, Mutex};

use kube::config::Kubeconfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// An API server that answers everything with one status and body, and keeps what it was asked.
async fn api_server(status: &'static str, body: &'static str) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(String::new()));
    let keeps = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            // The last member of what is asked.
            while !String::from_utf8_lossy(&request).contains("expirationSeconds") {
                match stream.read(&mut buffer).await {
                    Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            keeps
                .lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&request));
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            drop(stream.write_all(answer.as_bytes()).await);
        }
    });
    (format!("http://{address}"), heard)
}

async fn forward(server: &str, authority: &str) -> Forward {
    forward_to(server, authority, 9978).await
}

async fn forward_to(server: &str, authority: &str, port: u16) -> Forward {
    let kubeconfig = Kubeconfig::from_yaml(&format!(
        "{{apiVersion: v1, kind: Config, contexts: [{{name: here, context: {{cluster: here, user: me}}}}],
          clusters: [{{name: here, cluster: {{server: '{server}'{authority}}}}}],
          users: [{{name: me, user: {{token: the-callers-own}}}}]}}"
    ))
    .unwrap();
    let connection = Connection::through_context(kubeconfig, "here")
        .await
        .unwrap();
    Forward::new(connection, "nodectl/nodectl".parse().unwrap(), port)
}

/// A certificate of nobody, in the form of a kubeconfig.
fn authority() -> String {
    trusting(&certificate("nobody").cert)
}

fn certificate(name: &str) -> rcgen::CertifiedKey<rcgen::KeyPair> {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

fn trusting(certificate: &rcgen::Certificate) -> String {
    use base64::Engine as _;
    let pem = base64::engine::general_purpose::STANDARD.encode(certificate.pem());
    format!(", certificate-authority-data: '{pem}'")
}

/// A listener of an agent with this certificate; its port, and what it was sent.
async fn listener(
    certified: &rcgen::CertifiedKey<rcgen::KeyPair>,
    answer: &'static str,
) -> (u16, Arc<Mutex<String>>) {
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key.unwrap())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(String::new()));
    let keeps = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !request.ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer).await {
                    Ok(read @ 1..) => request.extend_from_slice(&buffer[..read]),
                    _ => break,
                }
            }
            keeps
                .lock()
                .unwrap()
                .push_str(&String::from_utf8_lossy(&request));
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    (port, heard)
}

const ISSUED: &str = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","metadata":{},"spec":{"audiences":["nodectl.dev/agent"]},"status":{"token":"for-agents","expirationTimestamp":"2026-01-01T00:00:00Z"}}"#;

#[tokio::test]
async fn a_token_is_asked_for_agents_alone() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (server, heard) = api_server("201 Created", ISSUED).await;
    let forward = forward(&server, &authority()).await;
    assert_eq!(forward.issue().await.unwrap().expose(), "for-agents");
    let heard = heard.lock().unwrap().clone();
    assert!(
        heard.starts_with("POST /api/v1/namespaces/nodectl/serviceaccounts/nodectl/token?"),
        "{heard}"
    );
    assert!(
        heard.contains(r#""audiences":["nodectl.dev/agent"]"#),
        "{heard}"
    );
    assert!(heard.contains(r#""expirationSeconds":600"#), "{heard}");
}

#[tokio::test]
async fn a_node_is_shown_the_token_for_agents_and_nothing_of_the_callers() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (server, _) = api_server("201 Created", ISSUED).await;
    let certified = certificate("127.0.0.1");
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let (port, heard) = listener(&certified, answer).await;
    let forward = forward_to(&server, &trusting(&certified.cert), port).await;
    assert_eq!(forward.get("127.0.0.1", "/v1/status").await.unwrap(), "{}");
    let heard = heard.lock().unwrap().to_lowercase();
    assert!(heard.starts_with("get /v1/status http/1.1\r\n"), "{heard}");
    assert!(
        heard.contains("authorization: bearer for-agents\r\n"),
        "{heard}"
    );
    assert!(!heard.contains("the-callers-own"), "{heard}");
}

#[tokio::test]
async fn a_node_with_a_certificate_of_somebody_else_is_shown_nothing() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (server, _) = api_server("201 Created", ISSUED).await;
    let (port, heard) = listener(&certificate("127.0.0.1"), "HTTP/1.1 200 OK\r\n\r\n").await;
    let forward = forward_to(&server, &authority(), port).await;
    let error = forward.get("127.0.0.1", "/v1/status").await.unwrap_err();
    assert!(matches!(error, Error::Unanswered { .. }), "{error:?}");
    assert_eq!(*heard.lock().unwrap(), "");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_agents_words() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (server, _) = api_server("201 Created", ISSUED).await;
    let certified = certificate("127.0.0.1");
    let answer = "HTTP/1.1 403 Forbidden\r\ncontent-length: 23\r\n\r\n`x` may not get status\n";
    let (port, _) = listener(&certified, answer).await;
    let forward = forward_to(&server, &trusting(&certified.cert), port).await;
    let error = forward.get("127.0.0.1", "/v1/status").await.unwrap_err();
    let said = error.to_string();
    assert!(
        said.ends_with("answers 403 `x` may not get status"),
        "{said}"
    );
    assert!(error.hints()[0].contains("docs/guide/ask-a-node.md"));
}

#[tokio::test]
async fn a_missing_account_is_told_with_what_creates_it() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let missing = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"serviceaccounts \"nodectl\" not found","reason":"NotFound","code":404}"#;
    let (server, _) = api_server("404 Not Found", missing).await;
    let error = forward(&server, &authority())
        .await
        .get("10.0.0.1", "/v1/status")
        .await
        .unwrap_err();
    insta::assert_snapshot!(format!("{error}\n{}", error.hints().join("\n")), @r#"
    getting a token of service account `nodectl/nodectl` for agents: the API server answers 404 serviceaccounts "nodectl" not found
    `kubectl create namespace nodectl; kubectl --namespace nodectl create serviceaccount nodectl`, or name another with `--service-account NAMESPACE/NAME`; docs/guide/ask-a-node.md has its role
    "#);
}

#[tokio::test]
async fn without_an_authority_and_without_an_address_nothing_is_sent() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let (server, heard) = api_server("500 No", "").await;
    let error = forward(&server, "")
        .await
        .get("10.0.0.1", "/v1/status")
        .await;
    assert!(matches!(error, Err(Error::NoAuthority)));
    let error = forward(&server, &authority())
        .await
        .get("node.example.com", "/v1/status")
        .await;
    assert!(matches!(error, Err(Error::Address { .. })));
    assert_eq!(*heard.lock().unwrap(), "");
}

#[test]
fn an_account_is_a_namespace_and_a_name() {
    let account: Account = "kube-system/asks".parse().unwrap();
    assert_eq!(account.to_string(), "kube-system/asks");
    for text in ["asks", "a/", "/b", "a/b/c", "A/b"] {
        assert!(text.parse::<Account>().is_err(), "{text}");
    }
}
