//! Is there a way to the API server: its name, its address, the proxy before it, TLS with exactly our authority?
//!
//! One connection, on which nothing is said; the connector tells its stages apart.

use std::error::Error;

use node::chain::Chain;
use node::finding::{self, Finding};

use super::Outcome;
use crate::host::connect::{self, Kind};
use crate::host::kubernetes::Access;

/// What is told.
pub const FINDINGS: &[&Finding] = &[
    &finding::NETWORK_PROXY_FAILED,
    &finding::NETWORK_DNS_NO_SUCH_HOST,
    &finding::NETWORK_DNS_UNAVAILABLE,
    &finding::NETWORK_API_REFUSED,
    &finding::NETWORK_NO_ROUTE,
    &finding::NETWORK_API_TIMEOUT,
    &finding::NETWORK_TLS_TIMEOUT,
    &finding::NETWORK_TLS_FAILED,
    &finding::NETWORK_CA_MISMATCH,
    &finding::NETWORK_CERT_NAME,
    &finding::TIME_CERT_VALIDITY,
];
/// What is not there when there is a way. That the proxy works is not proved: there may be none on it.
pub const PASSED: &[&Finding] = FINDINGS.split_at(1).1;

/// Connects to the endpoint of the kubeconfig, through the proxy where one is set. Where TLS stalls it asks once more, within
/// [`crate::host::kubernetes::BRIEF`], to say why.
pub async fn reach(access: &Access) -> Outcome {
    let error = match access.reach().await {
        Ok(()) => return Outcome::Passed,
        Err(error) => error,
    };
    let mut outcome = judge(&access.endpoint().to_string(), error.as_ref());
    if connect::kind(error.as_ref()) == Kind::TlsTimeout
        && let Outcome::Fault(fault) = &mut outcome
    {
        let why = why_silent(access.answers_briefly().await);
        fault.evidence.insert(0, why.to_owned());
    }
    outcome
}

/// Why TLS does not come about on a connection that does: `is_brief`, a message of a few bytes is answered.
fn why_silent(is_brief: bool) -> &'static str {
    if is_brief {
        "a message of a few bytes is answered: packets of full size are lost on the way (path MTU), or the answer to a handshake is held up"
    } else {
        "not even a message of a few bytes is answered: whatever accepts the connection is silent"
    }
}

/// What it means that there is no connection to this endpoint.
pub fn judge(endpoint: &str, error: &(dyn Error + 'static)) -> Outcome {
    let finding = of(connect::kind(error));
    Outcome::fault(finding, format!("{endpoint}: {}", Chain(error)))
}

fn of(kind: Kind) -> &'static Finding {
    match kind {
        Kind::NoSuchHost => &finding::NETWORK_DNS_NO_SUCH_HOST,
        Kind::NameServer => &finding::NETWORK_DNS_UNAVAILABLE,
        Kind::Refused => &finding::NETWORK_API_REFUSED,
        Kind::NoRoute => &finding::NETWORK_NO_ROUTE,
        Kind::Timeout => &finding::NETWORK_API_TIMEOUT,
        Kind::TlsTimeout => &finding::NETWORK_TLS_TIMEOUT,
        Kind::UnknownIssuer => &finding::NETWORK_CA_MISMATCH,
        Kind::CertificateTime => &finding::TIME_CERT_VALIDITY,
        Kind::CertificateName => &finding::NETWORK_CERT_NAME,
        Kind::Tls | Kind::Broken => &finding::NETWORK_TLS_FAILED,
        // The only setting of the way itself is the proxy's.
        Kind::ProxyUnreachable | Kind::ProxyDenied | Kind::Configuration => {
            &finding::NETWORK_PROXY_FAILED
        }
    }
}

#[cfg(test)]
mod tests;
