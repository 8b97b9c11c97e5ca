//! What a token of a service account says of itself.
//!
//! Read without looking at the signature, so it is worth nothing until the API server has confirmed the token. What it
//! says *against* a token counts at once: <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

/// The claims of a token that matter here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Claims {
    #[serde(rename = "aud")]
    audience: Audience,
    #[serde(rename = "exp")]
    expiry: i64,
}

/// RFC 7519, section 4.1.3: one, or a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Why a token does not count, whoever has signed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is something else.
    #[error("it is no token of a service account")]
    Kind,
    /// It is for somebody else, or for somebody else too.
    #[error("it is not for this audience alone")]
    Audience,
    /// It has ended.
    #[error("it has expired")]
    Expired,
}

impl Claims {
    /// The claims of a JSON Web Token (RFC 7515, section 3.1).
    ///
    /// # Errors
    /// When it is none, or is of unlimited time.
    pub fn read(token: &str) -> Result<Self, Refusal> {
        let mut parts = token.split('.');
        let (Some(_), Some(payload), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Kind);
        };
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| Refusal::Kind)?;
        serde_json::from_slice(&payload).map_err(|_| Refusal::Kind)
    }

    /// Whether the token can count for `audience` at this time.
    ///
    /// # Errors
    /// When it is for any other one, alone or besides, or has expired.
    pub fn check(&self, audience: &str, now: Timestamp) -> Result<(), Refusal> {
        let is_for_it_alone = match &self.audience {
            Audience::One(one) => one == audience,
            Audience::Several(several) => matches!(several.as_slice(), [one] if one == audience),
        };
        if !is_for_it_alone {
            return Err(Refusal::Audience);
        }
        if self.expiry <= now.as_second() {
            return Err(Refusal::Expired);
        }
        Ok(())
    }

    /// Seconds since 1970 at which the token ends.
    pub fn expiry(&self) -> i64 {
        self.expiry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(payload))
    }

    fn checked(payload: &str) -> Result<(), Refusal> {
        let now = Timestamp::from_second(1000).unwrap();
        Claims::read(&token(payload))?.check("a", now)
    }

    #[test]
    fn only_a_token_for_this_audience_alone_can_count() {
        assert_eq!(
            checked(r#"{"aud": ["a"], "exp": 1001, "sub": "x"}"#),
            Ok(())
        );
        assert_eq!(checked(r#"{"aud": "a", "exp": 1001}"#), Ok(()));
        for audience in [r#""b""#, r#"["b"]"#, r#"["a", "b"]"#, r#"["a", "a"]"#, "[]"] {
            let payload = format!(r#"{{"aud": {audience}, "exp": 1001}}"#);
            assert_eq!(checked(&payload), Err(Refusal::Audience), "{audience}");
        }
    }

    #[test]
    fn a_token_counts_until_it_ends_and_one_that_never_does_does_not() {
        assert_eq!(
            checked(r#"{"aud": "a", "exp": 1000}"#),
            Err(Refusal::Expired)
        );
        assert_eq!(checked(r#"{"aud": "a"}"#), Err(Refusal::Kind));
    }

    #[test]
    fn what_is_no_json_web_token_is_told_as_such() {
        for other in [
            "",
            "a.b.c",
            "e30.e30.",
            "e30.e30",
            "k8s-aws-v1.aHR0cHM6Ly9zdHM",
            &format!("{}.x", token("{}")),
        ] {
            assert_eq!(Claims::read(other), Err(Refusal::Kind), "{other}");
        }
    }
}
