//! Has the kubelet its serving certificate? Without it logs and exec through the API server fail.
//!
//! Told by the file that the kubelet keeps it in, and by its end: the kubelet asks for the next one long before. Which request
//! is pending only the API server knows.

use jiff::Timestamp;
use node::finding;

use super::{Outcome, certificate};
use crate::host::path;
use crate::host::root::Root;

/// Settings with which it asks for none, or keeps it elsewhere.
const OTHERWISE: [&str; 4] = [
    "tlsCertFile",
    "serverTLSBootstrap: false",
    "tls-cert-file",
    "cert-dir",
];

/// Looks.
pub fn look(root: &Root) -> Outcome {
    let settings = [
        path::KUBELET_CONFIG,
        path::KUBELET_CONFIG_DROP_IN,
        path::KUBELET_ENVIRONMENT,
    ];
    let settings = settings.map(|file| root.read_text(file).ok().flatten().unwrap_or_default());
    let content = root.read(path::SERVING_CERTIFICATE).ok().flatten();
    let ends = content
        .as_deref()
        .and_then(certificate::last_of)
        .map(|validity| validity.ends);
    judge((content.is_some(), ends), &settings, Timestamp::now())
}

/// What it means that the certificate is there, until then, or not, with these settings of the kubelet.
fn judge(
    (is_there, ends): (bool, Option<Timestamp>),
    settings: &[String],
    now: Timestamp,
) -> Outcome {
    if let Some(end) = ends.filter(|end| *end < now) {
        return Outcome::fault(
            &finding::JOIN_SERVING_CERT_PENDING,
            format!(
                "{} ended at {end:.0}: the request for the next one is pending",
                path::SERVING_CERTIFICATE
            ),
        );
    }
    if is_there {
        return Outcome::Passed;
    }
    let is_wanted = settings.iter().any(|text| {
        let text = plain(text);
        text.contains("serverTLSBootstrap: true")
    });
    let is_otherwise = settings.iter().any(|text| {
        let text = plain(text);
        OTHERWISE.iter().any(|word| text.contains(word))
    });
    if !is_wanted || is_otherwise {
        return Outcome::CannotTell("the kubelet asks the cluster for no certificate".to_owned());
    }
    Outcome::fault(
        &finding::JOIN_SERVING_CERT_PENDING,
        format!(
            "there is no {}: the request for it is pending",
            path::SERVING_CERTIFICATE
        ),
    )
}

/// JSON as it would be written in YAML, as far as a word and its value go.
fn plain(text: &str) -> String {
    text.replace('"', "").replace(" :", ":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(is_there: bool, config: &str, more: &str) -> &'static str {
        let settings = [config.to_owned(), more.to_owned()];
        match judge((is_there, None), &settings, Timestamp::UNIX_EPOCH) {
            Outcome::Passed => "passed",
            Outcome::CannotTell(_) => "cannot tell",
            Outcome::Fault(fault) => fault.finding.code,
        }
    }

    #[test]
    fn a_certificate_that_is_asked_for_and_not_there_is_pending() {
        const CONFIG: &str = "{\n    \"serverTLSBootstrap\": true\n}";
        assert_eq!(judged(false, CONFIG, ""), "join.serving_cert_pending");
        assert_eq!(judged(true, CONFIG, ""), "passed");
        assert_eq!(judged(false, "{}", ""), "cannot tell");
        for otherwise in [
            "--tls-cert-file=/etc/a.crt",
            "{\"serverTLSBootstrap\": false}",
            "{\"tlsCertFile\": \"/etc/a.crt\"}",
        ] {
            assert_eq!(
                judged(false, CONFIG, otherwise),
                "cannot tell",
                "{otherwise}"
            );
        }
    }

    #[test]
    fn a_certificate_that_has_ended_is_pending_again() {
        let second = |second| Timestamp::from_second(second).unwrap();
        let judged = |now| judge((true, Some(second(60))), &[], second(now));
        assert_eq!(judged(60), Outcome::Passed);
        assert_eq!(
            judged(61).told(),
            (
                "join.serving_cert_pending",
                "/var/lib/kubelet/pki/kubelet-server-current.pem ended at 1970-01-01T00:01:00Z: the request for the next one is pending"
            )
        );
    }

    #[test]
    fn the_files_of_the_kubelet_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(look(&root).told().0, "cannot tell");
        root.write(
            path::KUBELET_CONFIG,
            b"{\"serverTLSBootstrap\": true}",
            0o644,
        )
        .unwrap();
        assert_eq!(
            look(&root).told(),
            (
                "join.serving_cert_pending",
                "there is no /var/lib/kubelet/pki/kubelet-server-current.pem: the request for it is pending"
            )
        );
        root.write(path::SERVING_CERTIFICATE, b"", 0o600).unwrap();
        assert_eq!(look(&root), Outcome::Passed);
    }
}
