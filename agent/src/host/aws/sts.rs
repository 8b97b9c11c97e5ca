//! STS, asked with the presigned URL of our own token: what the cluster's authenticator asks, and hears, of this node.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html>.

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use jiff::Timestamp;
use node::token::{self, CLUSTER_HEADER, Credentials};

use super::once::{self, Answer, Error, Said};
use super::xml::Element;
use crate::host::connect::Patience;
use crate::host::environment::Environment;
use crate::host::root::Root;

const SERVICE: &str = "STS";
/// An identity takes half a KiB.
const MAXIMUM_BYTES: usize = 16 * 1024;

/// Asks STS of this region who we are to it, as a token for this cluster does: the ARN of the session,
/// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
pub async fn caller_identity(
    root: &Root,
    environment: &Environment,
    credentials: &Credentials,
    (region, cluster): (&str, &str),
    patience: Patience,
) -> Result<Said<String>, Error> {
    let unusable = |source| Error::Request {
        service: SERVICE,
        source,
    };
    let url = token::presigned_url(credentials, region, cluster, Timestamp::now())
        .map_err(|source| unusable(source.into()))?;
    let request = Request::get(url.expose())
        .header(CLUSTER_HEADER, cluster)
        .body(Full::<Bytes>::default())
        .map_err(|source| unusable(source.into()))?;
    let answer = once::send(root, environment, SERVICE, request, patience, MAXIMUM_BYTES).await?;
    Ok(read(&answer))
}

fn read(answer: &Answer) -> Said<String> {
    let document = Element::parse(&answer.body).ok();
    let text = |path| document.as_ref().and_then(|document| document.text(path));
    match text("GetCallerIdentityResult/Arn") {
        Some(arn) if answer.status.is_success() => Said::Known(arn.to_owned()),
        _ => answer.refused(text("Error/Code"), text("Error/Message")),
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn said(status: StatusCode, body: &str) -> Said<String> {
        read(&Answer {
            status,
            error_type: None,
            body: body.to_owned(),
        })
    }

    #[test]
    fn an_identity_and_a_refusal_are_read() {
        let arn = "arn:aws:sts::111122223333:assumed-role/node/i-0a1b2c3d4e5f60718";
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        assert_eq!(said(StatusCode::OK, &body), Said::Known(arn.into()));
        let body = "<ErrorResponse><Error><Type>Sender</Type><Code>RegionDisabledException</Code><Message>STS is not activated in this region for account:111122223333.</Message></Error></ErrorResponse>";
        let refused = |code: &str, message: &str| Said::Refused {
            code: code.into(),
            message: message.into(),
        };
        assert_eq!(
            said(StatusCode::FORBIDDEN, body),
            refused(
                "RegionDisabledException",
                "STS is not activated in this region for account:111122223333."
            )
        );
        assert_eq!(
            said(StatusCode::BAD_GATEWAY, "<html>"),
            refused("HTTP 502", "it gives no reason")
        );
    }
}
