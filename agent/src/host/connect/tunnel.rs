//! A connection through a proxy: `CONNECT`, <https://www.rfc-editor.org/rfc/rfc9110#name-connect>.
//!
//! The tunnel of hyper-util tells no status but 407; a proxy that refuses by its rules (403) is a different fault from
//! one that cannot reach the other side (502), and a person must do something else about it.

use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::error::Error;
use super::proxy::{Proxy, Target};

/// The head of an answer is shorter.
const MAXIMUM_HEAD: usize = 8 * 1024;

/// Asks the proxy, at the other end of `stream`, for a connection to `target`; the stream is that connection then.
pub(super) async fn open<S>(stream: S, proxy: &Proxy, target: &Target) -> Result<S, Error>
where
    S: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    let mut stream = TokioIo::new(stream);
    let unreachable = |source: std::io::Error| Error::Proxy {
        proxy: proxy.to_string(),
        source: Box::new(source),
    };
    let mut request =
        format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nUser-Agent: nodeagent\r\n")
            .into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;

    let head = head(&mut stream, proxy).await?;
    match status(&head) {
        Some(200..=299) => Ok(stream.into_inner()),
        Some(407) => Err(Error::ProxyAuthentication {
            proxy: proxy.to_string(),
            target: target.to_string(),
        }),
        Some(status) => Err(Error::ProxyRefusal {
            proxy: proxy.to_string(),
            target: target.to_string(),
            status,
        }),
        None => Err(garbled(proxy, "it has no status line")),
    }
}

/// The answer up to its empty line. What follows belongs to the tunnel, so not a byte more is taken.
async fn head(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
) -> Result<Vec<u8>, Error> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == MAXIMUM_HEAD {
            return Err(garbled(proxy, "its head does not end"));
        }
        let byte = stream.read_u8().await.map_err(|source| Error::Proxy {
            proxy: proxy.to_string(),
            source: Box::new(source),
        })?;
        head.push(byte);
    }
    Ok(head)
}

/// `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let line = std::str::from_utf8(head.split(|byte| *byte == b'\r').next()?).ok()?;
    let mut words = line.split(' ');
    let is_http = words.next()?.starts_with("HTTP/1.");
    let status: u16 = words.next()?.parse().ok()?;
    (is_http && (100..600).contains(&status)).then_some(status)
}

fn garbled(proxy: &Proxy, problem: &str) -> Error {
    Error::ProxyGarbled {
        proxy: proxy.to_string(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy() -> Proxy {
        Proxy {
            uri: "http://proxy:3128/".parse().unwrap(),
            authorization: Some("Basic bWU6cHc=".parse().unwrap()),
        }
    }

    fn target() -> Target {
        Target {
            host: "ec2.example".to_owned(),
            port: 443,
        }
    }

    /// What the proxy hears, and what comes of its answer.
    async fn handshake(answer: &'static [u8]) -> (String, Result<Vec<u8>, Error>) {
        let (client, mut server) = tokio::io::duplex(1024);
        let serving = tokio::spawn(async move {
            let mut heard = vec![0; 1024];
            let length = server.read(&mut heard).await.unwrap();
            heard.truncate(length);
            server.write_all(answer).await.unwrap();
            String::from_utf8(heard).unwrap()
        });
        let opened = open(TokioIo::new(client), &proxy(), &target()).await;
        let heard = serving.await.unwrap();
        let rest = match opened {
            Ok(stream) => {
                let mut rest = Vec::new();
                stream.into_inner().read_to_end(&mut rest).await.unwrap();
                Ok(rest)
            }
            Err(error) => Err(error),
        };
        (heard, rest)
    }

    #[tokio::test]
    async fn what_follows_the_answer_belongs_to_the_tunnel() {
        let (heard, rest) =
            handshake(b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\nhello").await;
        assert_eq!(rest.unwrap(), b"hello");
        assert_eq!(
            heard,
            "CONNECT ec2.example:443 HTTP/1.1\r\nHost: ec2.example:443\r\nUser-Agent: nodeagent\r\nProxy-Authorization: Basic bWU6cHc=\r\n\r\n"
        );
    }

    #[tokio::test]
    async fn a_refusal_is_told_with_its_status() {
        let refused = |answer| async move { handshake(answer).await.1.unwrap_err().to_string() };
        assert_eq!(
            refused(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await,
            "the proxy http://proxy:3128 does not accept the credentials of its URL (407 for a connection to ec2.example:443)"
        );
        assert_eq!(
            refused(b"HTTP/1.0 403 Forbidden\r\n\r\nno").await,
            "the proxy http://proxy:3128 does not connect to ec2.example:443: it answers 403"
        );
        assert_eq!(
            refused(b"SSH-2.0-OpenSSH_9.9\r\n\r\n").await,
            "the proxy http://proxy:3128 gives no answer of HTTP: it has no status line"
        );
        assert_eq!(
            refused(b"HTTP/1.1 2").await,
            "reaching the proxy http://proxy:3128"
        );
    }
}
