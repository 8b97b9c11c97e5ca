//! Unpredictable text in the alphabets that AWS uses for its identifiers.
//!
//! Source is the generator of the TLS provider, which the lab links anyway.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The alphabet of access key ids and unique ids (`AKIA…`, `AROA…`).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Random bytes.
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "the operating system's generator does not fail once the program runs"
    )]
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .expect("the random generator of the TLS provider works");
    bytes
}

/// Base64 of N random bytes.
pub(crate) fn base64<const N: usize>() -> String {
    BASE64.encode(bytes::<N>())
}

/// N random characters of the alphabet of AWS's identifiers.
pub(crate) fn identifier<const N: usize>() -> String {
    identifier_of(&bytes::<N>())
}

/// The same for given bytes, so that one name always has the same identifier.
pub(crate) fn identifier_of(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| char::from(BASE32[usize::from(byte % 32)]))
        .collect()
}

/// A version 4 UUID, as request ids are.
pub(crate) fn request_id() -> String {
    let mut number = u128::from_be_bytes(bytes());
    number &= !(0xf << 76 | 0b11 << 62);
    number |= 0x4 << 76 | 0b10 << 62;
    let hex = format!("{number:032x}");
    let (first, rest) = hex.split_at(8);
    let (second, rest) = rest.split_at(4);
    let (third, rest) = rest.split_at(4);
    let (fourth, fifth) = rest.split_at(4);
    format!("{first}-{second}-{third}-{fourth}-{fifth}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_version_4_uuids() {
        let id = request_id();
        let parts: Vec<&str> = id.split('-').collect();
        assert_eq!(
            parts.iter().map(|part| part.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(parts[2].starts_with('4'), "{id}");
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        assert_ne!(id, request_id());
    }
}
