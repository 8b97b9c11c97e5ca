//! Policy documents of IAM, which its API gives URL-encoded.

use serde_json::Value;

/// The document; null when it is none.
pub(super) fn document(encoded: &str) -> Value {
    serde_json::from_str(&decode(encoded)).unwrap_or_default()
}

/// The document as compact JSON with its keys in order, so that equal documents are equal texts.
pub(super) fn text(encoded: &str) -> String {
    document(encoded).to_string()
}

/// The services that a trust policy lets in.
pub(super) fn services(trust: &Value) -> Vec<String> {
    let mut services: Vec<String> = several(trust.get("Statement"))
        .into_iter()
        .filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some("Allow"))
        .flat_map(|statement| several(statement.pointer("/Principal/Service")))
        .filter_map(|service| service.as_str().map(str::to_owned))
        .collect();
    services.sort();
    services.dedup();
    services
}

/// IAM takes one thing for a list of one.
fn several(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

/// Undoes URL encoding (RFC 3986, 2.1).
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.as_bytes();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        if byte == b'%'
            && let Some((&[high, low], after)) = rest.split_first_chunk()
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            decoded.push(high * 16 + low);
            bytes = after;
        } else {
            decoded.push(byte);
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENCODED: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%5B%22ec2.amazonaws.com%22%5D%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";

    #[test]
    fn equal_documents_are_equal_texts() {
        let plain = r#"{ "Statement": [{"Principal": {"Service": ["ec2.amazonaws.com"]}, "Action": "sts:AssumeRole",
            "Effect": "Allow"}], "Version": "2012-10-17" }"#;
        assert_eq!(text(ENCODED), text(plain));
        assert!(text(ENCODED).contains("sts:AssumeRole"));
    }

    #[test]
    fn services_are_those_that_are_let_in() {
        assert_eq!(services(&document(ENCODED)), ["ec2.amazonaws.com"]);
        let one = document(
            r#"{"Statement": {"Effect": "Allow", "Principal": {"Service": "eks.amazonaws.com"}}}"#,
        );
        assert_eq!(services(&one), ["eks.amazonaws.com"]);
        let denied = document(
            r#"{"Statement": {"Effect": "Deny", "Principal": {"Service": "eks.amazonaws.com"}}}"#,
        );
        assert!(services(&denied).is_empty());
    }

    #[test]
    fn what_is_no_document_is_null() {
        assert_eq!(document("%"), Value::Null);
        assert_eq!(decode("100%2"), "100%2");
        assert_eq!(decode("a%20b%C3%A4"), "a b\u{e4}");
    }
}
