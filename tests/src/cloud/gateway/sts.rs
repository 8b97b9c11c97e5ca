//! The two calls of STS that only the gateway can answer: `GetCallerIdentity`, since it knows who signed, and
//! `AssumeRole`, since it must know the credential later. The first also in JSON, which aws-iam-authenticator asks for
//! and moto lacks.

use std::ops::RangeInclusive;
use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::fault::{Fault, respond};
use crate::cloud::credentials::{CredentialStore, Identity};
use crate::cloud::random;
use crate::cloud::xml;

pub(super) fn caller_identity(call: &Call, caller: &Identity) -> Response {
    let request_id = random::request_id();
    if call.wants_json() {
        let body = json!({ "GetCallerIdentityResponse": {
            "GetCallerIdentityResult": {
                "Account": caller.account_id,
                "Arn": caller.arn,
                "UserId": caller.user_id,
            },
            "ResponseMetadata": { "RequestId": request_id },
        } });
        return respond(
            StatusCode::OK,
            "application/json",
            &request_id,
            body.to_string(),
        );
    }
    let body = format!(
        r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <GetCallerIdentityResult>
    <Arn>{}</Arn>
    <UserId>{}</UserId>
    <Account>{}</Account>
  </GetCallerIdentityResult>
  <ResponseMetadata>
    <RequestId>{request_id}</RequestId>
  </ResponseMetadata>
</GetCallerIdentityResponse>
"#,
        xml::escape(&caller.arn),
        xml::escape(&caller.user_id),
        xml::escape(&caller.account_id),
    );
    respond(StatusCode::OK, "text/xml", &request_id, body)
}

/// How long a session may be asked for: a quarter of an hour to half a day.
const SESSION_SECONDS: RangeInclusive<u64> = 900..=43_200;

/// A session of a role of the account. Nobody is kept from any role: there are no policies here.
pub(super) fn assume_role(credentials: &CredentialStore, call: &Call) -> Result<Response, Fault> {
    let invalid = |message: String| Fault::new(StatusCode::BAD_REQUEST, "ValidationError", message);
    let parameter = |name: &str| {
        call.parameter(name).ok_or_else(|| {
            invalid(format!(
                "Value null at '{name}' failed to satisfy constraint"
            ))
        })
    };
    let role_arn = parameter("RoleArn")?;
    let (_, role) = role_arn
        .split_once(":role/")
        .ok_or_else(|| invalid(format!("{role_arn} is invalid")))?;
    // STS names a session's role without its path.
    let role = role.rsplit('/').next().unwrap_or(role);
    let session = parameter("RoleSessionName")?;
    let seconds = call
        .parameter("DurationSeconds")
        .map_or(Some(3600), |text| text.parse().ok())
        .filter(|seconds| SESSION_SECONDS.contains(seconds))
        .ok_or_else(|| invalid("DurationSeconds must be 900 to 43200".to_owned()))?;
    let minted = credentials.mint_role_session(role, &session, Duration::from_secs(seconds))?;
    let request_id = random::request_id();
    let body = format!(
        r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <AssumedRoleId>{}</AssumedRoleId>
      <Arn>{}</Arn>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{}</AccessKeyId>
      <SecretAccessKey>{}</SecretAccessKey>
      <SessionToken>{}</SessionToken>
      <Expiration>{}</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>{request_id}</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>
"#,
        xml::escape(&minted.identity.user_id),
        xml::escape(&minted.identity.arn),
        minted.access_key_id,
        minted.secret_access_key,
        minted.session_token.unwrap_or_default(),
        minted.expiration.unwrap_or(minted.minted_at),
    );
    Ok(respond(StatusCode::OK, "text/xml", &request_id, body))
}
