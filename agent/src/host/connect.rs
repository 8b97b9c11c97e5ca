//! The one way to HTTPS: every client of the agent but that of IMDS connects through [`Connector`].
//!
//! It goes through a proxy where the environment (which includes the configured one) says so, and tells why a connection
//! did not come about. The variables of this process count only by way of
//! [`Environment`](super::environment::Environment). IMDS is link-local and never behind a proxy.

mod error;
mod proxy;
mod tunnel;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tower::Service;

use self::proxy::{Proxies, Target};
use super::environment::Environment;
use super::root::Root;

pub use self::error::{Error, Kind, kind};

/// How long a connection may take to come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the way to the other side: its name, its address, the proxy.
    pub connect: Duration,
    /// For the way and TLS at its end.
    pub secure: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            secure: Duration::from_secs(15),
        }
    }
}

/// An address that has not answered by then is not the only one that is tried.
const NEXT_ADDRESS: Duration = Duration::from_millis(300);

/// Where distributions keep the public authorities: Amazon Linux and its family, Debian and its family.
const AUTHORITIES: [&str; 2] = [
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/certs/ca-certificates.crt",
];

/// A connection to a host or to its proxy.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// Connects to hosts, through a proxy where there is one. TLS with the host goes on top: [`Https`].
#[derive(Debug, Clone)]
pub struct Connector {
    proxies: Arc<Proxies>,
    /// For proxies that are themselves reached by TLS.
    proxy_tls: Option<Arc<ClientConfig>>,
    patience: Patience,
}

impl Connector {
    /// A connector for this environment. Authorities are read only if a proxy needs them.
    pub fn new(root: &Root, environment: &Environment) -> Result<Self, Error> {
        let proxies = Proxies::read(&environment.proxies)?;
        let proxy_tls = if proxies.has_https() {
            Some(Arc::new(public_tls(root, environment)?))
        } else {
            None
        };
        Ok(Self {
            proxies: Arc::new(proxies),
            proxy_tls,
            patience: Patience::default(),
        })
    }

    /// The same connector with other deadlines.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Resolves the name of this URL's host, or of the proxy before it, and no more.
    pub async fn resolve(&self, uri: &Uri) -> Result<(), Error> {
        let patience = self.patience.connect;
        let target = Target::of(uri)?;
        let Some(proxy) = self.proxies.before(uri, &target) else {
            return resolve(&target, patience).await.map(drop);
        };
        match resolve(&proxy.target()?, patience).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Proxy {
                proxy: proxy.to_string(),
                source: error.into(),
            }),
        }
    }

    async fn connect(self, uri: Uri) -> Result<Stream, Error> {
        let patience = self.patience.connect;
        let target = Target::of(&uri)?;
        let Some(proxy) = self.proxies.before(&uri, &target) else {
            return tcp(&target, patience).await.map(MaybeHttpsStream::Http);
        };
        let unreachable = |source| Error::Proxy {
            proxy: proxy.to_string(),
            source,
        };
        let at = proxy.target()?;
        let to_proxy = async {
            let stream = match &self.proxy_tls {
                Some(tls) if proxy.is_https() => {
                    HttpsConnector::from((Tcp(patience), Arc::clone(tls)))
                        .call(proxy.uri.clone())
                        .await
                        .map_err(unreachable)?
                }
                _ => tcp(&at, patience)
                    .await
                    .map(MaybeHttpsStream::Http)
                    .map_err(|error| unreachable(error.into()))?,
            };
            tunnel::open(stream, proxy, &target).await
        };
        match timeout(patience, to_proxy).await {
            Ok(connected) => connected,
            Err(_) => Err(unreachable(silent(&at, patience).into())),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = Error;
    type Future = Connecting<Stream, Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// Without a proxy: for TLS with a proxy.
#[derive(Debug, Clone)]
struct Tcp(Duration);

impl Service<Uri> for Tcp {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = Connecting<TokioIo<TcpStream>, Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let patience = self.0;
        Box::pin(async move { tcp(&Target::of(&uri)?, patience).await })
    }
}

/// [`Connector`] with TLS for `https://` URLs, and one deadline around both.
#[derive(Debug, Clone)]
pub struct Https {
    connector: HttpsConnector<Connector>,
    patience: Duration,
}

impl Https {
    /// Trusts whom this configuration trusts.
    pub fn new(connector: Connector, tls: ClientConfig) -> Self {
        let patience = connector.patience;
        Self::from_connector(HttpsConnector::from((connector, tls)), patience)
    }

    /// Takes a connector that somebody else has given its TLS side.
    pub fn from_connector(connector: HttpsConnector<Connector>, patience: Patience) -> Self {
        Self {
            connector,
            patience: patience.secure,
        }
    }
}

impl Service<Uri> for Https {
    type Response = MaybeHttpsStream<Stream>;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Connecting<Self::Response, Self::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let host = uri.host().unwrap_or_default().to_owned();
        let (connecting, patience) = (self.connector.call(uri), self.patience);
        Box::pin(async move {
            match timeout(patience, connecting).await {
                Ok(connected) => connected,
                // The way there has a shorter deadline of its own.
                Err(_) => Err(Error::TlsTimeout {
                    host,
                    seconds: patience.as_secs(),
                }
                .into()),
            }
        })
    }
}

/// TLS that trusts the public authorities of this environment: `AWS_CA_BUNDLE`, else `SSL_CERT_FILE`, else the image's.
pub fn public_tls(root: &Root, environment: &Environment) -> Result<ClientConfig, Error> {
    let named = environment
        .ca_bundle
        .as_ref()
        .or(environment.certificate_file.as_ref());
    let path: PathBuf = match named {
        Some(path) => path.clone(),
        None => AUTHORITIES
            .iter()
            .find(|path| root.exists(path))
            .map(PathBuf::from)
            .ok_or(Error::NoAuthorities)?,
    };
    tls(authorities(root, &path)?)
}

/// TLS that trusts these authorities and nobody else.
pub fn tls(authorities: RootCertStore) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(|source| Error::Setup { source })?;
    Ok(config
        .with_root_certificates(authorities)
        .with_no_client_auth())
}

/// The certificates of a PEM file. Bundles hold certificates that rustls cannot use; those are passed over.
pub fn authorities(root: &Root, path: &Path) -> Result<RootCertStore, Error> {
    let unusable = |problem: String| Error::Authorities {
        path: path.to_owned(),
        problem,
    };
    let content = root
        .read(path)
        .map_err(|error| unusable(node::chain::Chain(&error).to_string()))?
        .ok_or_else(|| unusable("there is no such file".to_owned()))?;
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<_, _>>()
        .map_err(|error| unusable(format!("it is not PEM: {error}")))?;
    let mut authorities = RootCertStore::empty();
    let (added, ignored) = authorities.add_parsable_certificates(certificates);
    if added == 0 {
        return Err(unusable(format!(
            "it holds no certificate of an authority ({ignored} of another kind)"
        )));
    }
    Ok(authorities)
}

fn silent(target: &Target, patience: Duration) -> Error {
    Error::Timeout {
        target: target.to_string(),
        seconds: patience.as_secs(),
    }
}

/// Resolves the name and connects to it; who is silent for so long, the resolver or the host, is told.
async fn tcp(target: &Target, patience: Duration) -> Result<TokioIo<TcpStream>, Error> {
    let start = Instant::now();
    let addresses = resolve(target, patience).await?;
    let left = patience.saturating_sub(start.elapsed());
    match timeout(left, dial(target, addresses)).await {
        Ok(connected) => connected,
        Err(_) => Err(silent(target, patience)),
    }
}

async fn resolve(target: &Target, patience: Duration) -> Result<Vec<SocketAddr>, Error> {
    let resolving = tokio::net::lookup_host((target.host.as_str(), target.port));
    match timeout(patience, resolving).await {
        Ok(found) => found
            .map(Iterator::collect)
            .map_err(|source| unresolved(&target.host, source)),
        Err(_) => Err(Error::NameServer {
            host: target.host.clone(),
            source: std::io::ErrorKind::TimedOut.into(),
        }),
    }
}

/// Tries addresses in the resolver's order: the next one as soon as one fails, or is slow.
async fn dial(target: &Target, addresses: Vec<SocketAddr>) -> Result<TokioIo<TcpStream>, Error> {
    let mut addresses = addresses.into_iter();
    let mut attempts = JoinSet::new();
    let mut last: Option<std::io::Error> = None;
    loop {
        let next = addresses.next();
        let is_last = next.is_none();
        if let Some(address) = next {
            attempts.spawn(open(address));
        }
        let ended = if is_last {
            attempts.join_next().await
        } else {
            match timeout(NEXT_ADDRESS, attempts.join_next()).await {
                Ok(ended) => ended,
                Err(_) => continue,
            }
        };
        match ended {
            Some(Ok(Ok(stream))) => return Ok(TokioIo::new(stream)),
            Some(Ok(Err(error))) => last = Some(error),
            Some(Err(aborted)) => last = Some(aborted.into()),
            None => {
                let source = last.unwrap_or_else(|| std::io::ErrorKind::HostUnreachable.into());
                return Err(Error::Connect {
                    target: target.to_string(),
                    source,
                });
            }
        }
    }
}

async fn open(address: SocketAddr) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The resolver tells a name that does not exist from a server that does not answer in words only: those of glibc and
/// of musl for `EAI_NONAME` and `EAI_NODATA`.
fn unresolved(host: &str, source: std::io::Error) -> Error {
    const NO_SUCH_HOST: [&str; 4] = [
        "Name or service not known",
        "No address associated",
        "Name does not resolve",
        "Name has no usable address",
    ];
    let text = source.to_string();
    let host = host.to_owned();
    if NO_SUCH_HOST.iter().any(|words| text.contains(words)) {
        Error::NoSuchHost { host, source }
    } else {
        Error::NameServer { host, source }
    }
}

#[cfg(test)]
mod tests;
