//! How each service says that it will not do a call: denied, throttled, broken.

use http::StatusCode;

use super::fault::Fault;
use crate::cloud::credentials::Identity;
use crate::cluster::REGION;

/// No policy allows `action`, such as `iam:CreateRole`.
pub(super) fn denied(caller: &Identity, action: &str) -> Fault {
    let arn = &caller.arn;
    let service = action.split(':').next().unwrap_or_default();
    let because = format!("because no identity-based policy allows the {action} action");
    let (status, code, message) = match service {
        "ec2" => (
            StatusCode::FORBIDDEN,
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. User: {arn} is not authorized to perform: {action} {because}. Encoded authorization failure message: bm90IGEgcmVhbCBvbmU"
            ),
        ),
        "ssm" => (
            StatusCode::BAD_REQUEST,
            "AccessDeniedException",
            format!(
                "User: {arn} is not authorized to perform: {action} on resource: arn:aws:ec2:{REGION}:{}:instance/{} {because}",
                caller.account_id,
                arn.rsplit('/').next().unwrap_or_default(),
            ),
        ),
        "iam" | "sts" | "autoscaling" | "cloudformation" | "elasticloadbalancing" | "s3" => (
            StatusCode::FORBIDDEN,
            "AccessDenied",
            format!("User: {arn} is not authorized to perform: {action} {because}"),
        ),
        "eks" => (
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            format!("User: {arn} is not authorized to perform: {action} {because}"),
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "AccessDeniedException",
            format!("User: {arn} is not authorized to perform: {action} {because}"),
        ),
    };
    Fault::new(status, code, message)
}

/// There were too many calls of a service.
pub(super) fn throttled(service: &str) -> Fault {
    let (status, code, message) = match service {
        "ec2" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "RequestLimitExceeded",
            "Request limit exceeded.",
        ),
        "s3" => (
            StatusCode::SERVICE_UNAVAILABLE,
            "SlowDown",
            "Please reduce your request rate.",
        ),
        "iam" | "sts" | "autoscaling" | "cloudformation" | "elasticloadbalancing" => {
            (StatusCode::BAD_REQUEST, "Throttling", "Rate exceeded")
        }
        "eks" => (
            StatusCode::TOO_MANY_REQUESTS,
            "ThrottlingException",
            "Rate exceeded",
        ),
        _ => (
            StatusCode::BAD_REQUEST,
            "ThrottlingException",
            "Rate exceeded",
        ),
    };
    Fault::new(status, code, message)
}

/// A service has a bad moment.
pub(super) fn broken(service: &str) -> Fault {
    let code = match service {
        "ec2" | "s3" => "InternalError",
        "eks" => "ServerException",
        "iam" => "ServiceFailure",
        "sts" | "autoscaling" | "cloudformation" | "elasticloadbalancing" => "InternalFailure",
        _ => "InternalServerError",
    };
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    Fault::new(status, code, "An internal error has occurred")
}
