//! Which proxy stands before a URL, decided as the Go programs of the node (kubelet, containerd) decide it, so that all
//! of them take the same way: <https://pkg.go.dev/golang.org/x/net/http/httpproxy>.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;
use node::redact::Secret;

use super::error::Error;
use crate::host::environment::ProxyVariables;

/// A proxy to go through.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    /// `http://HOST:PORT/` or `https://HOST:PORT/`; without credentials.
    pub(super) uri: Uri,
    /// `Proxy-Authorization`, made of the credentials in its URL.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxy {
    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Host and port; without a port in the URL it is that of its scheme.
    pub(super) fn target(&self) -> Result<Target, Error> {
        Target::of(&self.uri)
    }
}

/// Without the credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.uri.scheme_str().unwrap_or_default();
        let authority = self
            .uri
            .authority()
            .map_or("", |authority| authority.as_str());
        write!(formatter, "{scheme}://{authority}")
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({self})")
    }
}

/// A host and its port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Name or address; an IPv6 address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Target {
    pub(super) fn of(uri: &Uri) -> Result<Self, Error> {
        let host = uri.host().unwrap_or_default();
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        let default = match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        };
        match (host, uri.port_u16().or(default)) {
            ("", _) | (_, None) => Err(Error::NoHost),
            (host, Some(port)) => Ok(Self {
                host: host.to_owned(),
                port,
            }),
        }
    }
}

/// As it stands in a `CONNECT` and in messages.
impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

/// The proxies of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Proxies {
    https: Option<Proxy>,
    http: Option<Proxy>,
    exceptions: Vec<Exception>,
}

impl Proxies {
    pub(super) fn read(variables: &ProxyVariables) -> Result<Self, Error> {
        Ok(Self {
            https: proxy("HTTPS_PROXY", variables.https.as_ref())?,
            http: proxy("HTTP_PROXY", variables.http.as_ref())?,
            exceptions: exceptions(variables.no_proxy.as_deref().unwrap_or_default()),
        })
    }

    /// Whether any of them is itself reached by TLS.
    pub(super) fn has_https(&self) -> bool {
        [&self.https, &self.http]
            .into_iter()
            .flatten()
            .any(Proxy::is_https)
    }

    /// The proxy before this URL, if there is one.
    pub(super) fn before(&self, uri: &Uri, target: &Target) -> Option<&Proxy> {
        let proxy = match uri.scheme_str() {
            Some("https") => self.https.as_ref(),
            Some("http") => self.http.as_ref(),
            _ => None,
        };
        proxy.filter(|_| !self.is_exempt(target))
    }

    fn is_exempt(&self, target: &Target) -> bool {
        let host = target.host.to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        self.exceptions
            .iter()
            .any(|exception| exception.matches(&host, address, target.port))
    }
}

/// `variable` is for the message: the value itself may hold a password.
fn proxy(variable: &'static str, value: Option<&Secret<String>>) -> Result<Option<Proxy>, Error> {
    let Some(value) = value else {
        return Ok(None);
    };
    let matcher = Matcher::builder().all(value.expose().clone()).build();
    let intercept = matcher.intercept(&Uri::from_static("https://any.example/"));
    let Some(intercept) = intercept else {
        return Err(Error::NoProxyUrl { variable });
    };
    let scheme = intercept.uri().scheme_str().unwrap_or_default();
    if !matches!(scheme, "http" | "https") {
        return Err(Error::ProxyScheme {
            variable,
            scheme: scheme.to_owned(),
        });
    }
    Ok(Some(Proxy {
        uri: intercept.uri().clone(),
        authorization: intercept.basic_auth().cloned(),
    }))
}

/// One entry of `NO_PROXY`.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Exception {
    Everything,
    /// An address, with the port that it is limited to.
    Address(IpAddr, Option<u16>),
    Network(IpAddr, u8),
    /// A domain with its leading dot: all names below it, and itself if `and_itself`.
    Domain {
        suffix: String,
        and_itself: bool,
        port: Option<u16>,
    },
}

impl Exception {
    fn matches(&self, host: &str, address: Option<IpAddr>, port: u16) -> bool {
        let is_port = |wanted: &Option<u16>| wanted.is_none_or(|wanted| wanted == port);
        match self {
            Self::Everything => true,
            Self::Address(exempt, wanted) => address == Some(*exempt) && is_port(wanted),
            Self::Network(network, prefix) => {
                address.is_some_and(|address| contains(*network, *prefix, address))
            }
            Self::Domain {
                suffix,
                and_itself,
                port: wanted,
            } => {
                let is_itself = *and_itself && suffix.strip_prefix('.') == Some(host);
                (is_itself || host.ends_with(suffix.as_str())) && is_port(wanted)
            }
        }
    }
}

fn exceptions(list: &str) -> Vec<Exception> {
    list.split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .filter_map(|entry| exception(&entry))
        .collect()
}

fn exception(entry: &str) -> Option<Exception> {
    if entry == "*" {
        return Some(Exception::Everything);
    }
    if let Some((network, prefix)) = entry.split_once('/')
        && let (Ok(network), Ok(prefix)) = (network.parse::<IpAddr>(), prefix.parse::<u8>())
    {
        return Some(Exception::Network(network, prefix));
    }
    let (host, port) = host_and_port(entry);
    if let Ok(address) = host.parse() {
        return Some(Exception::Address(address, port));
    }
    let host = host
        .strip_prefix('*')
        .filter(|rest| rest.starts_with('.'))
        .unwrap_or(host);
    let (suffix, and_itself) = if host.starts_with('.') {
        (host.to_owned(), false)
    } else {
        (format!(".{host}"), true)
    };
    (suffix.len() > 1).then_some(Exception::Domain {
        suffix,
        and_itself,
        port,
    })
}

/// `host:port`, `[address]:port`, `[address]` or either alone; a bare IPv6 address has no port.
fn host_and_port(entry: &str) -> (&str, Option<u16>) {
    if let Some(rest) = entry.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (
            host,
            rest.strip_prefix(':').and_then(|port| port.parse().ok()),
        );
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

fn contains(network: IpAddr, prefix: u8, address: IpAddr) -> bool {
    let (network, address, width) = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (
            u128::from(network.to_bits()),
            u128::from(address.to_bits()),
            32_u8,
        ),
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits(), 128),
        _ => return false,
    };
    let Some(shift) = width.checked_sub(prefix) else {
        return false;
    };
    let cut = |bits: u128| bits.checked_shr(shift.into()).unwrap_or_default();
    cut(network) == cut(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(https: &str, no_proxy: &str) -> Proxies {
        Proxies::read(&ProxyVariables {
            https: Some(Secret::new(https.to_owned())),
            http: None,
            no_proxy: Some(no_proxy.to_owned()),
        })
        .unwrap()
    }

    fn is_proxied(no_proxy: &str, url: &str) -> bool {
        let uri: Uri = url.parse().unwrap();
        let target = Target::of(&uri).unwrap();
        proxies("http://proxy:3128", no_proxy)
            .before(&uri, &target)
            .is_some()
    }

    #[test]
    fn exceptions_are_those_of_go() {
        for (no_proxy, url, proxied) in [
            ("", "https://ec2.eu-west-1.amazonaws.com/", true),
            ("*", "https://ec2.eu-west-1.amazonaws.com/", false),
            // A domain is itself and all below it; with a leading dot only what is below.
            ("amazonaws.com", "https://amazonaws.com/", false),
            ("amazonaws.com", "https://ec2.amazonaws.com/", false),
            ("amazonaws.com", "https://notamazonaws.com/", true),
            (".amazonaws.com", "https://EC2.AmazonAWS.com/", false),
            (".amazonaws.com", "https://amazonaws.com/", true),
            ("*.amazonaws.com", "https://ec2.amazonaws.com/", false),
            (" a.example , B.example ", "https://b.example/", false),
            // Addresses and networks count for addresses only.
            ("10.0.0.0/8", "https://10.1.2.3/", false),
            ("10.0.0.0/8", "https://11.1.2.3/", true),
            ("0.0.0.0/0", "https://11.1.2.3/", false),
            ("10.0.0.0/99", "https://10.1.2.3/", true),
            ("fd00::/8", "https://[fd00:ec2::254]/", false),
            ("10.0.0.1", "https://10.0.0.1/", false),
            ("169.254.169.254", "https://169.254.169.25/", true),
            // A port limits an entry.
            ("example.com:8443", "https://example.com:8443/", false),
            ("example.com:8443", "https://example.com/", true),
            ("10.0.0.1:443", "https://10.0.0.1/", false),
            ("[fd00::1]:443", "https://[fd00::1]/", false),
            ("fd00::1", "https://[fd00::1]:6443/", false),
            (",,", "https://example.com/", true),
            // The machine itself never needs a proxy.
            ("", "https://localhost:6443/", false),
            ("", "https://127.0.0.2/", false),
            ("", "https://[::1]/", false),
            // There is none for plain HTTP here.
            ("", "http://example.com/", false),
        ] {
            assert_eq!(is_proxied(no_proxy, url), proxied, "`{no_proxy}` and {url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxies = proxies("http://me:hunter2%40%3A@proxy.example:3128/", "");
        let proxy = proxies.https.clone().unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.example:3128");
        let authorization = proxy.authorization.clone().unwrap();
        // me:hunter2@:
        assert_eq!(authorization, "Basic bWU6aHVudGVyMkA6");
        assert!(authorization.is_sensitive());
        let shown = format!("{proxies:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("bWU6"),
            "{shown}"
        );
    }

    #[test]
    fn the_scheme_of_a_proxy_may_be_left_out() {
        let proxy = proxies("proxy.example:3128", "").https.unwrap();
        assert_eq!(proxy.to_string(), "http://proxy.example:3128");
        let proxy = proxies("https://proxy.example", "").https.unwrap();
        assert_eq!(proxy.target().unwrap().to_string(), "proxy.example:443");
    }

    #[test]
    fn what_is_no_proxy_is_named_by_its_variable_only() {
        for (value, expected) in [
            (
                "http://me:hunter2@",
                "the value of HTTPS_PROXY is not the URL of a proxy: http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ before the host if it wants them",
            ),
            (
                "socks5://me:hunter2@proxy:1080",
                "HTTPS_PROXY names a proxy of scheme `socks5`: only http and https proxies are supported",
            ),
        ] {
            let error = Proxies::read(&ProxyVariables {
                https: Some(Secret::new(value.to_owned())),
                ..ProxyVariables::default()
            })
            .unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }
}
