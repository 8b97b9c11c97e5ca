//! The service over a real socket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Request;

use super::*;
use crate::cloud::web::{self, Answer};

/// A service of its own for one machine.
struct Running {
    address: SocketAddr,
    directory: FixedDirectory,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    async fn start(record: MachineRecord) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directory = FixedDirectory::new(record);
        Self {
            address: listener.local_addr().unwrap(),
            task: tokio::spawn(serve(listener, directory.clone())),
            directory,
        }
    }

    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let uri = format!("http://{}{path}", self.address);
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(bytes::Bytes::new().into()).unwrap();
        web::send(&web::client(), request).await.unwrap()
    }

    async fn token(&self) -> String {
        let answer = self
            .send(
                Method::PUT,
                "/latest/api/token",
                &[(TOKEN_TIME_TO_LIVE, "60")],
            )
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers[TOKEN_TIME_TO_LIVE], "60");
        answer.text()
    }

    async fn get(&self, path: &str) -> Answer {
        let token = self.token().await;
        self.send(Method::GET, path, &[(TOKEN, &token)]).await
    }
}

#[tokio::test]
async fn nothing_is_read_without_a_token() {
    let imds = Running::start(MachineRecord::typical()).await;
    for path in [
        "/",
        "/latest/meta-data/instance-id",
        "/latest/user-data",
        "/nonsense",
    ] {
        let bare = imds.send(Method::GET, path, &[]).await;
        assert_eq!(bare.status, StatusCode::UNAUTHORIZED, "{path}");
        let wrong = imds
            .send(Method::GET, path, &[(TOKEN, "AQAEAwrong==")])
            .await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(wrong.text().contains("401 - Unauthorized"));
    }
}

#[tokio::test]
async fn a_token_must_be_asked_for_properly() {
    let imds = Running::start(MachineRecord::typical()).await;
    let path = "/latest/api/token";
    let bare = imds.send(Method::PUT, path, &[]).await;
    assert_eq!(bare.status, StatusCode::BAD_REQUEST);
    for seconds in ["0", "21601", "soon"] {
        let answer = imds
            .send(Method::PUT, path, &[(TOKEN_TIME_TO_LIVE, seconds)])
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{seconds}");
    }
    let forwarded = [
        (TOKEN_TIME_TO_LIVE, "60"),
        ("X-Forwarded-For", "203.0.113.9"),
    ];
    let answer = imds.send(Method::PUT, path, &forwarded).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let posted = imds
        .send(Method::POST, path, &[(TOKEN_TIME_TO_LIVE, "60")])
        .await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn a_token_of_another_machine_is_refused() {
    let imds = Running::start(MachineRecord::typical()).await;
    let token = imds.token().await;
    imds.directory.set_record(MachineRecord {
        instance_id: "i-0ffffffffffffffff".to_owned(),
        ..MachineRecord::typical()
    });
    let answer = imds
        .send(
            Method::GET,
            "/latest/meta-data/instance-id",
            &[(TOKEN, &token)],
        )
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn known_versions_answer_alike_and_unknown_ones_not_at_all() {
    let imds = Running::start(MachineRecord::typical()).await;
    for version in ["latest", "2021-03-23", "2024-04-11", "1.0"] {
        let answer = imds.get(&format!("/{version}/meta-data/instance-id")).await;
        assert_eq!(answer.text(), "i-0a1b2c3d4e5f60718", "{version}");
        assert_eq!(answer.headers["server"], "EC2ws");
    }
    for path in [
        "/2099-01-01/meta-data/instance-id",
        "/meta-data/instance-id",
        "/latest/nothing",
    ] {
        assert_eq!(imds.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(imds.get("/").await.text().ends_with("2024-04-11\nlatest"));
}

#[tokio::test]
async fn user_data_come_back_byte_for_byte_and_only_if_there_are_any() {
    let imds = Running::start(MachineRecord::typical()).await;
    assert_eq!(
        imds.get("/latest/user-data").await.status,
        StatusCode::NOT_FOUND
    );
    let raw = [0x1f, 0x8b, 0x00, 0xff, b'\r', b'\n'];
    imds.directory.set_record(MachineRecord {
        user_data: Some(BASE64.encode(raw)),
        ..MachineRecord::typical()
    });
    assert_eq!(imds.get("/latest/user-data").await.body.as_ref(), raw);
}

#[tokio::test]
async fn the_role_credential_has_the_form_that_sdks_read() {
    let imds = Running::start(MachineRecord::typical()).await;
    let answer = imds
        .get("/latest/meta-data/iam/security-credentials/lab-node")
        .await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let credential = imds.directory.credential().unwrap();
    assert_eq!(document["Code"], "Success");
    assert_eq!(document["Type"], "AWS-HMAC");
    assert_eq!(document["AccessKeyId"], credential.access_key_id);
    assert_eq!(document["SecretAccessKey"], credential.secret_access_key);
    assert_eq!(document["Token"], credential.session_token.unwrap());
    assert_eq!(
        document["Expiration"],
        credential.expiration.unwrap().to_string()
    );
    let other = imds
        .get("/latest/meta-data/iam/security-credentials/other-role")
        .await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn faults_strike_before_the_token_is_looked_at() {
    let imds = Running::start(MachineRecord::typical()).await;
    let fault = |path: &str, effect| Fault {
        path: path.to_owned(),
        method: None,
        times: Some(1),
        effect,
    };
    imds.directory.set_faults(Faults {
        faults: vec![
            fault("api/token", Effect::Status(403)),
            fault("meta-data/mac", Effect::Hang),
            fault("meta-data", Effect::Status(503)),
        ],
    });
    let refused = imds
        .send(
            Method::PUT,
            "/latest/api/token",
            &[(TOKEN_TIME_TO_LIVE, "60")],
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let broken = imds.send(Method::GET, "/latest/meta-data/", &[]).await;
    assert_eq!(broken.status, StatusCode::SERVICE_UNAVAILABLE);
    let hanging = imds.send(Method::GET, "/latest/meta-data/mac", &[]);
    let waited = tokio::time::timeout(Duration::from_millis(50), hanging).await;
    assert!(waited.is_err(), "the request was answered");
    assert_eq!(
        imds.get("/latest/meta-data/mac").await.text(),
        "02:88:00:00:00:0b"
    );
}

#[tokio::test]
async fn an_answer_can_break_off_in_its_middle() {
    let service = Running::start(MachineRecord::typical()).await;
    let token = service.token().await;
    service.directory.set_faults(Faults {
        faults: vec![Fault {
            path: "meta-data/instance-id".to_owned(),
            method: None,
            times: Some(1),
            effect: Effect::HalfBody,
        }],
    });
    let uri = format!("http://{}/latest/meta-data/instance-id", service.address);
    let request = || {
        let request = Request::get(&uri).header(TOKEN, &token);
        request.body(bytes::Bytes::new().into()).unwrap()
    };
    assert!(web::send(&web::client(), request()).await.is_err());
    let whole = web::send(&web::client(), request()).await.unwrap();
    assert_eq!(whole.text(), MachineRecord::typical().instance_id);
}
