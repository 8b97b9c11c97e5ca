//! Service accounts, their rules from `examples/rbac`, and their tokens: those that the API server gives out, and one that
//! it could have given out at another time.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Method, Request};
use jiff::Timestamp;
use lab::{cluster, control_plane, file, lifecycle::Lab};
use node::config::yaml;
use rcgen::SigningKey as _;
use serde_json::{Value, json};

/// Where the accounts of the examples are.
const SERVICE_ACCOUNTS: &str = "/api/v1/namespaces/kube-system/serviceaccounts";

/// Asks the API server as the cluster's creator.
fn call(lab: &Lab, method: Method, path: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        Vec::new()
    } else {
        body.to_string().into_bytes()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    lab.inside(|| async {
        let client = control_plane::client(&lab.layout).await.unwrap();
        client.request::<Value>(request).await.unwrap()
    })
    .unwrap()
}

/// Creates the objects of a file in `examples/rbac`.
pub(super) fn apply_example(lab: &Lab, name: &str) {
    let path = cluster::repository().join("examples/rbac").join(name);
    for document in file::read(&path).unwrap().split("\n---\n") {
        let object = yaml::parse(document, 0).unwrap().root.to_json();
        let kind = object["kind"].as_str().unwrap();
        let resource = format!("{}s", kind.to_lowercase());
        let group = match object["apiVersion"].as_str().unwrap() {
            "v1" => "/api/v1".to_owned(),
            other => format!("/apis/{other}"),
        };
        let namespace = match object["metadata"]["namespace"].as_str() {
            Some(namespace) => format!("/namespaces/{namespace}"),
            None => String::new(),
        };
        let path = format!("{group}{namespace}/{resource}");
        call(lab, Method::POST, &path, &object);
    }
}

pub(super) fn create_account(lab: &Lab, name: &str) {
    let object = json!({"metadata": {"name": name}});
    call(lab, Method::POST, SERVICE_ACCOUNTS, &object);
}

pub(super) fn delete_account(lab: &Lab, name: &str) {
    let path = format!("{SERVICE_ACCOUNTS}/{name}");
    call(lab, Method::DELETE, &path, &Value::Null);
}

/// A token of an account for these audiences, ten minutes; for the API server's own when there are none.
pub(super) fn request(lab: &Lab, account: &str, audiences: &[&str]) -> String {
    let asked = json!({
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": audiences, "expirationSeconds": 600},
    });
    let path = format!("{SERVICE_ACCOUNTS}/{account}/token");
    let answer = call(lab, Method::POST, &path, &asked);
    answer["status"]["token"].as_str().unwrap().to_owned()
}

/// A token as the API server would have signed it so that it ends in so many seconds. It gives out none for less than ten
/// minutes, so one that has expired must be made with its key.
pub(super) fn signed(lab: &Lab, account: &str, audience: &str, seconds: i64) -> String {
    let path = format!("{SERVICE_ACCOUNTS}/{account}");
    let object = call(lab, Method::GET, &path, &Value::Null);
    let now = Timestamp::now().as_second();
    let claims = json!({
        "iss": "https://kubernetes.default.svc",
        "aud": [audience],
        "sub": format!("system:serviceaccount:kube-system:{account}"),
        "iat": now - 600, "nbf": now - 600, "exp": now + seconds,
        "kubernetes.io": {
            "namespace": "kube-system",
            "serviceaccount": {"name": account, "uid": object["metadata"]["uid"]},
        },
    });
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = encoded(&json!({"alg": "ES256", "typ": "JWT"}));
    let text = format!("{head}.{}", encoded(&claims));
    let key = file::read(&lab.layout.pki("service-account.key")).unwrap();
    let key = rcgen::KeyPair::from_pem(&key).unwrap();
    let signature = key.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(raw(&signature)))
}

/// The two numbers of an ECDSA signature side by side, as RFC 7518, section 3.4 wants them, from a DER sequence of two.
fn raw(der: &[u8]) -> Vec<u8> {
    let mut rest = &der[2..];
    let mut out = Vec::new();
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let number = &rest[2..2 + length];
        let number = &number[number.len().saturating_sub(32)..];
        out.extend(vec![0; 32 - number.len()]);
        out.extend(number);
        rest = &rest[2 + length..];
    }
    out
}
