//! The kubelet's serving certificate, which the cluster has signed for this node: whoever trusts the cluster's authority
//! knows from it that it is this node that answers.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;

use node::chain::Chain;
use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;

use crate::host::path;
use crate::host::root::{self, Root};

/// A certificate with its chain and its key is of a few kilobytes.
const LONGEST: u64 = 256 * 1024;

/// Why there is no certificate to show.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The kubelet has none yet.
    #[error(
        "there is no `{}`: the kubelet has no serving certificate yet",
        path::SERVING_CERTIFICATE
    )]
    Absent,
    /// It cannot be looked at.
    #[error("looking at `{}`", path::SERVING_CERTIFICATE)]
    Look(#[source] io::Error),
    /// It cannot be read.
    #[error("reading the kubelet's serving certificate")]
    Read(#[source] root::Error),
    /// It is not what it should be.
    #[error("`{}` is not a certificate with its key", path::SERVING_CERTIFICATE)]
    Pem(#[source] pem::Error),
    /// Certificate and key do not fit.
    #[error("`{}` cannot be used", path::SERVING_CERTIFICATE)]
    Use(#[source] rustls::Error),
}

/// Tells one content of the file from the next. The kubelet writes a new file and turns a link to it:
/// <https://github.com/kubernetes/kubernetes/blob/v1.34.4/staging/src/k8s.io/client-go/util/certificate/certificate_store.go>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    seconds: i64,
    nanoseconds: i64,
    length: u64,
}

impl From<Metadata> for Stamp {
    fn from(metadata: Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
            length: metadata.len(),
        }
    }
}

/// The certificate as it was last seen.
#[derive(Debug)]
pub(super) struct Certificate {
    root: Root,
    known: Option<(Stamp, Arc<ServerConfig>)>,
    is_in_disorder: bool,
}

impl Certificate {
    pub(super) fn new(root: &Root) -> Self {
        Self {
            root: root.clone(),
            known: None,
            is_in_disorder: false,
        }
    }

    /// What to serve with now. While the file is in disorder that is what was good before.
    pub(super) fn current(&mut self) -> Result<Arc<ServerConfig>, Error> {
        let error = match self.read() {
            Ok(config) => {
                self.is_in_disorder = false;
                return Ok(config);
            }
            Err(error) => error,
        };
        let Some((_, config)) = &self.known else {
            return Err(error);
        };
        if !std::mem::replace(&mut self.is_in_disorder, true) {
            tracing::warn!(error = %Chain(&error), "the certificate of before is shown");
        }
        Ok(Arc::clone(config))
    }

    fn read(&mut self) -> Result<Arc<ServerConfig>, Error> {
        let stamp = match fs::metadata(self.root.path(path::SERVING_CERTIFICATE)) {
            Ok(metadata) => Stamp::from(metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Absent),
            Err(error) => return Err(Error::Look(error)),
        };
        if let Some((known, config)) = &self.known
            && *known == stamp
        {
            return Ok(Arc::clone(config));
        }
        let content = self
            .root
            .read_at_most(path::SERVING_CERTIFICATE, LONGEST)
            .map_err(Error::Read)?
            .ok_or(Error::Absent)?;
        let config = Arc::new(config(&content)?);
        self.known = Some((stamp, Arc::clone(&config)));
        Ok(config)
    }
}

/// TLS 1.2 or 1.3, HTTP/1.1, no client certificate, nothing kept between connections.
fn config(pem: &[u8]) -> Result<ServerConfig, Error> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(Error::Pem)?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(Error::Pem)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(Error::Use)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(Error::Use)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}
