//! The token of a request: RFC 6750, section 2.1.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use node::redact::Secret;

/// The longest token: one of a service account is of a good kilobyte.
const LONGEST: usize = 8 * 1024;

/// Takes the token out of the head, so that nothing behind can say it. `None` when there is none, or more than one.
pub(super) fn take(headers: &mut HeaderMap) -> Option<Secret<String>> {
    let token = found(headers);
    headers.remove(AUTHORIZATION);
    token
}

fn found(headers: &HeaderMap) -> Option<Secret<String>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    let is_one = !token.is_empty()
        && token.len() <= LONGEST
        && token.bytes().all(|byte| byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_one).then(|| Secret::new(token.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        let token = take(&mut headers).map(|token| token.expose().clone());
        assert!(headers.is_empty());
        token
    }

    #[test]
    fn one_bearer_token_is_taken_and_nothing_else() {
        assert_eq!(taken(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(taken(&["bearer  abc"]).as_deref(), Some("abc"));
        let long = format!("Bearer {}", "x".repeat(LONGEST + 1));
        for other in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Basic abc"],
            &["abc"],
            &["Bearer a b"],
            &["Bearer abc", "Bearer abc"],
            &[&long],
        ] {
            assert_eq!(taken(other), None, "{other:?}");
        }
    }
}
