//! The bearer token that EKS accepts: a URL presigned with AWS Signature Version 4.
//!
//! A token is the URL of a presigned `GetCallerIdentity` of STS, base64url without padding, behind `k8s-aws-v1.`. The
//! cluster's authenticator sends the request and learns who signed it; the header `x-k8s-aws-id` binds the token to one
//! cluster. Format: <https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster>.
//! Signing is offline: nothing here talks to AWS.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, SignableBody, SignableRequest, SignatureLocation, SigningInstructions,
    SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::redact::Secret;

/// `X-Amz-Expires` of the presigned URL, as `aws eks get-token` sets it. The authenticator counts 15 minutes from
/// `X-Amz-Date` whatever stands here.
const EXPIRES: Duration = Duration::from_mins(1);
/// How long a client may use a token: the authenticator's 15 minutes less one for clocks that differ.
const TOKEN_LIFETIME: SignedDuration = SignedDuration::from_mins(14);
/// A token is renewed this long before the credentials behind it end.
const CREDENTIAL_MARGIN: SignedDuration = SignedDuration::from_mins(1);

/// Service of the credential scope.
const SERVICE: &str = "sts";
const PREFIX: &str = "k8s-aws-v1.";
/// The header that binds a token to one cluster; whoever sends the presigned URL must send it too.
pub const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// AWS credentials, with the time at which they end.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Access key id, `ASIA…` or `AKIA…`.
    pub access_key_id: String,
    /// Secret access key.
    pub secret_access_key: Secret<String>,
    /// Session token of temporary credentials.
    pub session_token: Option<Secret<String>>,
    /// When temporary credentials end.
    pub expires_at: Option<Timestamp>,
}

impl From<&Credentials> for aws_credential_types::Credentials {
    /// For the signer, which asks for nothing but the keys and the session token.
    fn from(credentials: &Credentials) -> Self {
        let token = credentials.session_token.as_ref();
        Self::new(
            &credentials.access_key_id,
            credentials.secret_access_key.expose(),
            token.map(|token| token.expose().clone()),
            None,
            "instance metadata service",
        )
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why something could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request has a part that cannot be signed, such as a cluster name that is no header value.
    #[error("signing a request of service `{service}` in region `{region}`")]
    Sign {
        /// Service of the credential scope.
        service: &'static str,
        /// Region of the credential scope.
        region: String,
        /// What the signer says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A token for the Kubernetes API server of an EKS cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The bearer token.
    pub value: Secret<String>,
    /// When a client should stop using it.
    pub expires_at: Timestamp,
}

impl Token {
    /// Signs a token for `cluster` with the regional STS endpoint.
    pub fn sign(
        credentials: &Credentials,
        region: &str,
        cluster: &str,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let url = presigned_url(credentials, region, cluster, now)?;
        let lifetime_end = now + TOKEN_LIFETIME;
        let credential_end = credentials.expires_at.map(|end| end - CREDENTIAL_MARGIN);
        Ok(Self {
            value: Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(url.expose()))),
            expires_at: credential_end.map_or(lifetime_end, |end| end.min(lifetime_end)),
        })
    }

    /// The document that a kubeconfig's `exec` section expects on standard output.
    pub fn to_exec_credential(&self) -> String {
        let document = ExecCredential {
            kind: "ExecCredential",
            api_version: "client.authentication.k8s.io/v1beta1",
            spec: serde_json::Map::new(),
            status: ExecCredentialStatus {
                // The kubelet reads RFC 3339 in seconds.
                expiration_timestamp: self.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                token: self.value.expose(),
            },
        };
        serde_json::to_string(&document).unwrap_or_default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential<'a> {
    kind: &'static str,
    api_version: &'static str,
    spec: serde_json::Map<String, serde_json::Value>,
    status: ExecCredentialStatus<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredentialStatus<'a> {
    expiration_timestamp: String,
    token: &'a str,
}

/// Domain suffix of a region's AWS service endpoints, by partition.
/// Source: the `endpoints.json` of botocore, `dnsSuffix` of each partition.
pub fn dns_suffix(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "amazonaws.com.cn",
        Some("eusc") => "amazonaws.eu",
        Some("us") if region.starts_with("us-iso-") => "c2s.ic.gov",
        Some("us") if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        Some("us") if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        Some("eu") if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ => "amazonaws.com",
    }
}

/// URL of a `GetCallerIdentity` that the regional STS endpoint answers for whoever has signed it; to be sent with the
/// header [`CLUSTER_HEADER`].
pub fn presigned_url(
    credentials: &Credentials,
    region: &str,
    cluster: &str,
    now: Timestamp,
) -> Result<Secret<String>, Error> {
    let base = format!(
        "https://sts.{region}.{}/?Action=GetCallerIdentity&Version=2011-06-15",
        dns_suffix(region)
    );
    let instructions =
        signature(credentials, region, &base, cluster, now).map_err(|source| Error::Sign {
            service: SERVICE,
            region: region.to_owned(),
            source,
        })?;
    let mut url = base;
    // botocore's order: the signature goes last.
    let (last, parameters): (Vec<_>, Vec<_>) = instructions
        .params()
        .iter()
        .partition(|(name, _)| *name == "X-Amz-Signature");
    for (name, value) in parameters.into_iter().chain(last) {
        url.push('&');
        url.push_str(name);
        url.push('=');
        percent_encode(value, &mut url);
    }
    Ok(Secret::new(url))
}

/// What makes a GET of `url`, with the cluster's header, a presigned one.
fn signature(
    credentials: &Credentials,
    region: &str,
    url: &str,
    cluster: &str,
    now: Timestamp,
) -> Result<SigningInstructions, Box<dyn std::error::Error + Send + Sync>> {
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(EXPIRES);
    settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
    let identity = aws_credential_types::Credentials::from(credentials).into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(SERVICE)
        .time(SystemTime::from(now))
        .settings(settings)
        .build()?;
    let headers = std::iter::once((CLUSTER_HEADER, cluster));
    let request = SignableRequest::new("GET", url, headers, SignableBody::empty())?;
    Ok(sign(request, &parameters.into())?.into_parts().0)
}

/// Percent-encodes everything outside RFC 3986's unreserved characters, as SigV4 asks.
pub fn percent_encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a text cannot fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
        region: String,
        cluster: String,
        time: Timestamp,
        url: String,
    }

    /// Made with botocore by `token/make_vectors.py`.
    const VECTORS: &str = include_str!("token/vectors.json");

    #[test]
    fn a_token_holds_the_url_that_botocore_would_sign() {
        let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
        assert!(vectors.len() >= 4);
        for vector in vectors {
            let credentials = Credentials {
                access_key_id: vector.access_key_id,
                secret_access_key: Secret::new(vector.secret_access_key),
                session_token: vector.session_token.map(Secret::new),
                expires_at: None,
            };
            let token =
                Token::sign(&credentials, &vector.region, &vector.cluster, vector.time).unwrap();
            let encoded = token.value.expose().strip_prefix(PREFIX).unwrap();
            assert!(!encoded.contains('='));
            let url = String::from_utf8(URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap();
            assert_eq!(url, vector.url);
        }
    }

    fn credentials(expires_at: Option<&str>) -> Credentials {
        Credentials {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()),
            session_token: None,
            expires_at: expires_at.map(|time| time.parse().unwrap()),
        }
    }

    #[test]
    fn a_token_ends_a_minute_before_its_credentials() {
        let now: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        let end = |expires_at| {
            Token::sign(&credentials(expires_at), "eu-west-1", "c", now)
                .unwrap()
                .expires_at
                .to_string()
        };
        assert_eq!(end(None), "2026-01-02T03:18:05Z");
        assert_eq!(end(Some("2026-01-02T03:10:00Z")), "2026-01-02T03:09:00Z");
        assert_eq!(end(Some("2026-01-02T09:00:00Z")), "2026-01-02T03:18:05Z");
    }

    #[test]
    fn an_exec_credential_is_what_the_kubelet_reads() {
        let token = Token {
            value: Secret::new("k8s-aws-v1.abc".into()),
            expires_at: "2026-01-02T03:18:05.25Z".parse().unwrap(),
        };
        assert_eq!(
            token.to_exec_credential(),
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","spec":{},"status":{"expirationTimestamp":"2026-01-02T03:18:05Z","token":"k8s-aws-v1.abc"}}"#
        );
    }

    #[test]
    fn a_cluster_name_that_is_no_header_value_is_refused() {
        let error = Token::sign(
            &credentials(None),
            "eu-west-1",
            "a\nb",
            Timestamp::UNIX_EPOCH,
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "signing a request of service `sts` in region `eu-west-1`"
        );
    }
}
