//! What the error codes of AWS mean. Each service has codes of its own for the same thing.

mod quota;

pub use quota::Quota;

/// Why a service refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A policy does not allow it.
    Denied {
        /// ARN of who asked, where the message says it.
        principal: Option<String>,
        /// Text that `sts:DecodeAuthorizationMessage` reads, where EC2 gives one.
        encoded: Option<String>,
    },
    /// Too many calls.
    Throttled,
    /// A quota is used up, with what is known of it, or there is no capacity.
    Quota(Option<Quota>),
    /// A thing of that name exists.
    Exists,
    /// A thing that was named does not exist.
    Gone,
    /// A role or an instance profile that was just made is not known to this service yet.
    NotYet,
    /// It is used by another thing, or a change of it is under way.
    Busy,
    /// Credentials have expired, or are no credentials.
    Credentials,
    /// The service has trouble of its own.
    Unavailable,
    /// Anything else.
    Other,
}

/// What an error code means, with its message, since some codes mean several things.
pub(super) fn refusal(action: &str, code: &str, message: &str) -> Refusal {
    let said = message.to_ascii_lowercase();
    match code {
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "UnauthorizedException" => Refusal::Denied {
            principal: principal(message),
            encoded: encoded(message),
        },
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestLimitExceeded"
        | "EC2ThrottledException"
        | "TooManyRequestsException"
        | "SlowDown" => Refusal::Throttled,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidToken"
        | "AuthFailure" => Refusal::Credentials,
        "ServerException"
        | "ServiceException"
        | "ServiceFailure"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable"
        | "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "RequestTimeout"
        | "RequestTimeoutException" => Refusal::Unavailable,
        // EKS says it both of a name that is taken and of what is under way.
        "ResourceInUseException" if said.contains("already exists") => Refusal::Exists,
        "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "ResourceAlreadyExistsException"
        | "AlreadyExists"
        | "AlreadyExistsFault"
        | "InvalidGroup.Duplicate"
        | "InvalidSubnet.Conflict"
        | "InvalidLaunchTemplateName.AlreadyExistsException"
        | "RouteAlreadyExists"
        | "Resource.AlreadyAssociated" => Refusal::Exists,
        "DependencyViolation"
        | "DeleteConflict"
        | "DeleteConflictException"
        | "ConcurrentModification"
        | "ConcurrentModificationException"
        | "OperationAbortedException"
        | "ResourceInUseException"
        | "ResourceInUse"
        | "ResourceContention"
        | "ScalingActivityInProgress"
        | "InstanceRefreshInProgress"
        | "IncorrectState"
        | "InvalidIPAddress.InUse"
        | "InvalidGroup.InUse"
        | "InvalidNetworkInterface.InUse" => Refusal::Busy,
        "InvalidRequestException" | "InvalidStateException" if is_under_way(&said) => Refusal::Busy,
        _ if is_about_a_new_role(code, &said) => Refusal::NotYet,
        "NoSuchEntity"
        | "NoSuchEntityException"
        | "NotFoundException"
        | "ResourceNotFoundException"
        | "NatGatewayNotFound" => Refusal::Gone,
        _ if code.ends_with(".NotFound") || code.ends_with(".NotFoundException") => Refusal::Gone,
        // Auto Scaling has one code for all that is wrong.
        "ValidationError" if said.contains("not found") => Refusal::Gone,
        "InsufficientInstanceCapacity" | "InsufficientFreeAddressesInSubnet" => {
            Refusal::Quota(None)
        }
        _ if code.contains("LimitExceeded") || code == "MaxSpotInstanceCountExceeded" => {
            Refusal::Quota(quota::quota(action, code))
        }
        _ => Refusal::Other,
    }
}

fn is_under_way(said: &str) -> bool {
    ["in progress", "not active", "is not in active", "currently"]
        .iter()
        .any(|words| said.contains(words))
}

/// IAM takes some seconds to tell the other services what was made. Each has its own words for that it does not know it yet.
fn is_about_a_new_role(code: &str, said: &str) -> bool {
    let invalid = matches!(
        code,
        "InvalidParameterException"
            | "InvalidParameterValue"
            | "InvalidRequestException"
            | "ValidationError"
            | "MalformedPolicyDocument"
            | "MalformedPolicyDocumentException"
    );
    invalid
        && [
            "could not be assumed",
            "cannot be assumed",
            "is not authorized to perform: sts:assumerole",
            "invalid iam instance profile",
            "invalid iaminstanceprofile",
            "invalid principal",
            "role provided in the request does not exist",
            "principalarn is invalid",
        ]
        .iter()
        .any(|words| said.contains(words))
}

/// `User: ARN is not authorized to perform: …`
fn principal(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("User: ")?;
    let arn = rest.split_whitespace().next()?;
    arn.starts_with("arn:").then(|| arn.to_owned())
}

/// `… Encoded authorization failure message: TEXT`
fn encoded(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("authorization failure message: ")?;
    rest.split_whitespace().next().map(str::to_owned)
}

/// What to do next. `action` is what was refused.
pub(super) fn hints(action: &str, refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::Denied { principal, encoded } => {
            let who = principal.as_deref().map_or_else(
                || "the identity that `aws sts get-caller-identity` shows".to_owned(),
                |principal| format!("`{principal}`"),
            );
            let mut hints = vec![format!(
                "allow `{action}` to {who}, or choose another with `--profile` or `--role-arn`"
            )];
            hints.extend(encoded.as_ref().map(|text| {
                format!(
                    "`aws sts decode-authorization-message --encoded-message {text}` shows which policy denies it"
                )
            }));
            hints
        }
        Refusal::Credentials => vec![super::SIGN_IN.to_owned()],
        Refusal::Throttled => {
            vec!["AWS throttles the account: ask again in a minute, or about fewer nodes".into()]
        }
        Refusal::Quota(Some(quota)) => vec![quota.hint()],
        Refusal::Quota(None)
        | Refusal::Exists
        | Refusal::Gone
        | Refusal::NotYet
        | Refusal::Busy
        | Refusal::Unavailable
        | Refusal::Other => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
