//! An HTTP proxy for machines that reach nothing else: `CONNECT` only, with a user and a password, and a memory of who
//! asked for what. Names are looked up in a hosts file, which is the lab's DNS.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Longest head of a request.
const LONGEST_HEAD: u64 = 16 << 10;

/// One request to the proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyRequest {
    /// Who asked.
    pub from: IpAddr,
    /// `HOST:PORT` that was asked for; the request line of what is no `CONNECT`.
    pub target: String,
    /// Status of the answer.
    pub status: u16,
}

/// A proxy with its socket bound. Clones share the log.
#[derive(Clone, Debug)]
pub struct Proxy {
    authorization: Arc<str>,
    hosts: Arc<HashMap<String, IpAddr>>,
    log: Arc<Mutex<Vec<ProxyRequest>>>,
}

impl Proxy {
    /// A proxy that lets in who knows the password, and knows the names of this hosts file.
    #[must_use]
    pub fn new(user: &str, password: &str, hosts: &str) -> Self {
        let credentials = BASE64.encode(format!("{user}:{password}"));
        Self {
            authorization: format!("Basic {credentials}").into(),
            hosts: Arc::new(names(hosts)),
            log: Arc::default(),
        }
    }

    /// Everything that was asked for so far, oldest first.
    pub fn requests(&self) -> Vec<ProxyRequest> {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Serves until the future is dropped; connections in progress end with the runtime.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, peer) = listener.accept().await?;
            let proxy = self.clone();
            tokio::spawn(async move {
                if let Err(error) = proxy.connect(stream, peer).await {
                    tracing::debug!(%peer, %error, "a connection through the proxy broke off");
                }
            });
        }
    }

    async fn connect(&self, mut client: TcpStream, peer: SocketAddr) -> io::Result<()> {
        let head = head(&mut client).await?;
        let (target, asked) = self.decide(&head);
        let (status, server) = match asked {
            Err(status) => (status, None),
            Ok(address) => match TcpStream::connect(address).await {
                Ok(server) => (200, Some(server)),
                Err(_unreachable) => (502, None),
            },
        };
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(ProxyRequest {
                from: peer.ip(),
                target,
                status,
            });
        let Some(mut server) = server else {
            let answer = format!(
                "HTTP/1.1 {status} Refused\r\nProxy-Authenticate: Basic realm=\"lab\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            return client.write_all(answer.as_bytes()).await;
        };
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .await?;
        tokio::io::copy_bidirectional(&mut client, &mut server)
            .await
            .map(drop)
    }

    /// What was asked for, and where that is, or the status of the refusal.
    fn decide(&self, head: &str) -> (String, Result<SocketAddr, u16>) {
        let mut lines = head.lines();
        let line = lines.next().unwrap_or_default();
        let target = line
            .strip_prefix("CONNECT ")
            .and_then(|rest| rest.split(' ').next());
        let Some(target) = target else {
            return (line.to_owned(), Err(405));
        };
        let authorization = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"))
            .map(|(_, value)| value.trim());
        let asked = if authorization == Some(&self.authorization) {
            self.address(target).ok_or(502)
        } else {
            Err(407)
        };
        (target.to_owned(), asked)
    }

    fn address(&self, target: &str) -> Option<SocketAddr> {
        if let Ok(address) = target.parse() {
            return Some(address);
        }
        let (host, port) = target.rsplit_once(':')?;
        let address = self.hosts.get(&host.to_ascii_lowercase())?;
        Some(SocketAddr::new(*address, port.parse().ok()?))
    }
}

fn names(hosts: &str) -> HashMap<String, IpAddr> {
    hosts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address: IpAddr = words.next()?.parse().ok()?;
            Some(words.map(move |name| (name.to_ascii_lowercase(), address)))
        })
        .flatten()
        .collect()
}

async fn head(client: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut limited = client.take(LONGEST_HEAD);
    while !head.ends_with(b"\r\n\r\n") {
        head.push(limited.read_u8().await?);
    }
    String::from_utf8(head).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_password_is_connected_to_what_the_lab_knows() {
        let proxy = Proxy::new("me", "pw", "10.88.0.2 API.example other\n# comment\n");
        let ask = |target: &str, authorization: &str| {
            let head = format!(
                "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: {authorization}\r\n\r\n"
            );
            proxy.decide(&head).1
        };
        // me:pw
        let right = "Basic bWU6cHc=";
        assert_eq!(
            ask("api.example:443", right),
            Ok("10.88.0.2:443".parse().unwrap())
        );
        assert_eq!(
            ask("10.0.0.1:80", right),
            Ok("10.0.0.1:80".parse().unwrap())
        );
        assert_eq!(ask("api.example:443", "Basic bWU6"), Err(407));
        assert_eq!(ask("unknown.example:443", right), Err(502));
        assert_eq!(proxy.decide("GET / HTTP/1.1\r\n\r\n").1, Err(405));
    }
}
