//! For tests: requests signed by the AWS SDK's own signer, sent to a gateway.

use std::net::SocketAddr;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::Request;
use http_body_util::Full;

use super::credentials::MintedCredential;
use super::web::{self, Answer};

/// One call in the making.
#[derive(Clone, Debug)]
pub(super) struct TestCall<'a> {
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    pub(super) method: &'a str,
    /// Path and query.
    pub(super) uri: &'a str,
    /// What `Host` says, which need not be where the request goes.
    pub(super) host: String,
    pub(super) headers: Vec<(&'a str, &'a str)>,
    pub(super) body: &'a str,
}

impl<'a> TestCall<'a> {
    /// A call to the plain endpoint.
    pub(super) fn to(endpoint: SocketAddr, service: &'a str) -> Self {
        Self {
            service,
            region: "us-west-2",
            method: "GET",
            uri: "/",
            host: endpoint.to_string(),
            headers: Vec::new(),
            body: "",
        }
    }

    /// The request with its signature in the header.
    pub(super) fn signed(&self, credential: &MintedCredential) -> Request<Full<Bytes>> {
        self.signed_at(credential, SignatureLocation::Headers)
    }

    /// The request with its signature in the query.
    pub(super) fn presigned(&self, credential: &MintedCredential) -> Request<Full<Bytes>> {
        self.signed_at(credential, SignatureLocation::QueryParams)
    }

    /// The request as it is.
    pub(super) fn unsigned(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(format!("http://{}{}", self.host, self.uri))
            .header("host", &self.host);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        request
            .body(Bytes::from(self.body.to_owned()).into())
            .unwrap()
    }

    fn signed_at(
        &self,
        credential: &MintedCredential,
        location: SignatureLocation,
    ) -> Request<Full<Bytes>> {
        let identity = Credentials::new(
            &credential.access_key_id,
            &credential.secret_access_key,
            credential.session_token.clone(),
            None,
            "lab",
        )
        .into();
        let mut settings = SigningSettings::default();
        settings.signature_location = location;
        if location == SignatureLocation::QueryParams {
            settings.expires_in = Some(std::time::Duration::from_mins(1));
        }
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region)
            .name(self.service)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .unwrap()
            .into();
        let mut request = self.unsigned();
        let headers = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
        let body = SignableBody::Bytes(self.body.as_bytes());
        let uri = request.uri().to_string();
        let signable = SignableRequest::new(self.method, uri, headers, body).unwrap();
        let (instructions, _signature) = sign(signable, &parameters).unwrap().into_parts();
        instructions.apply_to_request_http1x(&mut request);
        request
    }
}

/// Sends a request to `address`, whatever host it is signed for.
pub(super) async fn send(address: SocketAddr, mut request: Request<Full<Bytes>>) -> Answer {
    let path = request.uri().path_and_query().unwrap().clone();
    *request.uri_mut() = format!("http://{address}{path}").parse().unwrap();
    web::send(&web::client(), request).await.unwrap()
}
