//! Percent-encoding as SigV4 and the AWS services define it, and the reading of query strings and form bodies.

use std::fmt::Write as _;

/// Encodes everything but the unreserved characters of RFC 3986 and those in `keep`.
pub(crate) fn encode(text: &[u8], keep: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) || keep.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            write!(encoded, "%{byte:02X}").unwrap_or_default();
        }
    }
    encoded
}

/// Undoes percent-encoding; a `%` that is not followed by two digits stays as it is.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if let (b'%', Some((value, after))) = (byte, escaped_byte(after)) {
            decoded.push(value);
            rest = after;
        } else {
            decoded.push(byte);
            rest = after;
        }
    }
    decoded
}

/// [`decode`] as text; bytes that are no UTF-8 become replacement characters.
pub(crate) fn decode_text(text: &str) -> String {
    String::from_utf8_lossy(&decode(text)).into_owned()
}

/// The first value of a parameter in `a=1&b=2`, decoded as a form (`+` is a space).
pub(crate) fn form_value(form: &str, name: &str) -> Option<String> {
    form.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_text(key) == name).then(|| decode_text(&value.replace('+', " ")))
    })
}

/// The first value of a parameter of a query string, where a `+` is a plus.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    query_values(query, name).into_iter().next()
}

/// All values of a parameter of a query string, where a `+` is a plus.
pub(crate) fn query_values(query: &str, name: &str) -> Vec<String> {
    let pairs = query.split('&').filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_text(key) == name).then(|| decode_text(value))
    });
    pairs.collect()
}

/// Parameters as a form body.
pub(crate) fn form(parameters: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| {
        format!(
            "{}={}",
            encode(name.as_bytes(), b""),
            encode(value.as_bytes(), b"")
        )
    };
    parameters.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn escaped_byte(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, after) = text.split_at_checked(2)?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let value = digit(digits[0])? * 16 + digit(digits[1])?;
    Some((u8::try_from(value).ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_and_decoding_are_inverse() {
        let text = "arn:aws:iam::1:role/a b+c%é~";
        let encoded = encode(text.as_bytes(), b"");
        assert_eq!(
            encoded,
            "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b%2Bc%25%C3%A9~"
        );
        assert_eq!(decode_text(&encoded), text);
        assert_eq!(encode(b"/a/b", b"/"), "/a/b");
    }

    #[test]
    fn broken_escapes_are_left_alone() {
        assert_eq!(decode_text("100%"), "100%");
        assert_eq!(decode_text("%zz%4"), "%zz%4");
    }

    #[test]
    fn form_values_are_found_by_their_decoded_name() {
        let form = "Action=GetConsoleOutput&Filter%2E1=a+b&Empty";
        assert_eq!(
            form_value(form, "Action").as_deref(),
            Some("GetConsoleOutput")
        );
        assert_eq!(form_value(form, "Filter.1").as_deref(), Some("a b"));
        assert_eq!(form_value(form, "Empty").as_deref(), Some(""));
        assert_eq!(form_value(form, "Missing"), None);
    }
}
