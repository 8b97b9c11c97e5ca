//! API servers in trouble: fronts with an authority of their own that answer everything alike, and one that is but older.
//! Machines share the host's clock, so it is the front's that is off.

use std::net::Ipv4Addr;

use axum::{Router, response::IntoResponse as _, routing::get};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Client, Config,
    client::Body,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use lab::{cloud::gateway::TlsListener, file, lifecycle::Lab, network};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use serde_json::json;
use tokio::net::TcpListener;

/// What one front is like. Its number is its port.
#[derive(Clone, Copy)]
pub(super) enum Front {
    /// Its certificate has expired.
    Expired = 8445,
    /// It refuses everybody, and its clock is ten minutes behind.
    Behind = 8446,
    /// It refuses everybody, and its clock is ten minutes ahead.
    Ahead = 8447,
    /// It is being started or has lost its store.
    Unavailable = 8448,
    /// It has too much to do.
    Throttling = 8449,
    /// It is the real one, and says that it is of the version before.
    Older = 8450,
}

const ALL: [Front; 6] = [
    Front::Expired,
    Front::Behind,
    Front::Ahead,
    Front::Unavailable,
    Front::Throttling,
    Front::Older,
];

/// What an API server says of itself that is a minor version older than the machines' kubelets.
const OLDER: &str = "v1.33.7-eks-1234567";
/// Nothing that a kubelet sends is longer.
const LONGEST_BODY: usize = 16 << 20;

impl Front {
    pub(super) fn url(self) -> String {
        format!("https://{}:{}", network::GATEWAY, self as u16)
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Expired | Self::Behind | Self::Ahead => StatusCode::UNAUTHORIZED,
            Self::Older => StatusCode::OK,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Throttling => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    fn clock_offset(self) -> SignedDuration {
        match self {
            Self::Behind => SignedDuration::from_mins(-10),
            Self::Ahead => SignedDuration::from_mins(10),
            _ => SignedDuration::ZERO,
        }
    }

    fn answer(self) -> axum::response::Response {
        let status = self.status();
        let now = Timestamp::now() + self.clock_offset();
        let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let headers = HeaderMap::from_iter([
            (header::DATE, HeaderValue::from_str(&date).unwrap()),
            (
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            ),
        ]);
        let body = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": status.canonical_reason(),
            "reason": status.canonical_reason().unwrap().replace(' ', ""),
            "code": status.as_u16(),
        });
        (status, headers, body.to_string()).into_response()
    }
}

/// Passes everything on to the real API server, with the caller's own credential, and answers `/version` itself.
async fn older(lab: &Lab) -> Router {
    let kubeconfig = Kubeconfig::read_from(lab.layout.pki("lab.kubeconfig")).unwrap();
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    config.auth_info = AuthInfo::default();
    // Watches are silent for as long as nothing happens.
    config.read_timeout = None;
    let client = Client::try_from(config).unwrap();
    let pass_on = async move |request: axum::extract::Request| {
        let (head, body) = request.into_parts();
        let body = axum::body::to_bytes(body, LONGEST_BODY).await.unwrap();
        let mut request = http::Request::from_parts(head, Body::from(body.to_vec()));
        for header in [header::HOST, header::CONNECTION, header::TRANSFER_ENCODING] {
            request.headers_mut().remove(header);
        }
        match client.send(request).await {
            Ok(response) => response.map(axum::body::Body::new),
            Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
        }
    };
    let version = json!({
        "major": "1", "minor": "33", "gitVersion": OLDER, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "2026-01-02T03:04:05Z", "goVersion": "go1.24.0", "compiler": "gc", "platform": "linux/amd64",
    });
    Router::new()
        .route("/version", get(axum::Json(version)))
        .fallback(pass_on)
}

/// Makes the authority and the certificates.
pub(super) fn certify(lab: &Lab) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    for (name, is_expired) in [("front", false), ("front-expired", true)] {
        let address: Ipv4Addr = network::GATEWAY;
        let mut params = CertificateParams::new([address.to_string()]).unwrap();
        if is_expired {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2021, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let pki = |kind: &str| lab.layout.pki(&format!("{name}.{kind}"));
        file::write(&pki("crt"), certificate.pem()).unwrap();
        file::write_secret(&pki("key"), key.serialize_pem()).unwrap();
    }
    file::write(&lab.layout.pki("front-ca.crt"), authority.pem()).unwrap();
}

/// Serves all fronts until it is dropped. Call it inside the lab's network.
pub(super) async fn serve(lab: &Lab) {
    for front in ALL {
        let name = match front {
            Front::Expired => "front-expired",
            _ => "front",
        };
        let pki = |kind: &str| lab.layout.pki(&format!("{name}.{kind}"));
        let listener = TcpListener::bind((network::GATEWAY, front as u16))
            .await
            .unwrap();
        let listener = TlsListener::new(listener, &pki("crt"), &pki("key")).unwrap();
        let router = match front {
            Front::Older => older(lab).await,
            _ => Router::new().fallback(async move || front.answer()),
        };
        tokio::spawn(async move { axum::serve(listener, router).await });
    }
    std::future::pending::<()>().await;
}
