//! Why a connection could not be made, in words for a person and as a [`Kind`] to decide on.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;

use rustls::CertificateError;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A proxy variable holds something else than a URL.
    #[error(
        "the value of {variable} is not the URL of a proxy: http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host if it wants them"
    )]
    NoProxyUrl {
        /// The variable; its value may hold a password.
        variable: &'static str,
    },
    /// A proxy that speaks something else.
    #[error(
        "{variable} names a proxy of scheme `{scheme}`: only http and https proxies are supported"
    )]
    ProxyScheme {
        /// The variable.
        variable: &'static str,
        /// `socks5` and the like.
        scheme: String,
    },
    /// A file with authorities is missing or cannot be used.
    #[error("the authorities to trust in `{}`: {problem}", path.display())]
    Authorities {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// No file with authorities is where distributions have it.
    #[error(
        "no file with the authorities to trust: neither AWS_CA_BUNDLE nor SSL_CERT_FILE is set, and the image has none"
    )]
    NoAuthorities,
    /// TLS could not be set up.
    #[error("setting up TLS")]
    Setup {
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
    /// A URL without a host.
    #[error("the URL has no host")]
    NoHost,
    /// The name has no address.
    #[error("the name `{host}` does not resolve")]
    NoSuchHost {
        /// The name.
        host: String,
        /// What the resolver says.
        #[source]
        source: io::Error,
    },
    /// The resolver has no answer.
    #[error("no name server answers for `{host}`")]
    NameServer {
        /// The name.
        host: String,
        /// What the resolver says.
        #[source]
        source: io::Error,
    },
    /// The other side, or the way there, said no.
    #[error("connecting to {target}")]
    Connect {
        /// Host and port.
        target: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Nobody said anything.
    #[error("{target} does not answer: no connection within {seconds} s")]
    Timeout {
        /// Host and port.
        target: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The connection stands, TLS on it does not.
    #[error("TLS with {host} does not come about within {seconds} s")]
    TlsTimeout {
        /// Host.
        host: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The proxy itself cannot be reached.
    #[error("reaching the proxy {proxy}")]
    Proxy {
        /// The proxy, without credentials.
        proxy: String,
        /// Why not.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The proxy wants other credentials, or any.
    #[error(
        "the proxy {proxy} does not accept the credentials of its URL (407 for a connection to {target})"
    )]
    ProxyAuthentication {
        /// The proxy, without credentials.
        proxy: String,
        /// Where the connection should go.
        target: String,
    },
    /// The proxy does not connect.
    #[error("the proxy {proxy} does not connect to {target}: it answers {status}")]
    ProxyRefusal {
        /// The proxy, without credentials.
        proxy: String,
        /// Where the connection should go.
        target: String,
        /// Status of its answer.
        status: u16,
    },
    /// The proxy does not speak HTTP.
    #[error("the proxy {proxy} gives no answer of HTTP: {problem}")]
    ProxyGarbled {
        /// The proxy, without credentials.
        proxy: String,
        /// What is wrong with its answer.
        problem: String,
    },
}

/// What kind of obstacle it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The name does not exist.
    NoSuchHost,
    /// No name server answers.
    NameServer,
    /// Nothing listens there.
    Refused,
    /// There is no way there.
    NoRoute,
    /// No answer.
    Timeout,
    /// A connection, and no TLS on it.
    TlsTimeout,
    /// The certificate's authority is not one to trust.
    UnknownIssuer,
    /// The certificate is not valid at this time by our clock.
    CertificateTime,
    /// The certificate is for another name.
    CertificateName,
    /// Any other fault of TLS.
    Tls,
    /// The proxy cannot be reached, or cannot reach the other side.
    ProxyUnreachable,
    /// The proxy refuses: wrong credentials, or a rule of its own.
    ProxyDenied,
    /// What was configured cannot be used.
    Configuration,
    /// The connection broke off.
    Broken,
}

impl Kind {
    /// Whether it stays so until a person changes something: another try makes no sense.
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::UnknownIssuer | Self::CertificateName | Self::ProxyDenied | Self::Configuration
        )
    }

    /// Whether it is about the proxy.
    pub fn is_of_proxy(self) -> bool {
        matches!(self, Self::ProxyUnreachable | Self::ProxyDenied)
    }
}

impl Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NoProxyUrl { .. }
            | Self::ProxyScheme { .. }
            | Self::Authorities { .. }
            | Self::NoAuthorities
            | Self::Setup { .. }
            | Self::NoHost => Kind::Configuration,
            Self::NoSuchHost { .. } => Kind::NoSuchHost,
            Self::NameServer { .. } => Kind::NameServer,
            Self::Connect { source, .. } => of_io(source),
            Self::Timeout { .. } => Kind::Timeout,
            Self::TlsTimeout { .. } => Kind::TlsTimeout,
            // What lies behind the proxy, or its own overload, may be better in a moment.
            Self::ProxyRefusal { status, .. } if *status >= 500 => Kind::ProxyUnreachable,
            Self::ProxyAuthentication { .. } | Self::ProxyRefusal { .. } => Kind::ProxyDenied,
            Self::Proxy { .. } | Self::ProxyGarbled { .. } => Kind::ProxyUnreachable,
        }
    }
}

/// The kind of an error that a client on top of the connector gives: it is somewhere among its sources.
pub fn kind(error: &(dyn StdError + 'static)) -> Kind {
    let mut next = Some(error);
    let mut last = Kind::Broken;
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.kind();
        }
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return of_tls(error);
        }
        next = match error.downcast_ref::<io::Error>() {
            Some(error) => {
                last = of_io(error);
                // The source of a wrapping I/O error is that of what it wraps, which would be passed over.
                error
                    .get_ref()
                    .map(|inner| inner as &(dyn StdError + 'static))
            }
            None => error.source(),
        };
    }
    last
}

fn of_io(error: &io::Error) -> Kind {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Kind::Refused,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::NetworkDown
        | io::ErrorKind::PermissionDenied => Kind::NoRoute,
        io::ErrorKind::TimedOut => Kind::Timeout,
        _ => Kind::Broken,
    }
}

fn of_tls(error: &rustls::Error) -> Kind {
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return Kind::Tls;
    };
    match certificate {
        CertificateError::UnknownIssuer => Kind::UnknownIssuer,
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => Kind::CertificateTime,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Kind::CertificateName
        }
        _ => Kind::Tls,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("client error (Connect)")]
    struct Client(#[source] Box<dyn StdError + Send + Sync>);

    /// As hyper-rustls and hyper-util wrap what TLS says.
    fn wrapped(error: rustls::Error) -> Client {
        let inner = io::Error::new(io::ErrorKind::InvalidData, error);
        Client(Box::new(io::Error::other(inner)))
    }

    #[test]
    fn faults_of_a_certificate_are_told_apart_through_all_wrappings() {
        let of = |error| kind(&wrapped(rustls::Error::InvalidCertificate(error)));
        assert_eq!(of(CertificateError::UnknownIssuer), Kind::UnknownIssuer);
        assert_eq!(of(CertificateError::Expired), Kind::CertificateTime);
        assert_eq!(of(CertificateError::NotValidForName), Kind::CertificateName);
        assert_eq!(of(CertificateError::BadEncoding), Kind::Tls);
        let error = wrapped(rustls::Error::HandshakeNotComplete);
        assert_eq!(kind(&error), Kind::Tls);
    }

    #[test]
    fn our_own_errors_are_found_among_the_sources() {
        let error = Client(Box::new(Error::Connect {
            target: "10.0.0.1:443".to_owned(),
            source: io::Error::from(io::ErrorKind::ConnectionRefused),
        }));
        assert_eq!(kind(&error), Kind::Refused);
        let refusal = |status| {
            kind(&Client(Box::new(Error::ProxyRefusal {
                proxy: "http://proxy:3128".to_owned(),
                target: "ec2:443".to_owned(),
                status,
            })))
        };
        assert_eq!(refusal(403), Kind::ProxyDenied);
        assert_eq!(refusal(502), Kind::ProxyUnreachable);
        assert_eq!(kind(&Client("broke off".into())), Kind::Broken);
    }
}
