//! `spec.cluster.certificateAuthority`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::Problem;
use crate::config::NodeConfig;

const PATH: [&str; 3] = ["spec", "cluster", "certificateAuthority"];

/// What is wrong with a certificate authority that is there.
pub(super) fn check(config: &NodeConfig) -> Option<Problem> {
    if config.spec.cluster.certificate_authority.is_empty() {
        return None;
    }
    match certificate_authority(config) {
        Err(detail) => Some(Problem::fatal(&PATH, detail)),
        // nodeadm takes it, so the join is tried; no TLS connection to the API server will work.
        Ok(bundle) => unreadable(&bundle).map(|detail| Problem::warning(&PATH, detail)),
    }
}

/// Which certificate of a PEM bundle is none; `None` when one at least can be an authority.
fn unreadable(bundle: &str) -> Option<String> {
    let mut reasons = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        let reason = match &certificate {
            Ok(certificate) => match webpki::anchor_from_trusted_cert(certificate) {
                Ok(_) => return None,
                Err(_) => "which is no X.509 certificate",
            },
            Err(_) => "which is not base64",
        };
        reasons.push(reason);
    }
    Some(match reasons.as_slice() {
        [] => {
            "is PEM without a readable certificate, so the API server cannot be trusted".to_owned()
        }
        [reason, ..] => {
            format!("is PEM around something {reason}, so the API server cannot be trusted")
        }
    })
}

/// The PEM bundle of `spec.cluster.certificateAuthority`; the error says what it is instead.
///
/// # Errors
/// When it is not base64, or not of PEM with a certificate.
pub fn certificate_authority(config: &NodeConfig) -> Result<String, String> {
    let encoded = &config.spec.cluster.certificate_authority;
    if encoded.contains("-----BEGIN") {
        return Err("is PEM itself; it must be base64 of it".to_owned());
    }
    let compact: String = encoded.split_whitespace().collect();
    let bytes = STANDARD
        .decode(&compact)
        .map_err(|error| format!("is not base64 ({error})"))?;
    let text =
        String::from_utf8(bytes).map_err(|_| "is base64 of bytes that are no PEM".to_owned())?;
    let begins = text.matches("-----BEGIN CERTIFICATE-----").count();
    let ends = text.matches("-----END CERTIFICATE-----").count();
    if begins == 0 || begins != ends {
        return Err("is base64 of text that is no PEM certificate".to_owned());
    }
    Ok(text)
}
