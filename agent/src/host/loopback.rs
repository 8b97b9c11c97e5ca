//! HTTP on this machine's loopback: one GET of a small document of another daemon of the node, without a proxy.
//!
//! HTTP/1.0 asks for an answer in one piece that ends with the connection.

use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there.
    #[error("nobody listens on 127.0.0.1:{port}")]
    Refused {
        /// The port.
        port: u16,
    },
    /// The connection stands, and no answer comes.
    #[error("127.0.0.1:{port} takes a connection and gives no answer within {} s", deadline.as_secs())]
    Deadline {
        /// The port.
        port: u16,
        /// How long was waited.
        deadline: Duration,
    },
    /// The connection broke.
    #[error("talking to 127.0.0.1:{port}")]
    Broken {
        /// The port.
        port: u16,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// What came is no answer of HTTP, or too long.
    #[error("127.0.0.1:{port} gives no usable answer of HTTP")]
    Unusable {
        /// The port.
        port: u16,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// Whether somebody listens on this port; nothing is said.
pub async fn knock(port: u16, deadline: Duration) -> Result<(), Error> {
    bounded(port, deadline, async { connect(port).await.map(drop) }).await
}

/// Asks for this path; an answer of more than so many bytes is none.
pub async fn get(port: u16, path: &str, deadline: Duration, most: u64) -> Result<Answer, Error> {
    let broken = |source| Error::Broken { port, source };
    let asking = async {
        let mut stream = connect(port).await?;
        let request =
            format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nAccept: */*\r\n\r\n");
        stream.write_all(request.as_bytes()).await.map_err(broken)?;
        let mut answer = Vec::new();
        let mut reading = stream.take(most.saturating_add(1));
        reading.read_to_end(&mut answer).await.map_err(broken)?;
        let is_whole = u64::try_from(answer.len()).is_ok_and(|length| length <= most);
        let text = String::from_utf8(answer).ok().filter(|_| is_whole);
        text.and_then(|text| parse(&text))
            .ok_or(Error::Unusable { port })
    };
    bounded(port, deadline, asking).await
}

async fn connect(port: u16) -> Result<TcpStream, Error> {
    match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => Ok(stream),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Err(Error::Refused { port }),
        Err(source) => Err(Error::Broken { port, source }),
    }
}

async fn bounded<T>(
    port: u16,
    deadline: Duration,
    asking: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout(deadline, asking).await {
        Ok(asked) => asked,
        Err(_) => Err(Error::Deadline { port, deadline }),
    }
}

/// Status and body: `HTTP/1.0 200 OK`, headers, an empty line, the body.
fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let line = head.lines().next()?;
    let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some(Answer {
        status: status.parse().ok()?,
        body: body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    async fn served(answer: &'static str) -> (u16, tokio::task::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 512];
            let length = stream.read(&mut request).await.unwrap();
            assert!(request[..length].starts_with(b"GET /healthz HTTP/1.0\r\n"));
            stream.write_all(answer.as_bytes()).await.unwrap();
        });
        (port, serving)
    }

    #[tokio::test]
    async fn an_answer_has_a_status_and_a_body() {
        let (port, serving) =
            served("HTTP/1.0 500 Internal\r\nA: b\r\n\r\n[-]syncloop failed").await;
        let answer = get(port, "/healthz", DEADLINE, 1024).await.unwrap();
        serving.await.unwrap();
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (500, "[-]syncloop failed")
        );
        assert!(matches!(
            knock(port, DEADLINE).await,
            Err(Error::Refused { .. })
        ));
    }

    #[tokio::test]
    async fn what_is_too_long_or_no_http_is_no_answer() {
        for answer in [
            "HTTP/1.0 200 OK\r\n\r\n0123456789",
            "SSH-2.0-OpenSSH_9.6\r\n",
        ] {
            let (port, serving) = served(answer).await;
            let asked = get(port, "/healthz", DEADLINE, 24).await;
            serving.await.unwrap();
            assert!(matches!(asked, Err(Error::Unusable { .. })), "{asked:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_a_connection_and_is_silent_is_told_from_nobody() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(knock(port, DEADLINE).await.is_ok());
        let asked = get(port, "/healthz", DEADLINE, 1024).await;
        assert_eq!(
            asked.unwrap_err().to_string(),
            format!("127.0.0.1:{port} takes a connection and gives no answer within 5 s")
        );
    }
}
