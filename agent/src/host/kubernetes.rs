//! A client of the API server that is exactly as privileged as the kubelet: it uses the kubelet's own kubeconfig.
//!
//! Authority and credential are the kubeconfig's; the way there is that of every other client of the agent
//! ([`connect`]), so that the proxies of the configured environment count and not only those of this process.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt as _};
use kube::config::{KubeConfigOptions, Kubeconfig};
use tower::{BoxError, Service};

use super::connect::{self, Connector, Https};
use super::environment::Environment;
use super::path;
use super::root::Root;

/// No call to the API server takes longer.
pub const DEADLINE: Duration = Duration::from_secs(20);

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

/// A client with the kubelet's identity.
pub async fn client(root: &Root, environment: &Environment) -> Result<kube::Client, Error> {
    let kubeconfig = Kubeconfig::read_from(root.path(path::KUBECONFIG))
        .map_err(|source| Error::Kubeconfig { source })?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|source| Error::Kubeconfig { source })?;
    let environment = environment.clone().with_kept_defaults(root);
    let connector =
        Connector::new(root, &environment).map_err(|source| Error::Connect { source })?;
    let unusable = |source| Error::Client { source };
    let https = config
        .rustls_https_connector_with_connector(connector)
        .map_err(unusable)?;
    let http = Http(Client::builder(TokioExecutor::new()).build(Https::from_connector(https)));
    let builder = ClientBuilder::new(http, config.default_namespace.clone())
        .with_layer(&config.base_uri_layer());
    Ok(match config.auth_layer().map_err(unusable)? {
        Some(authorization) => builder.with_layer(&authorization).build(),
        None => builder.build(),
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
