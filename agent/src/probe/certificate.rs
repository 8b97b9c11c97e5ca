//! Are the certificates that are files of this node within their validity: the cluster's authority, and the kubelet's own
//! client certificate where it has one?

use jiff::Timestamp;
use node::finding::{self, Finding};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::reading::Reading;
use crate::host::path;
use crate::host::root::Root;

/// What is told.
pub const FINDINGS: &[&Finding] = &[&finding::TIME_CERT_VALIDITY];
/// The files that are looked at, where they are there.
const FILES: [&str; 2] = [path::CA, "/var/lib/kubelet/pki/kubelet-client-current.pem"];

/// Tags of DER: X.690, section 8.
const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
/// `[0] EXPLICIT`: the version of a certificate.
const VERSION: u8 = 0xa0;

/// From when until when a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// `notBefore`.
    pub begins: Timestamp,
    /// `notAfter`.
    pub ends: Timestamp,
}

/// The files that are there, with the validity of the certificate in each that ends last.
pub fn look(root: &Root) -> Vec<(&'static str, Validity)> {
    let read = |path| Some((path, last_of(&root.read(path).ok()??)?));
    FILES.into_iter().filter_map(read).collect()
}

/// Validity of the certificate of this PEM text that ends last; none where there is none that can be read.
pub fn last_of(pem: &[u8]) -> Option<Validity> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(|certificate| validity(&certificate.ok()?))
        .max_by_key(|validity| validity.ends)
}

/// What that means now.
pub fn judge(seen: &[(&'static str, Validity)], now: Timestamp) -> Vec<Reading> {
    let finding = &finding::TIME_CERT_VALIDITY;
    let readings = seen.iter().map(|(path, Validity { begins, ends })| {
        if now > *ends {
            Reading::failed(
                finding,
                *path,
                format!("the certificate in {path} ended at {ends:.0}"),
            )
        } else if now < *begins {
            let why = format!("the certificate in {path} begins at {begins:.0} only");
            Reading::failed(finding, *path, why)
        } else {
            Reading::passed(finding, *path)
        }
    });
    readings.collect()
}

/// RFC 5280, section 4.1: version, serial number, signature algorithm, issuer, validity, …
fn validity(der: &[u8]) -> Option<Validity> {
    let (certificate, _) = of(SEQUENCE, der)?;
    let (mut fields, _) = of(SEQUENCE, certificate)?;
    if let Some((_, rest)) = of(VERSION, fields) {
        fields = rest;
    }
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (times, _) = of(SEQUENCE, fields)?;
    let (tag, begins, times) = element(times)?;
    let begins = time(tag, begins)?;
    let (tag, ends, _) = element(times)?;
    let ends = time(tag, ends)?;
    Some(Validity { begins, ends })
}

/// The content of an element of this tag, and what comes after it.
fn of(wanted: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = element(der)?;
    (tag == wanted).then_some((content, rest))
}

/// Tag and content of the first element, and what comes after it: X.690, section 8.1.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        if count > 4 {
            return None;
        }
        let (bytes, rest) = rest.split_at_checked(count)?;
        let length = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` of this century or the last (RFC 5280, section 4.1.2.5.1), or `YYYYMMDDHHMMSSZ`.
fn time(tag: u8, content: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(content).ok()?;
    let digits = text.strip_suffix('Z')?;
    let digits = match tag {
        UTC_TIME => {
            let century = if digits.get(..2)? < "50" { "20" } else { "19" };
            format!("{century}{digits}")
        }
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let part = |from, to| digits.get(from..to);
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=kubernetes`.
    const CERTIFICATE: &[u8] = b"\
-----BEGIN CERTIFICATE-----\n\
MIIBfjCCASWgAwIBAgIUND/oudUf0gcs6NY29mppn/aTsMAwCgYIKoZIzj0EAwIw\n\
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjcxNDMyMjZaFw0zNjExMjQx\n\
NDMyMjZaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwWTATBgcqhkjOPQIBBggqhkjO\n\
PQMBBwNCAATPAwi0Y+UZy92oljCebsVDSg78hyufaWgBvbXhDuTCQ3TughrgArhR\n\
wrW9cazMHsPHnlFVJXjZUOaxQHZleuJQo1MwUTAdBgNVHQ4EFgQUkEOrw2PO1SxQ\n\
jZpzAVptn9wHHGkwHwYDVR0jBBgwFoAUkEOrw2PO1SxQjZpzAVptn9wHHGkwDwYD\n\
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBEAiBcmg/2cnxU9q1fq+nbruW3\n\
JS06BqZPBsZFn4AasuC98gIgON+2+jOzL9nuDYCkaKDhxOYS0dGcMaIOznW3I1YQ\n\
mn8=\n\
-----END CERTIFICATE-----\n";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_certificate_is_read_and_outside_its_validity_it_is_told() {
        let validity = last_of(CERTIFICATE).unwrap();
        let expected = Validity {
            begins: at("2026-11-27T14:32:26Z"),
            ends: at("2036-11-24T14:32:26Z"),
        };
        assert_eq!(validity, expected);
        let failure = |now: Timestamp| judge(&[(FILES[0], validity)], now).remove(0).failure;
        assert_eq!(failure(validity.begins), None);
        assert_eq!(failure(validity.ends), None);
        let day = jiff::SignedDuration::from_hours(24);
        assert_eq!(
            failure(validity.ends + day).as_deref(),
            Some(
                format!(
                    "the certificate in /etc/kubernetes/pki/ca.crt ended at {:.0}",
                    validity.ends
                )
                .as_str()
            )
        );
        let early = failure(validity.begins - day).unwrap();
        assert!(early.ends_with(" only"), "{early}");
    }

    #[test]
    fn only_files_that_are_there_and_can_be_read_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(look(&root), []);
        root.write(
            FILES[1],
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            0o600,
        )
        .unwrap();
        assert_eq!(look(&root), []);
        root.write(FILES[0], CERTIFICATE, 0o644).unwrap();
        assert_eq!(look(&root).len(), 1);
    }

    #[test]
    fn times_are_of_both_kinds_and_no_bytes_are_taken_for_one() {
        assert_eq!(
            time(UTC_TIME, b"491231235959Z"),
            Some(at("2049-12-31T23:59:59Z"))
        );
        assert_eq!(
            time(UTC_TIME, b"500101000000Z"),
            Some(at("1950-01-01T00:00:00Z"))
        );
        assert_eq!(
            time(GENERALIZED_TIME, b"20500101000000Z"),
            Some(at("2050-01-01T00:00:00Z"))
        );
        for other in [&b""[..], b"Z", b"261332000000Z", b"26010100Z", b"\xff\xff"] {
            assert_eq!(time(UTC_TIME, other), None, "{other:?}");
        }
        for cut in [
            &b""[..],
            &[0x30],
            &[0x30, 0x82, 1],
            &[0x30, 0x89, 1, 1],
            &[0x30, 5, 1],
        ] {
            assert_eq!(validity(cut), None, "{cut:?}");
        }
    }
}
