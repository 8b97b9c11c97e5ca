//! The canonical form of a request, the text of which both sides sign a digest.

use std::fmt::Write as _;

use http::HeaderMap;
use sha2::{Digest as _, Sha256};

use super::SignedRequest;
use crate::cloud::uri;

const SIGNATURE_PARAMETER: &str = "X-Amz-Signature";

pub(super) fn request(
    request: SignedRequest<'_>,
    signed_headers: &[String],
    service: &str,
) -> String {
    let method = request.method.as_str();
    let path = path(request.uri.path(), service);
    let query = query(request.uri.query().unwrap_or_default());
    let mut headers = String::new();
    for name in signed_headers {
        headers.extend([name, ":", &header_value(request.headers, name), "\n"]);
    }
    let names = signed_headers.join(";");
    let body = body_digest(request, service);
    format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{body}")
}

/// The path is encoded once more than on the wire, but for S3.
fn path(path: &str, service: &str) -> String {
    if service == "s3" {
        return path.to_owned();
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut normal = format!("/{}", segments.join("/"));
    if path.ends_with('/') && !segments.is_empty() {
        normal.push('/');
    }
    uri::encode(normal.as_bytes(), b"/")
}

/// Sorted by name, then value, each encoded afresh; without the signature itself.
fn query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (uri::decode(name), uri::decode(value)))
        .filter(|(name, _)| name != SIGNATURE_PARAMETER.as_bytes())
        .map(|(name, value)| (uri::encode(&name, b""), uri::encode(&value, b"")))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// All values of a header, trimmed, runs of spaces made one.
fn header_value(headers: &HeaderMap, name: &str) -> String {
    let values: Vec<String> = headers
        .get_all(name)
        .iter()
        .map(|value| {
            let text = String::from_utf8_lossy(value.as_bytes());
            text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    values.join(",")
}

/// S3 lets the caller say the digest (or say that there is none); for all others it is that of the body.
fn body_digest(request: SignedRequest<'_>, service: &str) -> String {
    let said = request.headers.get("x-amz-content-sha256");
    match said.and_then(|value| value.to_str().ok()) {
        Some(said) if service == "s3" => said.to_owned(),
        _ => hex(&Sha256::digest(request.body)),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normal_and_encoded_twice() {
        assert_eq!(path("/", "sts"), "/");
        assert_eq!(path("/a/./b/../c//d/", "eks"), "/a/c/d/");
        assert_eq!(
            path("/clusters/x/arn%3Aaws", "eks"),
            "/clusters/x/arn%253Aaws"
        );
        assert_eq!(path("/bucket//a%20b", "s3"), "/bucket//a%20b");
    }

    #[test]
    fn queries_are_sorted_and_lose_their_signature() {
        assert_eq!(query(""), "");
        assert_eq!(
            query("b=2&a=1&a=%2f&c&X-Amz-Signature=00"),
            "a=%2F&a=1&b=2&c="
        );
    }

    #[test]
    fn header_values_lose_superfluous_spaces() {
        let mut headers = HeaderMap::new();
        headers.append("x-a", "  one   two ".parse().unwrap());
        headers.append("x-a", "three".parse().unwrap());
        assert_eq!(header_value(&headers, "x-a"), "one two,three");
    }
}
