//! Does the name of the API server resolve? A kubelet whose connection stands does not notice that it does not any more.

use node::finding::{self, Finding};

use super::{Outcome, endpoint};
use crate::host::kubernetes::Access;

/// What is told.
pub const FINDINGS: &[&Finding] = &[
    &finding::NETWORK_PROXY_FAILED,
    &finding::NETWORK_DNS_NO_SUCH_HOST,
    &finding::NETWORK_DNS_UNAVAILABLE,
];
/// What is not there when the name resolves.
pub const PASSED: &[&Finding] = FINDINGS.split_at(1).1;

/// Asks the node's resolver for the name of the kubeconfig's endpoint, or of the proxy before it.
pub async fn resolve(access: &Access) -> Outcome {
    match access.resolve().await {
        Ok(()) => Outcome::Passed,
        Err(error) => endpoint::judge(&access.endpoint().to_string(), &error),
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::host::connect::Error;

    #[test]
    fn a_name_that_is_not_there_is_told_from_a_server_that_does_not_answer() {
        let judged = |error: Error| endpoint::judge("https://a.example/", &error);
        let source = || io::Error::other("no");
        let host = || "a.example".to_owned();
        let missing = Error::NoSuchHost {
            host: host(),
            source: source(),
        };
        let silent = Error::NameServer {
            host: host(),
            source: source(),
        };
        assert_eq!(judged(missing).told().0, PASSED[0].code);
        assert_eq!(judged(silent).told().0, PASSED[1].code);
    }
}
