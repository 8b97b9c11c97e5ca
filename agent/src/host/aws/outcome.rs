//! What one answer of EC2 means: whether another try can help, when, and for how long it is worth trying.
//!
//! Codes: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.

use std::time::Duration;

use http::StatusCode;

use super::xml::Element;
use crate::host::connect;
use crate::host::imds;

/// A refusal that can come from the account's own delay in knowing a new role or instance is worth so long a wait.
const SETTLING: Duration = Duration::from_secs(30);
/// An instance, or its name, that EC2 does not know after so long will not appear any more.
const APPEARING: Duration = Duration::from_mins(2);
/// Longest part of a message of EC2 that is shown; an encoded authorization failure goes on for kilobytes.
const MESSAGE: usize = 300;

/// Why a call did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Too many calls, by this node or by the account.
    #[error("AWS throttles ({code})")]
    Throttled {
        /// EC2's code.
        code: String,
        /// How long EC2 wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The role may not do it.
    #[error("{message}")]
    Denied {
        /// What EC2 says.
        message: String,
    },
    /// EC2 does not believe the credentials, or not yet.
    #[error("AWS does not accept the credentials of the instance's role: {message} ({code})")]
    Rejected {
        /// EC2's code.
        code: String,
        /// What EC2 says.
        message: String,
    },
    /// The time in the signature is not EC2's.
    #[error("AWS says that the request has expired: {message} ({code})")]
    Clock {
        /// EC2's code.
        code: String,
        /// What EC2 says.
        message: String,
    },
    /// EC2 does not know the instance, or has no name for it, yet.
    #[error("{what}")]
    NotFoundYet {
        /// What is missing.
        what: String,
    },
    /// The request is not one for this endpoint.
    #[error("AWS refuses the call: {message} ({code})")]
    Misconfigured {
        /// EC2's code, or the HTTP status.
        code: String,
        /// What EC2 says.
        message: String,
    },
    /// EC2 has a fault of its own.
    #[error("AWS has an internal error ({code})")]
    Server {
        /// EC2's code, or the HTTP status.
        code: String,
        /// How long EC2 wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// No answer.
    #[error("AWS is not reached: {reason}")]
    Unreachable {
        /// What is in the way.
        kind: connect::Kind,
        /// The same for a person.
        reason: String,
    },
    /// IMDS gives no credentials.
    #[error("there are no credentials to call AWS with")]
    NoCredentials {
        /// What IMDS says.
        #[source]
        source: Box<imds::Error>,
    },
}

impl Failure {
    /// How long after the first try this failure is worth another one; nothing: it is final.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self {
            Self::Denied { .. } | Self::Misconfigured { .. } => None,
            Self::Unreachable { kind, .. } if kind.is_final() => None,
            // IMDS has spent a deadline of its own on everything else.
            Self::NoCredentials { source } => match source.as_ref() {
                imds::Error::NoRole
                | imds::Error::NoCredentials { .. }
                | imds::Error::Missing { .. } => Some(SETTLING),
                _ => None,
            },
            Self::Rejected { .. } | Self::Clock { .. } => Some(SETTLING),
            Self::NotFoundYet { .. } => Some(APPEARING),
            Self::Throttled { .. } | Self::Server { .. } | Self::Unreachable { .. } => {
                Some(Duration::MAX)
            }
        }
    }

    /// The wait that EC2 asked for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Throttled { retry_after, .. } | Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What an answer that is not a success means. `retry_after` is the header's value.
    pub(super) fn of(status: StatusCode, body: &str, retry_after: Option<&str>) -> Self {
        let answer = Element::parse(body).ok();
        let text = |path: &str| answer.as_ref().and_then(|answer| answer.text(path));
        // EC2's own form, then that of the other services of the query protocol.
        let of_error = |field: &str| {
            text(&format!("Errors/Error/{field}")).or_else(|| text(&format!("Error/{field}")))
        };
        let code =
            of_error("Code").map_or_else(|| format!("HTTP {}", status.as_u16()), str::to_owned);
        let message = shortened(of_error("Message").unwrap_or("it gives no reason"));
        let retry_after = retry_after
            .and_then(|value| value.trim().parse().ok())
            .map(Duration::from_secs);
        match code.as_str() {
            "RequestLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "EC2ThrottledException"
            | "BandwidthLimitExceeded"
            | "SlowDown"
            | "TooManyRequestsException" => Self::Throttled { code, retry_after },
            "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
                Self::Denied { message }
            }
            "RequestExpired" | "ExpiredToken" | "ExpiredTokenException" | "RequestInTheFuture" => {
                Self::Clock { code, message }
            }
            "SignatureDoesNotMatch" if message.starts_with("Signature ") => {
                Self::Clock { code, message }
            }
            "AuthFailure"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException"
            | "SignatureDoesNotMatch"
            | "MissingAuthenticationToken" => Self::Rejected { code, message },
            "InvalidInstanceID.NotFound" => Self::NotFoundYet { what: message },
            _ if status == StatusCode::TOO_MANY_REQUESTS => Self::Throttled { code, retry_after },
            _ if status.is_server_error() => Self::Server { code, retry_after },
            _ => Self::Misconfigured { code, message },
        }
    }
}

/// Without the encoded part, and not longer than a person reads.
pub(super) fn shortened(message: &str) -> String {
    let message = message
        .split_once("Encoded authorization failure message")
        .map_or(message, |(before, _)| before)
        .trim();
    match message.char_indices().nth(MESSAGE) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: &str, message: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>ea966190-f9aa-478e-9ede-example</RequestID></Response>"
        )
    }

    fn failure(status: u16, code: &str) -> Failure {
        Failure::of(
            StatusCode::from_u16(status).unwrap(),
            &answer(code, "because"),
            None,
        )
    }

    #[test]
    fn codes_decide_before_the_status_does() {
        assert!(matches!(
            failure(503, "RequestLimitExceeded"),
            Failure::Throttled { .. }
        ));
        assert!(matches!(
            failure(400, "Throttling"),
            Failure::Throttled { .. }
        ));
        assert!(matches!(
            failure(403, "UnauthorizedOperation"),
            Failure::Denied { .. }
        ));
        assert!(matches!(
            failure(401, "AuthFailure"),
            Failure::Rejected { .. }
        ));
        assert!(matches!(
            failure(400, "RequestExpired"),
            Failure::Clock { .. }
        ));
        assert!(matches!(
            failure(400, "InvalidInstanceID.NotFound"),
            Failure::NotFoundYet { .. }
        ));
        assert!(matches!(
            failure(400, "InvalidParameterValue"),
            Failure::Misconfigured { .. }
        ));
        assert!(matches!(
            failure(500, "InternalError"),
            Failure::Server { .. }
        ));
        let of =
            |status: u16| Failure::of(StatusCode::from_u16(status).unwrap(), "<html>", Some("7"));
        assert_eq!(of(429).retry_after(), Some(Duration::from_secs(7)));
        assert_eq!(of(503).to_string(), "AWS has an internal error (HTTP 503)");
        assert!(matches!(of(404), Failure::Misconfigured { .. }));
    }

    #[test]
    fn denied_and_misconfigured_end_at_once() {
        assert_eq!(failure(403, "UnauthorizedOperation").patience(), None);
        assert_eq!(failure(401, "OptInRequired").patience(), None);
        assert_eq!(
            failure(503, "RequestLimitExceeded").patience(),
            Some(Duration::MAX)
        );
        let unreachable = |kind| {
            Failure::Unreachable {
                kind,
                reason: String::new(),
            }
            .patience()
        };
        assert_eq!(unreachable(connect::Kind::Timeout), Some(Duration::MAX));
        assert_eq!(unreachable(connect::Kind::ProxyDenied), None);
    }

    #[test]
    fn a_message_is_shown_without_its_encoded_part() {
        let message = "You are not authorized to perform this operation. User: arn:aws:sts::1:assumed-role/r/i-1 is not authorized to perform: ec2:DescribeInstances because no identity-based policy allows the ec2:DescribeInstances action. Encoded authorization failure message: QQQQ";
        let body = answer("UnauthorizedOperation", message);
        let shown = Failure::of(StatusCode::FORBIDDEN, &body, None).to_string();
        assert!(
            shown.ends_with("allows the ec2:DescribeInstances action."),
            "{shown}"
        );
        assert_eq!(shortened(&"é".repeat(400)).chars().count(), MESSAGE + 1);
    }
}
