//! A client of the API server that is exactly as privileged as the kubelet: it uses the kubelet's own kubeconfig.
//!
//! Authority and credential are the kubeconfig's; the way there is that of every other client of the agent
//! ([`connect`]), so that the proxies of the configured environment count and not only those of this process.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{CONTENT_TYPE, DATE};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::Timestamp;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tower::{BoxError, Service};

use super::connect::{self, Connector, Https, Patience};
use super::environment::Environment;
use super::path;
use super::root::Root;

/// No call to the API server takes longer.
pub const DEADLINE: Duration = Duration::from_secs(20);
/// An answer of one packet comes within this time, or not at all.
pub const BRIEF: Duration = Duration::from_secs(3);
/// A user with its groups is described in 1 KiB.
const REVIEW_BYTES: usize = 64 * 1024;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig is missing or does not parse.
    #[error("reading the kubelet's kubeconfig `{}`", path::KUBECONFIG)]
    Kubeconfig {
        /// What is wrong with it.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// A client cannot be made of it.
    #[error("making a client of the kubelet's kubeconfig")]
    Client {
        /// What is wrong.
        #[source]
        source: kube::Error,
    },
    /// There is no way to the API server.
    #[error("connecting to the API server")]
    Connect {
        /// What is wrong with the settings.
        #[source]
        source: connect::Error,
    },
}

/// What the kubelet's kubeconfig leads to: an endpoint, whom to trust there, and a credential.
#[derive(Debug, Clone)]
pub struct Access {
    config: kube::Config,
    connector: Connector,
    patience: Patience,
}

impl Access {
    /// Reads the kubeconfig; nothing is asked and no helper is run yet.
    pub async fn read(
        root: &Root,
        environment: &Environment,
        patience: Patience,
    ) -> Result<Self, Error> {
        let kubeconfig = Kubeconfig::read_from(root.path(path::KUBECONFIG))
            .map_err(|source| Error::Kubeconfig { source })?;
        let config =
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .map_err(|source| Error::Kubeconfig { source })?;
        let environment = environment.clone().with_kept_defaults(root);
        let connector =
            Connector::new(root, &environment).map_err(|source| Error::Connect { source })?;
        Ok(Self {
            config,
            connector: connector.with_patience(patience),
            patience,
        })
    }

    /// URL of the API server.
    pub fn endpoint(&self) -> &Uri {
        &self.config.cluster_url
    }

    /// Connects, with TLS, and says nothing. [`connect::kind`] tells what is in the way.
    pub async fn reach(&self) -> Result<(), BoxError> {
        self.https()?.call(self.endpoint().clone()).await.map(drop)
    }

    /// Resolves its name, or that of the proxy before it.
    pub async fn resolve(&self) -> Result<(), connect::Error> {
        self.connector.resolve(self.endpoint()).await
    }

    /// Whether the endpoint answers a message that is no handshake. Such an answer, or the end of the connection, is a
    /// packet of a few bytes, where that to a handshake is as long as packets may be.
    pub async fn answers_briefly(&self) -> bool {
        // A record of TLS with a handshake message of a type that there is not: RFC 8446, sections 4 and 5.1.
        const NO_HANDSHAKE: [u8; 9] = [22, 3, 1, 0, 4, 255, 0, 0, 0];
        let asking = async {
            let mut connector = self.connector.clone();
            let mut stream = TokioIo::new(connector.call(self.endpoint().clone()).await.ok()?);
            stream.write_all(&NO_HANDSHAKE).await.ok()?;
            // A reset is an answer too.
            Some(stream.read(&mut [0; 16]).await)
        };
        matches!(timeout(BRIEF, asking).await, Ok(Some(_)))
    }

    /// Asks as nobody in particular: any answer has a `Date` header, and comes at this time by our clock.
    pub async fn date(&self) -> Result<(Option<String>, Timestamp), BoxError> {
        // With the slash of an endpoint that has no path of its own.
        let url = format!("{}livez", self.endpoint());
        let request = Request::get(url).body(Body::empty())?;
        let client: Client<Https, Body> =
            Client::builder(TokioExecutor::new()).build(self.https()?);
        let answer = client.request(request).await?;
        let date = answer
            .headers()
            .get(DATE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((date, Timestamp::now()))
    }

    /// A client with the kubelet's identity. The helper of the kubeconfig is run for its credential.
    pub async fn client(self) -> Result<kube::Client, Error> {
        let unusable = |source| Error::Client { source };
        let https = self.https().map_err(unusable)?;
        let config = self.config;
        let http = Http(Client::builder(TokioExecutor::new()).build(https));
        let builder = ClientBuilder::new(http, config.default_namespace.clone())
            .with_layer(&config.base_uri_layer());
        // The helper may wait for a metadata service that does not answer, and everything else must go on.
        let authorization = tokio::task::spawn_blocking(move || config.auth_layer())
            .await
            .map_err(|aborted| unusable(kube::Error::Service(aborted.into())))?;
        Ok(match authorization.map_err(unusable)? {
            Some(authorization) => builder.with_layer(&authorization).build(),
            None => builder.build(),
        })
    }

    fn https(&self) -> Result<Https, kube::Error> {
        let connector = self
            .config
            .rustls_https_connector_with_connector(self.connector.clone())?;
        Ok(Https::from_connector(connector, self.patience))
    }
}

/// A client with the kubelet's identity.
pub async fn client(root: &Root, environment: &Environment) -> Result<kube::Client, Error> {
    Access::read(root, environment, Patience::default())
        .await?
        .client()
        .await
}

/// What the API server answers to the question who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// HTTP status.
    pub status: u16,
    /// Its `Date` header.
    pub date: Option<String>,
    /// When the answer came, by our clock.
    pub at: Timestamp,
    /// `SelfSubjectReview` on success, else `Status`.
    pub body: Vec<u8>,
}

/// Asks the API server who we are:
/// <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#self-subject-review>.
pub async fn review(client: &kube::Client) -> kube::Result<Review> {
    const QUESTION: &[u8] =
        br#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let request = Request::post("/apis/authentication.k8s.io/v1/selfsubjectreviews")
        .header(CONTENT_TYPE, "application/json")
        .body(Body::from(QUESTION.to_vec()))
        .map_err(kube::Error::HttpError)?;
    let response = client.send(request).await?;
    let at = Timestamp::now();
    let status = response.status().as_u16();
    let date = response
        .headers()
        .get(DATE)
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let body = Limited::new(response.into_body(), REVIEW_BYTES)
        .collect()
        .await
        .map_err(kube::Error::Service)?
        .to_bytes()
        .to_vec();
    Ok(Review {
        status,
        date,
        at,
        body,
    })
}

/// The client below the layers of kube, with the type of error that they have.
#[derive(Debug, Clone)]
struct Http(Client<Https, Body>);

impl Service<Request<Body>> for Http {
    type Response = Response<Incoming>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let answer = self.0.request(request);
        Box::pin(async move { Ok(answer.await?) })
    }
}
