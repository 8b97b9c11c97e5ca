//! An instance's console, asked for as an administrator does: `GetConsoleOutput`, signed, at the gateway.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use thiserror::Error;

use super::credentials::MintedCredential;
use super::web::{self, WebError};
use super::xml;

/// Why there is no console.
#[derive(Debug, Error)]
pub enum ConsoleError {
    /// The request could not be made.
    #[error("making a request for `{url}`")]
    Request {
        /// Where it goes.
        url: String,
        /// What is wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No answer.
    #[error("asking for the console")]
    Unanswered(#[from] WebError),
    /// EC2 refuses.
    #[error("EC2 answers with status {status}: {body}")]
    Refused {
        /// Of the answer.
        status: StatusCode,
        /// Its body.
        body: String,
    },
    /// The answer is not what EC2 gives.
    #[error("the console is not in base64")]
    NoBase64(#[from] base64::DecodeError),
}

/// What EC2 at `url` returns of the instance's console: the end of it, at most 64 KB, nothing before its first line.
///
/// Form: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html>.
pub async fn output(
    url: &str,
    region: &str,
    credential: &MintedCredential,
    instance_id: &str,
) -> Result<String, ConsoleError> {
    let wrong = |source| ConsoleError::Request {
        url: url.to_owned(),
        source,
    };
    let form = format!("Action=GetConsoleOutput&Version=2016-11-15&InstanceId={instance_id}");
    let mut request = Request::post(url)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form.clone()).into())
        .map_err(|error| wrong(error.into()))?;
    let identity = Credentials::new(
        &credential.access_key_id,
        &credential.secret_access_key,
        credential.session_token.clone(),
        None,
        "lab",
    )
    .into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name("ec2")
        .time(SystemTime::now())
        .settings(SigningSettings::default())
        .build()
        .map_err(|error| wrong(error.into()))?
        .into();
    let headers = request
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let body = SignableBody::Bytes(form.as_bytes());
    let signable = SignableRequest::new("POST", request.uri().to_string(), headers, body)
        .map_err(|error| wrong(error.into()))?;
    let (instructions, _signature) = sign(signable, &parameters)
        .map_err(|error| wrong(error.into()))?
        .into_parts();
    instructions.apply_to_request_http1x(&mut request);

    let answer = web::send(&web::client(), request).await?;
    if answer.status != StatusCode::OK {
        return Err(ConsoleError::Refused {
            status: answer.status,
            body: answer.text(),
        });
    }
    let output = xml::text(&answer.text(), "output").unwrap_or_default();
    Ok(String::from_utf8_lossy(&BASE64.decode(output)?).into_owned())
}
