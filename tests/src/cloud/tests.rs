//! The whole AWS side at once, as `lab` starts it.

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};

use super::record::MachineRecord;
use super::test_client::{TestCall, send};
use super::*;

/// A certificate for the host name, as PEM files below `run`; returned as what a client trusts.
fn certificate(run: &std::path::Path, host: &str) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    std::fs::write(run.join("tls.crt"), made.cert.pem()).unwrap();
    std::fs::write(run.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn config(run: &std::path::Path) -> CloudConfig {
    let text = serde_json::json!({
        "run_directory": run,
        "account_id": "111122223333",
        "cluster": {
            "name": "lab",
            "arn": "arn:aws:eks:us-west-2:111122223333:cluster/lab",
            "version": "1.34",
            "endpoint": "https://10.88.0.1:6443",
            "role_arn": "arn:aws:iam::111122223333:role/lab-cluster",
            "certificate_authority": "TFMwdA==",
            "service_ipv4_cidr": "172.20.0.0/16",
            "vpc_id": "vpc-1",
            "subnet_ids": ["subnet-1"],
            "cluster_security_group_id": "sg-1",
            "created_at": "2026-01-02T03:04:05Z",
        },
        "moto_url": "http://127.0.0.1:1",
        "gateway_http": "127.0.0.1:0",
        "gateway_tls": "127.0.0.1:0",
        "tls_certificate": run.join("tls.crt"),
        "tls_key": run.join("tls.key"),
        "imds": "127.0.0.1:0",
        "access_entry_mapping": run.join("mapping.json"),
    });
    serde_json::from_value(text).unwrap()
}

async fn send_tls(
    address: SocketAddr,
    host: &str,
    trusted: CertificateDer<'static>,
    request: Request<Full<Bytes>>,
) -> (StatusCode, String) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from(host.to_owned()).unwrap();
    let stream = tokio_rustls::TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
        .unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    connection.abort();
    (status, String::from_utf8_lossy(&body).into_owned())
}

/// The story of a node: its credential from IMDS, then a token, checked on the TLS side as the authenticator does.
#[tokio::test]
async fn a_credential_from_imds_is_an_identity_at_the_real_host_name() {
    let run = tempfile::tempdir().unwrap();
    let host = "sts.us-west-2.amazonaws.com";
    let trusted = certificate(run.path(), host);
    let cloud = Cloud::bind(config(run.path())).await.unwrap();
    let tls = axum::serve::Listener::local_addr(&cloud.gateway_tls).unwrap();
    let http = cloud.gateway_http.local_addr().unwrap();
    let imds = cloud.imds.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(cloud.serve(async move { drop(stopped.await) }));

    let imds_request = |method: &str, path: &str, name: &str, value: &str| {
        let uri = format!("http://{imds}{path}");
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(name, value);
        send(imds, request.body(Bytes::new().into()).unwrap())
    };
    let put = || {
        let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
        imds_request("PUT", "/latest/api/token", ttl, "60")
    };
    assert_eq!(
        put().await.status,
        StatusCode::NOT_FOUND,
        "no machine has this address yet"
    );
    let machine = MachineRecord {
        private_ip: std::net::Ipv4Addr::LOCALHOST,
        user_data: Some(base64::engine::general_purpose::STANDARD.encode("hello")),
        ..MachineRecord::typical()
    };
    record::write(run.path(), &machine).unwrap();
    let token = put().await.text();
    let get = |path: &'static str| imds_request("GET", path, "x-aws-ec2-metadata-token", &token);
    assert_eq!(get("/latest/user-data").await.text(), "hello");
    let credential = get("/latest/meta-data/iam/security-credentials/lab-node").await;
    let credential: serde_json::Value = serde_json::from_slice(&credential.body).unwrap();
    let access_key_id = credential["AccessKeyId"].as_str().unwrap();
    let credential = CredentialStore::new(run.path(), "111122223333")
        .lookup(access_key_id)
        .unwrap()
        .unwrap();

    let call = TestCall {
        uri: "/?Action=GetCallerIdentity&Version=2011-06-15",
        host: host.to_owned(),
        headers: vec![("x-k8s-aws-id", "lab"), ("accept", "application/json")],
        ..TestCall::to(tls, "sts")
    };
    let (status, body) = send_tls(tls, host, trusted, call.presigned(&credential)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(
        body.contains("assumed-role/lab-node/i-0a1b2c3d4e5f60718"),
        "{body}"
    );
    let plain = send(http, call.presigned(&credential)).await;
    assert_eq!(plain.status, StatusCode::OK);

    drop(stop);
    serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let run = tempfile::tempdir().unwrap();
    certificate(run.path(), "sts.us-west-2.amazonaws.com");
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = holder.local_addr().unwrap();
    let config = CloudConfig {
        imds: taken,
        ..config(run.path())
    };
    let error = Cloud::bind(config).await.unwrap_err();
    let expected = format!("cannot listen on `{taken}` for the metadata service");
    assert_eq!(error.to_string(), expected);
    drop(holder);
}
