//! What went wrong with a call, and how each kind of service says it.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::cloud::chain;
use crate::cloud::json_file::JsonFileError;
use crate::cloud::random;
use crate::cloud::sigv4::{Refusal, format_time};
use crate::cloud::xml;

/// How a service writes its errors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The query protocol's XML.
    Query {
        /// Gives the document its namespace.
        service: String,
    },
    /// The query protocol's JSON, on request.
    QueryJson,
    /// EC2's own XML.
    Ec2,
    /// XML of its own, without an envelope.
    S3,
    /// JSON with the code in a header (EKS).
    RestJson,
    /// JSON with the code in the body (SSM, `CloudWatch` Logs).
    JsonRpc,
}

/// An error of an AWS API.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    status: StatusCode,
    problem: Problem,
    message: String,
    /// Further members of a JSON body.
    members: Vec<(&'static str, Value)>,
}

/// What all services know, under a name of each, or an error of one API.
#[derive(Clone, Debug)]
enum Problem {
    NotSigned,
    SignatureIncomplete,
    UnknownCredential,
    CredentialExpired,
    SignatureExpired,
    SignatureWrong,
    Other(&'static str),
}

impl Fault {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            problem: Problem::Other(code),
            message: message.into(),
            members: Vec::new(),
        }
    }

    /// Adds members of the error's JSON body.
    pub(super) fn with(mut self, members: Vec<(&'static str, Value)>) -> Self {
        self.members = members;
        self
    }

    /// Something of the lab itself is broken; the caller sees a service in trouble, the lab's log says what.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = chain(error), "call not answered");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "InternalFailure", format!("lab: {}", chain(error)))
    }

    /// The error's code in the words of the service.
    pub(super) fn code(&self, dialect: &Dialect) -> String {
        use Dialect::{Ec2, JsonRpc, Query, QueryJson, RestJson, S3};
        let code = match (&self.problem, dialect) {
            (Problem::Other(code), _) => code,
            (Problem::NotSigned, RestJson | JsonRpc) => "MissingAuthenticationTokenException",
            (Problem::NotSigned, _) => "MissingAuthenticationToken",
            (Problem::SignatureIncomplete, RestJson | JsonRpc) => "IncompleteSignatureException",
            (Problem::SignatureIncomplete, _) => "IncompleteSignature",
            (Problem::UnknownCredential | Problem::SignatureWrong, Ec2) => "AuthFailure",
            (Problem::UnknownCredential, RestJson | JsonRpc) => "UnrecognizedClientException",
            (Problem::UnknownCredential, Query { .. } | QueryJson | S3) => "InvalidClientTokenId",
            (Problem::CredentialExpired | Problem::SignatureExpired, Ec2) => "RequestExpired",
            (Problem::CredentialExpired, RestJson | JsonRpc) => "ExpiredTokenException",
            (Problem::CredentialExpired, Query { .. } | QueryJson | S3) => "ExpiredToken",
            (Problem::SignatureExpired | Problem::SignatureWrong, RestJson | JsonRpc) => {
                "InvalidSignatureException"
            }
            (
                Problem::SignatureExpired | Problem::SignatureWrong,
                Query { .. } | QueryJson | S3,
            ) => "SignatureDoesNotMatch",
        };
        code.to_owned()
    }

    pub(super) fn into_response(self, dialect: Dialect) -> Response {
        let code = self.code(&dialect);
        let (status, message) = self.status_and_message(&dialect);
        let request_id = random::request_id();
        match dialect {
            Dialect::Query { service } => {
                let kind = if status.is_server_error() {
                    "Receiver"
                } else {
                    "Sender"
                };
                let body = format!(
                    "<ErrorResponse xmlns=\"{}\">\n  <Error>\n    <Type>{kind}</Type>\n    \
                     <Code>{code}</Code>\n    <Message>{}</Message>\n  </Error>\n  \
                     <RequestId>{request_id}</RequestId>\n</ErrorResponse>\n",
                    namespace(&service),
                    xml::escape(&message),
                );
                respond(status, "text/xml", &request_id, body)
            }
            Dialect::Ec2 => {
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>\
                     <Code>{code}</Code><Message>{}</Message></Error></Errors>\
                     <RequestID>{request_id}</RequestID></Response>",
                    xml::escape(&message),
                );
                respond(status, "text/xml;charset=UTF-8", &request_id, body)
            }
            Dialect::S3 => {
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                     <Message>{}</Message><RequestId>{request_id}</RequestId></Error>",
                    xml::escape(&message),
                );
                respond(status, "application/xml", &request_id, body)
            }
            Dialect::QueryJson => {
                let error = json!({ "Code": code, "Message": message, "Type": "Sender" });
                let body = json!({ "Error": error, "RequestId": request_id });
                respond(status, "application/json", &request_id, body.to_string())
            }
            Dialect::JsonRpc => {
                let body = json!({ "__type": code, "message": message });
                let content_type = "application/x-amz-json-1.1";
                respond(status, content_type, &request_id, body.to_string())
            }
            Dialect::RestJson => {
                let mut body = json!({ "message": message });
                for (name, value) in self.members {
                    body[name] = value;
                }
                let body = body.to_string();
                let mut response = respond(status, "application/json", &request_id, body);
                if let Ok(code) = HeaderValue::from_str(&code) {
                    response.headers_mut().insert("x-amzn-errortype", code);
                }
                response
            }
        }
    }

    /// EC2 has words and a status of its own for who is not let in; JSON-RPC services always say 400.
    fn status_and_message(&self, dialect: &Dialect) -> (StatusCode, String) {
        let not_validated = "AWS was not able to validate the provided access credentials";
        match (&self.problem, dialect) {
            (Problem::UnknownCredential | Problem::SignatureWrong, Dialect::Ec2) => {
                (StatusCode::UNAUTHORIZED, not_validated.to_owned())
            }
            (Problem::CredentialExpired | Problem::SignatureExpired, Dialect::Ec2) => {
                (StatusCode::BAD_REQUEST, "Request has expired.".to_owned())
            }
            (Problem::Other(_), _)
            | (_, Dialect::Query { .. } | Dialect::QueryJson | Dialect::S3) => {
                (self.status, self.message.clone())
            }
            (_, Dialect::JsonRpc) => (StatusCode::BAD_REQUEST, self.message.clone()),
            _ => (self.status, self.message.clone()),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        const TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(15);
        let forbidden = StatusCode::FORBIDDEN;
        let (status, problem, message) = match refusal {
            Refusal::MissingAuthenticationToken => {
                let message = "Request is missing Authentication Token".to_owned();
                (forbidden, Problem::NotSigned, message)
            }
            Refusal::Incomplete { problem } => (
                StatusCode::BAD_REQUEST,
                Problem::SignatureIncomplete,
                problem,
            ),
            Refusal::UnknownCredential { .. } => {
                let message = "The security token included in the request is invalid.".to_owned();
                (forbidden, Problem::UnknownCredential, message)
            }
            Refusal::ExpiredCredential { .. } => {
                let message = "The security token included in the request is expired".to_owned();
                (forbidden, Problem::CredentialExpired, message)
            }
            Refusal::SignatureExpired { signed_at, now } => {
                let oldest = now.saturating_sub(TOLERANCE).unwrap_or(now);
                let message = format!(
                    "Signature expired: {} is now earlier than {} ({} - 15 min.)",
                    format_time(signed_at),
                    format_time(oldest),
                    format_time(now),
                );
                (forbidden, Problem::SignatureExpired, message)
            }
            Refusal::SignatureNotYetCurrent { signed_at, now } => {
                let latest = now.saturating_add(TOLERANCE).unwrap_or(now);
                let message = format!(
                    "Signature not yet current: {} is still later than {} ({} + 15 min.)",
                    format_time(signed_at),
                    format_time(latest),
                    format_time(now),
                );
                (forbidden, Problem::SignatureExpired, message)
            }
            Refusal::WrongScope { wanted, found } => {
                let message = format!("Credential should be scoped to {wanted}, not to {found}.");
                (forbidden, Problem::SignatureWrong, message)
            }
            Refusal::SignatureDoesNotMatch => {
                let message = "The request signature we calculated does not match the signature \
                               you provided. Check your AWS Secret Access Key and signing method. \
                               Consult the service documentation for details.";
                (forbidden, Problem::SignatureWrong, message.to_owned())
            }
        };
        Self {
            status,
            problem,
            message,
            members: Vec::new(),
        }
    }
}

impl From<JsonFileError> for Fault {
    fn from(error: JsonFileError) -> Self {
        Self::internal(&error)
    }
}

/// An answer with the headers that every service sets.
pub(super) fn respond(
    status: StatusCode,
    content_type: &'static str,
    request_id: &str,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", request_id);
    }
    response
}

/// The XML namespace of a service of the query protocol.
fn namespace(service: &str) -> &'static str {
    match service {
        "iam" => "https://iam.amazonaws.com/doc/2010-05-08/",
        "autoscaling" => "http://autoscaling.amazonaws.com/doc/2011-01-01/",
        "cloudformation" => "http://cloudformation.amazonaws.com/doc/2010-05-15/",
        "elasticloadbalancing" => "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
        _ => "https://sts.amazonaws.com/doc/2011-06-15/",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(refusal: Refusal, dialect: &Dialect) -> String {
        Fault::from(refusal).code(dialect)
    }

    #[test]
    fn each_service_has_its_own_name_for_a_refusal() {
        let query = Dialect::Query {
            service: "sts".to_owned(),
        };
        let unknown = || Refusal::UnknownCredential {
            access_key_id: "ASIA".to_owned(),
        };
        assert_eq!(code(unknown(), &query), "InvalidClientTokenId");
        assert_eq!(code(unknown(), &Dialect::Ec2), "AuthFailure");
        assert_eq!(
            code(unknown(), &Dialect::RestJson),
            "UnrecognizedClientException"
        );
        let expired = || Refusal::ExpiredCredential {
            access_key_id: "ASIA".to_owned(),
            expired_at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert_eq!(code(expired(), &query), "ExpiredToken");
        assert_eq!(code(expired(), &Dialect::RestJson), "ExpiredTokenException");
        assert_eq!(code(expired(), &Dialect::Ec2), "RequestExpired");
        let wrong = || Refusal::SignatureDoesNotMatch;
        assert_eq!(code(wrong(), &Dialect::QueryJson), "SignatureDoesNotMatch");
        assert_eq!(
            code(wrong(), &Dialect::JsonRpc),
            "InvalidSignatureException"
        );
        let bare = || Refusal::MissingAuthenticationToken;
        assert_eq!(code(bare(), &query), "MissingAuthenticationToken");
        assert_eq!(
            code(bare(), &Dialect::RestJson),
            "MissingAuthenticationTokenException"
        );
    }

    #[test]
    fn an_old_signature_is_told_how_old_it_is() {
        let refusal = Refusal::SignatureExpired {
            signed_at: "2026-01-02T03:00:00Z".parse().unwrap(),
            now: "2026-01-02T04:00:00Z".parse().unwrap(),
        };
        assert_eq!(
            Fault::from(refusal).message,
            "Signature expired: 20260102T030000Z is now earlier than 20260102T034500Z \
             (20260102T040000Z - 15 min.)"
        );
    }
}
