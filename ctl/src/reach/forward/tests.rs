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
                    Ok(1..) => request.extend_from_slice(&buffer),
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
    let kubeconfig = Kubeconfig::from_yaml(&format!(
        "{{apiVersion: v1, kind: Config, contexts: [{{name: here, context: {{cluster: here, user: me}}}}],
          clusters: [{{name: here, cluster: {{server: '{server}'{authority}}}}}],
          users: [{{name: me, user: {{token: the-callers-own}}}}]}}"
    ))
    .unwrap();
    let connection = Connection::through_context(kubeconfig, "here")
        .await
        .unwrap();
    Forward::new(connection, "nodectl/nodectl".parse().unwrap(), 9978)
}

/// A certificate of nobody, in the form of a kubeconfig.
fn authority() -> String {
    use base64::Engine as _;
    let certificate = rcgen::generate_simple_self_signed(["nobody".to_owned()]).unwrap();
    let pem = base64::engine::general_purpose::STANDARD.encode(certificate.cert.pem());
    format!(", certificate-authority-data: '{pem}'")
}

#[tokio::test]
async fn a_token_is_asked_for_agents_alone() {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let issued = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","metadata":{},"spec":{"audiences":["nodectl.dev/agent"]},"status":{"token":"for-agents","expirationTimestamp":"2026-01-01T00:00:00Z"}}"#;
    let (server, heard) = api_server("201 Created", issued).await;
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
