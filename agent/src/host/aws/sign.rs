//! A request with its AWS Signature Version 4 in the headers:
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.

use std::time::SystemTime;

use aws_credential_types::Credentials as AwsCredentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use http_body_util::Full;
use jiff::Timestamp;
use node::token::Credentials;

type Error = Box<dyn std::error::Error + Send + Sync>;

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// A POST of this form to a service of the query protocol.
pub(super) fn post(
    credentials: &Credentials,
    (service, region): (&str, &str),
    endpoint: &str,
    form: String,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Error> {
    let url = format!("{endpoint}/");
    let mut request = Request::post(&url).body(())?;
    let host = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(HOST, host.parse()?);
    headers.insert(CONTENT_TYPE, FORM.parse()?);

    let identity = AwsCredentials::from(credentials).into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()?
        .into();
    let signed = [("host", host.as_str()), ("content-type", FORM)];
    let signable = SignableRequest::new(
        "POST",
        &url,
        signed.into_iter(),
        SignableBody::Bytes(form.as_bytes()),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.map(|()| Full::new(Bytes::from(form))))
}
