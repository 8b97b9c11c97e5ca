//! Secrets that do not print, and text with its secrets masked.
//!
//! Everything that leaves the node (console, verdict, annotation, endpoint) and everything that is logged from outside
//! text goes through [`text`] first.

use std::fmt;

const MASK: &str = "[redacted]";

/// A value that is neither shown by `Debug` nor written by accident: reading it takes a call of [`Secret::expose`].
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a secret value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself, for the one place that needs it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// Masks what looks like a credential in a line of text: bearer tokens, AWS session tokens and signatures, and the
/// user-info part of URLs (proxy passwords).
///
/// ```
/// assert_eq!(node::redact::text("proxy http://me:pw@10.0.0.1:3128"), "proxy http://[redacted]@10.0.0.1:3128");
/// ```
pub fn text(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for (index, word) in line.split(' ').enumerate() {
        if index > 0 {
            out.push(' ');
        }
        out.push_str(&mask_word(word));
    }
    out
}

fn mask_word(word: &str) -> String {
    if let Some(at) = word.find("k8s-aws-v1.") {
        return format!("{}k8s-aws-v1.{MASK}", word.get(..at).unwrap_or_default());
    }
    let mut masked = mask_web_token(&mask_user_info(word));
    for key in [
        "X-Amz-Security-Token=",
        "X-Amz-Signature=",
        "X-Amz-Credential=",
    ] {
        masked = mask_query_value(&masked, key);
    }
    masked
}

/// A JSON Web Token, such as that of a service account, begins with `{"` in base64 and has two dots: RFC 7519.
fn mask_web_token(word: &str) -> String {
    const BEGIN: &str = "eyJ";
    let Some(at) = word.find(BEGIN) else {
        return word.to_owned();
    };
    let (before, rest) = word.split_at(at);
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    let end = rest
        .find(|character| !is_part(character))
        .unwrap_or(rest.len());
    let (token, after) = rest.split_at(end);
    if token.matches('.').count() == 2 {
        format!("{before}{MASK}{after}")
    } else {
        word.to_owned()
    }
}

fn mask_user_info(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word.to_owned();
    };
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let Some((authority, path)) = rest.split_at_checked(authority_end) else {
        return word.to_owned();
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{MASK}@{host}{path}"),
        None => word.to_owned(),
    }
}

fn mask_query_value(word: &str, key: &str) -> String {
    let Some((before, after)) = word.split_once(key) else {
        return word.to_owned();
    };
    let rest = after
        .find('&')
        .and_then(|end| after.get(end..))
        .unwrap_or_default();
    format!("{before}{key}{MASK}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[redacted]");
    }

    #[test]
    fn tokens_and_signatures_are_masked_and_the_rest_stays() {
        assert_eq!(
            text("token k8s-aws-v1.aHR0cHM6 used"),
            "token k8s-aws-v1.[redacted] used"
        );
        assert_eq!(
            text("GET https://sts/?Action=A&X-Amz-Signature=abc&Version=1 failed"),
            "GET https://sts/?Action=A&X-Amz-Signature=[redacted]&Version=1 failed"
        );
        assert_eq!(
            text(r#"header="Bearer eyJhbGciOiJ9.eyJhdWQiOiJ4In0.c2ln_-" sent"#),
            r#"header="Bearer [redacted]" sent"#
        );
        assert_eq!(text("eyJournal of 1.2"), "eyJournal of 1.2");
        assert_eq!(
            text("dial tcp 10.0.0.1:443: i/o timeout"),
            "dial tcp 10.0.0.1:443: i/o timeout"
        );
    }
}
