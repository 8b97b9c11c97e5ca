//! The credentials of the instance's role, as IMDS gives them.

use jiff::Timestamp;
use node::redact::Secret;
use node::token::Credentials;
use serde::Deserialize;

use super::{Error, Imds};

const PATH: &str = "/latest/meta-data/iam/security-credentials/";

/// Format: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    expiration: Timestamp,
}

impl Imds {
    /// Credentials of the instance's role.
    pub async fn role_credentials(&self) -> Result<Credentials, Error> {
        let roles = self.text(PATH).await?.unwrap_or_default();
        let role = roles
            .lines()
            .next()
            .filter(|role| !role.is_empty())
            .ok_or(Error::NoRole)?;
        let text = self.required(&format!("{PATH}{role}")).await?;
        // On failure the document has a code and a message and none of the fields; it is never shown as a whole.
        let document: Document = serde_json::from_str(&text).map_err(|_| Error::NoCredentials {
            role: role.to_owned(),
            code: code(&text).unwrap_or_else(|| "no code".to_owned()),
        })?;
        Ok(Credentials {
            access_key_id: document.access_key_id,
            secret_access_key: Secret::new(document.secret_access_key),
            session_token: Some(Secret::new(document.token)),
            expires_at: Some(document.expiration),
        })
    }
}

fn code(text: &str) -> Option<String> {
    serde_json::from_str::<serde_json::Value>(text)
        .ok()?
        .get("Code")?
        .as_str()
        .map(str::to_owned)
}
