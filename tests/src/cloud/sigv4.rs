//! AWS Signature Version 4 from the server's side: who says a request is from him, and is it?
//!
//! Two pure steps. [`Claim::read`] takes from a request what its signature claims, header or presigned query;
//! [`Claim::verify`] computes the signature again with the secret of the claimed credential. The gateway looks the
//! credential up in between and renders a [`Refusal`] in the form of the service that was called.

mod canonical;
mod claim;

use http::{HeaderMap, Method, Uri};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use thiserror::Error;

pub use self::claim::{Claim, Placement, Scope};

/// A request as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct SignedRequest<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Path and query as sent, still percent-encoded.
    pub uri: &'a Uri,
    /// All headers, `Host` among them.
    pub headers: &'a HeaderMap,
    /// The whole body.
    pub body: &'a [u8],
}

/// Why a request is not taken for the one who claims to have signed it.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Nothing is signed.
    #[error("request carries no signature")]
    MissingAuthenticationToken,
    /// A part of the signature is missing or malformed.
    #[error("signature is incomplete: {problem}")]
    Incomplete {
        /// Which part, and what is wrong with it.
        problem: String,
    },
    /// Nobody has this access key, or the session token is not the one that belongs to it.
    #[error("access key `{access_key_id}` is unknown or its session token is not its own")]
    UnknownCredential {
        /// The key that the request names.
        access_key_id: String,
    },
    /// The credential was good once.
    #[error("credential `{access_key_id}` has expired at {expired_at}")]
    ExpiredCredential {
        /// The key that the request names.
        access_key_id: String,
        /// Its end.
        expired_at: Timestamp,
    },
    /// Signed too long ago.
    #[error("signature of {signed_at} is no longer good at {now}")]
    SignatureExpired {
        /// What the request says.
        signed_at: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// Signed in the future.
    #[error("signature of {signed_at} is not yet good at {now}")]
    SignatureNotYetCurrent {
        /// What the request says.
        signed_at: Timestamp,
        /// What the clock says.
        now: Timestamp,
    },
    /// Signed for another region or service than the one that was called.
    #[error("signature is scoped to {found}, not to {wanted}")]
    WrongScope {
        /// Region and service of the host that was called.
        wanted: String,
        /// Region and service that the request says.
        found: String,
    },
    /// The signature is not that of this request with this credential.
    #[error("signature does not match the request")]
    SignatureDoesNotMatch,
}

/// A time as SigV4 writes it: `20260102T030405Z`.
pub(crate) fn format_time(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn parse_time(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests;
