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
    scope: (&str, &str),
    endpoint: &str,
    form: String,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Error> {
    let request = Request::post(format!("{endpoint}/"))
        .header(CONTENT_TYPE, FORM)
        .body(Bytes::from(form))?;
    signed(credentials, scope, request, now)
}

/// A GET of this URL, which needs no escaping.
pub(super) fn get(
    credentials: &Credentials,
    scope: (&str, &str),
    url: &str,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Error> {
    signed(
        credentials,
        scope,
        Request::get(url).body(Bytes::new())?,
        now,
    )
}

/// Every header that is there is signed, and `Host`.
fn signed(
    credentials: &Credentials,
    (service, region): (&str, &str),
    mut request: Request<Bytes>,
    now: Timestamp,
) -> Result<Request<Full<Bytes>>, Error> {
    let host = request
        .uri()
        .authority()
        .map(ToString::to_string)
        .unwrap_or_default();
    request.headers_mut().insert(HOST, host.parse()?);

    let identity = AwsCredentials::from(credentials).into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(SystemTime::from(now))
        .settings(SigningSettings::default())
        .build()?
        .into();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| Ok((name.as_str(), value.to_str()?)))
        .collect::<Result<Vec<_>, http::header::ToStrError>>()?;
    let uri = request.uri().to_string();
    let signable = SignableRequest::new(
        request.method().as_str(),
        &uri,
        headers.into_iter(),
        SignableBody::Bytes(request.body()),
    )?;
    let (instructions, _) = sign(signable, &parameters)?.into_parts();
    instructions.apply_to_request_http1x(&mut request);
    Ok(request.map(Full::new))
}
