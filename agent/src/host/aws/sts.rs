//! STS, asked with the presigned URL of our own token: what the cluster's authenticator asks, and hears, of this node.
//!
//! Only for evidence after the API server has refused a token, so it is tried once.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use node::chain::Chain;
use node::token::{self, CLUSTER_HEADER};

use super::xml::Element;
use crate::host::body;
use crate::host::connect::{self, Connector, Https, Patience};
use crate::host::environment::Environment;
use crate::host::imds::{self, Imds};
use crate::host::root::Root;

/// An identity takes half a KiB.
const MAXIMUM_BYTES: usize = 16 * 1024;

/// What STS says of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Whose it is.
    Known {
        /// ARN of the session, `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
        arn: String,
    },
    /// It is not accepted.
    Refused {
        /// AWS's code, or the HTTP status.
        code: String,
        /// Its reason.
        message: String,
    },
}

/// Why STS could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There are no credentials to ask with.
    #[error("getting credentials to ask STS with")]
    Credentials {
        /// What IMDS says.
        #[source]
        source: imds::Error,
    },
    /// The request cannot be signed.
    #[error(transparent)]
    Sign(token::Error),
    /// No client can be made of what is configured.
    #[error("making a client of STS")]
    Client {
        /// What is wrong.
        #[source]
        source: connect::Error,
    },
    /// No answer, or no whole one.
    #[error("STS is not reached: {reason}")]
    Unreachable {
        /// Why.
        reason: String,
    },
}

/// Asks STS of this region who we are to it, as a token for this cluster does.
pub async fn caller_identity(
    root: &Root,
    environment: &Environment,
    imds: &Imds,
    (region, cluster): (&str, &str),
    patience: Patience,
) -> Result<Said, Error> {
    let credentials = imds
        .role_credentials()
        .await
        .map_err(|source| Error::Credentials { source })?;
    let url = token::presigned_url(&credentials, region, cluster, Timestamp::now())
        .map_err(Error::Sign)?;
    let unreachable = |reason| Error::Unreachable { reason };
    let request = Request::get(url.expose())
        .header(CLUSTER_HEADER, cluster)
        .body(Full::<Bytes>::default())
        .map_err(|error| unreachable(error.to_string()))?;
    let https = Connector::new(root, environment)
        .and_then(|connector| {
            let tls = connect::public_tls(root, environment)?;
            Ok(Https::new(connector.with_patience(patience), tls))
        })
        .map_err(|source| Error::Client { source })?;
    let client = Client::builder(TokioExecutor::new()).build(https);
    let response = client.request(request).await.map_err(|error| {
        // What the client itself adds tells nobody anything, and must not tell the URL.
        let source = std::error::Error::source(&error).unwrap_or(&error);
        unreachable(Chain(source).to_string())
    })?;
    let status = response.status();
    let body = body::whole(response.into_body(), MAXIMUM_BYTES)
        .await
        .map_err(unreachable)?;
    Ok(Said::of(status, &String::from_utf8_lossy(&body)))
}

impl Said {
    fn of(status: StatusCode, body: &str) -> Self {
        let answer = Element::parse(body).ok();
        let text = |path| answer.as_ref().and_then(|answer| answer.text(path));
        match text("GetCallerIdentityResult/Arn") {
            Some(arn) if status.is_success() => Self::Known {
                arn: arn.to_owned(),
            },
            _ => Self::Refused {
                code: text("Error/Code")
                    .map_or_else(|| format!("HTTP {}", status.as_u16()), str::to_owned),
                message: text("Error/Message")
                    .unwrap_or("it gives no reason")
                    .to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_and_a_refusal_are_read() {
        let arn = "arn:aws:sts::111122223333:assumed-role/node/i-0a1b2c3d4e5f60718";
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        assert_eq!(
            Said::of(StatusCode::OK, &body),
            Said::Known { arn: arn.into() }
        );
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>RegionDisabledException</Code><Message>STS is not activated in this region for account:111122223333.</Message></Error></ErrorResponse>";
        let refused = |code: &str, message: &str| Said::Refused {
            code: code.into(),
            message: message.into(),
        };
        assert_eq!(
            Said::of(StatusCode::FORBIDDEN, body),
            refused(
                "RegionDisabledException",
                "STS is not activated in this region for account:111122223333."
            )
        );
        assert_eq!(
            Said::of(StatusCode::BAD_GATEWAY, "<html>"),
            refused("HTTP 502", "it gives no reason")
        );
    }
}
