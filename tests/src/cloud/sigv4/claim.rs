//! What a signed request claims, and whether the claim holds.

use aws_sigv4::sign::v4;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::canonical::{self, hex};
use super::{Refusal, SignedRequest, format_time, parse_time};
use crate::cloud::credentials::MintedCredential;
use crate::cloud::uri;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// How far the clocks of the two sides may be apart, and how long a signature is good.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(15);

/// For which day, region and service a request is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Eight digits.
    pub date: String,
    /// Such as `us-west-2`.
    pub region: String,
    /// Such as `sts`.
    pub service: String,
}

/// Where the signature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In the `Authorization` header.
    Header,
    /// In the query: a presigned URL.
    Query {
        /// `X-Amz-Expires`.
        expires_seconds: i64,
    },
}

/// What a request says about its signature. Nothing of it is verified yet.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Whose key it is said to be.
    pub access_key_id: String,
    /// The credential scope.
    pub scope: Scope,
    /// Where the signature was found.
    pub placement: Placement,
    /// When the request is said to be signed.
    pub signed_at: Timestamp,
    signed_headers: Vec<String>,
    signature: String,
    session_token: Option<String>,
}

impl Claim {
    /// Takes the claim from a request.
    pub fn read(request: SignedRequest<'_>) -> Result<Self, Refusal> {
        let query = request.uri.query().unwrap_or_default();
        let claim = if let Some(authorization) = text(request.headers, "authorization") {
            Self::from_header(authorization, request.headers)?
        } else if uri::query_value(query, "X-Amz-Algorithm").is_some() {
            Self::from_query(query)?
        } else {
            return Err(Refusal::MissingAuthenticationToken);
        };
        if !claim.signed_headers.iter().any(|name| name == "host") {
            return Err(incomplete(
                "'Host' must be a 'SignedHeader' in the AWS Authorization.",
            ));
        }
        if !format_time(claim.signed_at).starts_with(&claim.scope.date) {
            let message = "Date in Credential scope does not match YYYYMMDD from ISO-8601 version \
                           of date from HTTP";
            return Err(incomplete(message));
        }
        Ok(claim)
    }

    fn from_header(authorization: &str, headers: &HeaderMap) -> Result<Self, Refusal> {
        let parameters = authorization
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| incomplete("Authorization header must begin with AWS4-HMAC-SHA256"))?;
        let parameter = |name: &str| {
            parameters
                .split(',')
                .filter_map(|parameter| parameter.trim().split_once('='))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value)
                .ok_or_else(|| {
                    incomplete(&format!(
                        "Authorization header requires '{name}' parameter."
                    ))
                })
        };
        let (access_key_id, scope) = credential(parameter("Credential")?)?;
        Ok(Self {
            access_key_id,
            scope,
            placement: Placement::Header,
            signed_at: time(text(headers, "x-amz-date").unwrap_or_default())?,
            signed_headers: parameter("SignedHeaders")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: parameter("Signature")?.to_owned(),
            session_token: text(headers, "x-amz-security-token").map(str::to_owned),
        })
    }

    fn from_query(query: &str) -> Result<Self, Refusal> {
        let parameter = |name: &str| {
            uri::query_value(query, name).ok_or_else(|| {
                incomplete(&format!(
                    "AWS query-string parameters must include '{name}'."
                ))
            })
        };
        if parameter("X-Amz-Algorithm")? != ALGORITHM {
            return Err(incomplete("X-Amz-Algorithm must be AWS4-HMAC-SHA256"));
        }
        let (access_key_id, scope) = credential(&parameter("X-Amz-Credential")?)?;
        let expires_seconds = parameter("X-Amz-Expires")?
            .parse()
            .map_err(|_not_a_number| incomplete("X-Amz-Expires must be a number of seconds"))?;
        Ok(Self {
            access_key_id,
            scope,
            placement: Placement::Query { expires_seconds },
            signed_at: time(&parameter("X-Amz-Date")?)?,
            signed_headers: parameter("X-Amz-SignedHeaders")?
                .split(';')
                .map(str::to_owned)
                .collect(),
            signature: parameter("X-Amz-Signature")?,
            session_token: uri::query_value(query, "X-Amz-Security-Token"),
        })
    }

    /// Whether `request` is signed with `credential`, and at a time that makes it good now.
    ///
    /// The order of the checks is the services' own: the credential, the time, the signature.
    pub fn verify(
        &self,
        request: SignedRequest<'_>,
        credential: &MintedCredential,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if credential.session_token != self.session_token {
            return Err(Refusal::UnknownCredential {
                access_key_id: self.access_key_id.clone(),
            });
        }
        if let Some(expired_at) = credential
            .expiration
            .filter(|expiration| *expiration <= now)
        {
            return Err(Refusal::ExpiredCredential {
                access_key_id: self.access_key_id.clone(),
                expired_at,
            });
        }
        self.verify_time(now)?;
        if self.signature == self.signature_with(request, &credential.secret_access_key) {
            Ok(())
        } else {
            Err(Refusal::SignatureDoesNotMatch)
        }
    }

    fn verify_time(&self, now: Timestamp) -> Result<(), Refusal> {
        let signed_at = self.signed_at;
        // STS takes a presigned GetCallerIdentity for 15 minutes whatever it says: the tokens of EKS say 60 seconds
        // and those of aws-iam-authenticator 0, and both are used for a quarter of an hour.
        let lifetime = match self.placement {
            Placement::Query { expires_seconds } if self.scope.service != "sts" => {
                SignedDuration::from_secs(expires_seconds)
            }
            _ => TOLERANCE,
        };
        let age = now.duration_since(signed_at);
        if age > lifetime {
            Err(Refusal::SignatureExpired { signed_at, now })
        } else if age < -TOLERANCE {
            Err(Refusal::SignatureNotYetCurrent { signed_at, now })
        } else {
            Ok(())
        }
    }

    fn signature_with(&self, request: SignedRequest<'_>, secret: &str) -> String {
        let Scope {
            date,
            region,
            service,
        } = &self.scope;
        let canonical = canonical::request(request, &self.signed_headers, service);
        let text_to_sign = format!(
            "{ALGORITHM}\n{}\n{date}/{region}/{service}/aws4_request\n{}",
            format_time(self.signed_at),
            hex(&Sha256::digest(canonical)),
        );
        let key = v4::generate_signing_key(secret, self.signed_at.into(), region, service);
        v4::calculate_signature(key, text_to_sign.as_bytes())
    }
}

/// `KEY/DATE/REGION/SERVICE/aws4_request`.
fn credential(text: &str) -> Result<(String, Scope), Refusal> {
    let parts: Vec<&str> = text.split('/').collect();
    let [access_key_id, date, region, service, "aws4_request"] = parts[..] else {
        let message = format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. \
             keyid/date/region/service/term, got '{text}'"
        );
        return Err(incomplete(&message));
    };
    let scope = Scope {
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
    };
    Ok((access_key_id.to_owned(), scope))
}

fn time(text: &str) -> Result<Timestamp, Refusal> {
    parse_time(text).ok_or_else(|| {
        incomplete(&format!(
            "Date must be in ISO-8601 'basic format'. Got '{text}'."
        ))
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn incomplete(problem: &str) -> Refusal {
    Refusal::Incomplete {
        problem: problem.to_owned(),
    }
}
