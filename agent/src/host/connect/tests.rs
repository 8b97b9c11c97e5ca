use node::chain::Chain;
use node::redact::Secret;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::host::environment::ProxyVariables;

fn connector(https_proxy: Option<&str>) -> Connector {
    let environment = Environment {
        proxies: ProxyVariables {
            https: https_proxy.map(|proxy| Secret::new(proxy.to_owned())),
            ..ProxyVariables::default()
        },
        ..Environment::default()
    };
    let directory = tempfile::tempdir().unwrap();
    Connector::new(&Root::new(directory.path()), &environment).unwrap()
}

/// A port on which nothing listens any more.
async fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn a_closed_port_is_told_as_such() {
    let port = closed_port().await;
    let uri = format!("https://127.0.0.1:{port}/").parse().unwrap();
    let error = connector(None).connect(uri).await.unwrap_err();
    assert_eq!(kind(&error), Kind::Refused);
    let text = Chain(&error).to_string();
    assert!(
        text.starts_with(&format!("connecting to 127.0.0.1:{port}: ")),
        "{text}"
    );
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let port = closed_port().await;
    let connector = connector(Some(&format!("http://me:hunter2@127.0.0.1:{port}")));
    let uri = Uri::from_static("https://ec2.example/");
    let error = connector.connect(uri).await.unwrap_err();
    assert_eq!(kind(&error), Kind::ProxyUnreachable);
    let text = Chain(&error).to_string();
    assert!(
        text.starts_with(&format!("reaching the proxy http://127.0.0.1:{port}: ")),
        "{text}"
    );
    assert!(!format!("{text}{error:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_host_is_reached_through_its_proxy_by_name() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = vec![0; 1024];
        let length = stream.read(&mut heard).await.unwrap();
        heard.truncate(length);
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        String::from_utf8(heard).unwrap()
    });
    let connector = connector(Some(&format!("http://127.0.0.1:{port}")));
    // No resolver is asked for the name: behind the proxy it may be the only one that knows it.
    let uri = Uri::from_static("https://only.the.proxy.knows.invalid:6443/api");
    connector.connect(uri).await.unwrap();
    let heard = serving.await.unwrap();
    assert!(
        heard.starts_with("CONNECT only.the.proxy.knows.invalid:6443 HTTP/1.1\r\n"),
        "{heard}"
    );
}

#[tokio::test]
async fn what_takes_a_connection_and_says_nothing_ends_with_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut https = Https::new(connector(None), tls(RootCertStore::empty()).unwrap());
    let uri = format!("https://127.0.0.1:{port}/").parse().unwrap();
    let connecting = tokio::spawn(https.call(uri));
    let _held = listener.accept().await.unwrap();
    // From now on nothing happens but time.
    tokio::time::pause();
    let error = connecting.await.unwrap().map(drop).unwrap_err();
    assert_eq!(kind(error.as_ref()), Kind::TlsTimeout);
    assert_eq!(
        error.to_string(),
        "TLS with 127.0.0.1 does not come about within 15 s"
    );
}

#[test]
fn names_that_do_not_exist_are_told_from_servers_that_do_not_answer() {
    let of = |text: &str| {
        let text = format!("failed to lookup address information: {text}");
        kind(&unresolved("a.example", std::io::Error::other(text)))
    };
    assert_eq!(of("Name or service not known"), Kind::NoSuchHost);
    assert_eq!(of("Name does not resolve"), Kind::NoSuchHost);
    assert_eq!(of("Temporary failure in name resolution"), Kind::NameServer);
    assert_eq!(of("Try again"), Kind::NameServer);
}

#[test]
fn authorities_come_from_where_the_environment_says() {
    let directory = tempfile::tempdir().unwrap();
    let root = Root::new(directory.path());
    let trust = |environment: &Environment| {
        public_tls(&root, environment)
            .map(drop)
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        trust(&Environment::default()).unwrap_err(),
        "no file with the authorities to trust: neither AWS_CA_BUNDLE nor SSL_CERT_FILE is set, and the image has none"
    );
    root.write("/bundle.pem", b"no PEM at all", 0o644).unwrap();
    let of = |path: &str| Environment {
        ca_bundle: Some(path.into()),
        certificate_file: Some("/never-read".into()),
        ..Environment::default()
    };
    assert_eq!(
        trust(&of("/bundle.pem")).unwrap_err(),
        "the authorities to trust in `/bundle.pem`: it holds no certificate of an authority (0 of another kind)"
    );
    assert_eq!(
        trust(&of("/absent.pem")).unwrap_err(),
        "the authorities to trust in `/absent.pem`: there is no such file"
    );
}
