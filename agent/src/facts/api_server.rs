//! Addresses of the API server, for clusters whose nodes must find it without DNS.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use tokio::time::{sleep, timeout};

use super::Error;

const ATTEMPTS: u32 = 6;
/// Doubled after each attempt.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// A resolver that answers later has lost the question.
const QUESTION: Duration = Duration::from_secs(5);

/// The name in the URL of an API server; `None` when it is an address already.
pub fn host(endpoint: &str) -> Option<String> {
    let uri: Uri = endpoint.parse().ok()?;
    let host = uri.host()?;
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_err().then(|| host.to_owned())
}

/// The addresses that DNS gives for a name, sorted.
///
/// The dot at its end keeps `/etc/hosts` out: there stands what an earlier run found. Only where DNS does not know the
/// name, that counts.
pub(super) async fn addresses(host: &str) -> Result<Vec<IpAddr>, Error> {
    let absolute = format!("{}.", host.trim_end_matches('.'));
    addresses_through(host, async |host| match lookup(&absolute).await {
        Ok(addresses) if !addresses.is_empty() => Ok(addresses),
        _ => lookup(host).await,
    })
    .await
}

async fn lookup(name: &str) -> io::Result<Vec<IpAddr>> {
    match timeout(QUESTION, tokio::net::lookup_host((name, 443))).await {
        Ok(sockets) => Ok(sockets?.map(|socket| socket.ip()).collect()),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer")),
    }
}

async fn addresses_through(
    host: &str,
    lookup: impl AsyncFn(&str) -> io::Result<Vec<IpAddr>>,
) -> Result<Vec<IpAddr>, Error> {
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        match lookup(host).await {
            Ok(mut addresses) if !addresses.is_empty() => {
                addresses.sort_unstable();
                addresses.dedup();
                return Ok(addresses);
            }
            answer if attempt >= ATTEMPTS => {
                return Err(Error::ApiServerName {
                    host: host.to_owned(),
                    attempts: ATTEMPTS,
                    source: answer
                        .err()
                        .unwrap_or_else(|| io::ErrorKind::NotFound.into()),
                });
            }
            _ => {}
        }
        sleep(pause).await;
        pause *= 2;
        attempt += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn only_a_name_has_to_be_looked_up() {
        assert_eq!(
            host("https://a.example:6443/x").as_deref(),
            Some("a.example")
        );
        assert_eq!(host("https://10.0.0.1"), None);
        assert_eq!(host("https://[2001:db8::1]:443"), None);
        assert_eq!(host(""), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_looked_up_until_it_is_found() {
        let asked = Cell::new(0);
        let found = addresses_through("a.example", async |_| {
            asked.set(asked.get() + 1);
            match asked.get() {
                1 => Err(io::ErrorKind::NotFound.into()),
                2 => Ok(Vec::new()),
                _ => Ok(["10.0.0.2", "10.0.0.1", "10.0.0.2"]
                    .map(|address| address.parse().unwrap())
                    .into()),
            }
        })
        .await
        .unwrap();
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown, ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(asked.get(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_that_does_not_exist_ends_in_time() {
        let begin = tokio::time::Instant::now();
        let error = addresses_through("a.example", async |_| Err(io::Error::other("no such host")))
            .await
            .unwrap_err();
        assert_eq!(
            node::chain::Chain(&error).to_string(),
            "looking up `a.example`, the name of the API server, 6 times: no such host"
        );
        assert_eq!(begin.elapsed(), Duration::from_millis(200 * 31));
    }
}
