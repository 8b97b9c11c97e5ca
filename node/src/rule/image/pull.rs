//! Why a pull failed.
//!
//! Words: containerd's core/remotes/docker, core/transfer/local and internal/cri/server/images, cri-client's
//! `remote_image.go`, the kubelet's kuberuntime and `pod_workers.go`. The reason is looked for in the pull's own error
//! alone, innermost first: a layer's `403 Forbidden` stands in an error that ends with `not found` elsewhere.

use super::super::{Line, Match};

/// What kept an image from coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    NoSpace,
    WrongPlatform,
    RateLimited,
    Untrusted,
    Unresolved,
    Forbidden,
    Unauthorized,
    Unreachable,
    NotFound,
}

/// Whether the line is about a pull that failed.
pub(in super::super) fn is_pull(line: &Line<'_>) -> bool {
    let message = line.message();
    message.starts_with("PullImage ") && message.contains("failed")
        || message == "Failed to pull image"
        || message.starts_with("cancel pulling image ")
        || line.error().contains("ErrImagePull")
}

/// A sighting, if the line is about a pull that failed for this reason: of the registry, of the host that was asked, of
/// the image, or of the node, whichever is at fault.
pub(super) fn hit(line: &Line<'_>, wanted: Reason) -> Option<Match> {
    let error = error_of(line)?;
    let reason = reason_of(&error)?;
    if reason != wanted {
        return None;
    }
    let object = match reason {
        Reason::NoSpace => String::new(),
        Reason::NotFound | Reason::WrongPlatform => image_of(line, &error),
        Reason::Forbidden | Reason::Unauthorized | Reason::RateLimited => {
            registry_of(&image_of(line, &error)).to_owned()
        }
        Reason::Untrusted | Reason::Unresolved | Reason::Unreachable => {
            host_of(&error).unwrap_or_else(|| registry_of(&image_of(line, &error)).to_owned())
        }
    };
    Some(Match::Hit { object })
}

/// The error of the pull itself. The kubelet also prints the container's whole specification with it: that line says
/// nothing more, and what it says first is the pod's.
fn error_of(line: &Line<'_>) -> Option<String> {
    if !is_pull(line) {
        return None;
    }
    let message = line.message();
    if message.starts_with("cancel pulling image ") {
        return Some(message.to_owned());
    }
    let error = line.error();
    let own = match error.rsplit_once("ErrImagePull: ") {
        Some((_, own)) if message == "Error syncing pod, skipping" => own,
        None if message.starts_with("PullImage ") || message == "Failed to pull image" => &error,
        _ => return None,
    };
    // The quotes and brackets around it, of those who passed it on.
    let own = own.trim_end_matches(['"', '\\', ']']);
    Some(own.strip_suffix(": unknown").unwrap_or(own).to_owned())
}

fn reason_of(error: &str) -> Option<Reason> {
    let has = |words: &[&str]| words.iter().any(|words| error.contains(words));
    // The way to a proxy is no matter of the registry.
    if has(&["proxyconnect tcp"]) {
        return None;
    }
    let reason = if has(&["no space left on device"]) {
        Reason::NoSpace
    } else if has(&["no match for platform in manifest"]) {
        Reason::WrongPlatform
    } else if has(&["toomanyrequests", "429 Too Many Requests"]) {
        Reason::RateLimited
    } else if has(&["x509: "]) {
        Reason::Untrusted
    } else if has(&["dial tcp: lookup "]) {
        Reason::Unresolved
    } else if has(&["403 Forbidden"]) {
        Reason::Forbidden
    } else if has(UNAUTHORIZED) {
        Reason::Unauthorized
    } else if has(UNREACHABLE) || is_cut_short(error) || is_server_error(error) {
        Reason::Unreachable
    } else if is_not_found(error) {
        Reason::NotFound
    } else {
        return None;
    };
    Some(reason)
}

const UNAUTHORIZED: &[&str] = &[
    "401 Unauthorized",
    "no basic auth credentials",
    "pull access denied",
    "authorization failed",
    "insufficient_scope",
];

const UNREACHABLE: &[&str] = &[
    "i/o timeout",
    "connect: connection refused",
    "connect: connection timed out",
    "connect: no route to host",
    "connect: network is unreachable",
    "connection reset by peer",
    "TLS handshake timeout",
    "Client.Timeout exceeded",
    "because of no progress in ",
    "500 Internal Server Error",
    "502 Bad Gateway",
    "503 Service Unavailable",
    "504 Gateway Timeout",
];

/// A request that never ended, or an answer that did too early.
fn is_cut_short(error: &str) -> bool {
    error.ends_with("EOF")
        || error.contains("failed to do request") && error.ends_with("context deadline exceeded")
}

/// `unexpected status from HEAD request to https://…: 503 Slow Down`, `unexpected status code https://…: 520`
fn is_server_error(error: &str) -> bool {
    let Some((_, rest)) = error.split_once("unexpected status") else {
        return false;
    };
    let status = rest.rsplit_once(": ").map_or("", |(_, status)| status);
    let code = status.split(' ').next().unwrap_or_default();
    code.len() == 3 && code.starts_with('5') && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The registry's answer. What is not found in containerd's own store has lost its content there.
fn is_not_found(error: &str) -> bool {
    let asked = [
        "failed to resolve reference",
        "failed to resolve image",
        "content at http",
    ];
    error.contains("manifest unknown")
        || error.contains("404 Not Found")
        || error.ends_with("not found") && asked.iter().any(|words| error.contains(words))
}

/// `image "docker.io/library/nginx:1"` in an error that may have been quoted again; else what the line calls it.
fn image_of(line: &Line<'_>, error: &str) -> String {
    let named = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before)?;
        let rest = rest.trim_start_matches(['\\', '"']);
        let end = rest.find(['\\', '"', ' ']).unwrap_or(rest.len());
        rest.get(..end).map(str::to_owned)
    };
    named(error, "pull and unpack image ")
        .or_else(|| named(error, "cancel pulling image "))
        .or_else(|| line.value("image").map(std::borrow::Cow::into_owned))
        .or_else(|| named(line.message(), "PullImage "))
        .unwrap_or_default()
}

/// The registry that an image's name means: a first part that is a host, or Docker Hub.
fn registry_of(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

/// The host that was asked last: the registry, its server of tokens or its store of layers.
fn host_of(error: &str) -> Option<String> {
    let (_, rest) = error.rsplit_once("://")?;
    let end = rest.find(['/', '"', '\\', ' ', '?']).unwrap_or(rest.len());
    rest.get(..end).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "failed to pull and unpack image \"123.dkr.ecr.eu-west-1.amazonaws.com/a:1\": failed to resolve reference \"123.dkr.ecr.eu-west-1.amazonaws.com/a:1\": ";

    fn reason(tail: &str) -> Option<Reason> {
        reason_of(&format!("{HEAD}{tail}"))
    }

    #[test]
    fn each_error_has_one_reason() {
        let url = "failed to do request: Head \"https://123.dkr.ecr.eu-west-1.amazonaws.com/v2/a/manifests/1\": ";
        for (tail, wanted) in [
            (
                "123.dkr.ecr.eu-west-1.amazonaws.com/a:1: not found",
                Reason::NotFound,
            ),
            (
                "unexpected status from HEAD request to https://r/v2/: 403 Forbidden",
                Reason::Forbidden,
            ),
            (
                "unexpected status from HEAD request to https://r/v2/: 503 Slow Down",
                Reason::Unreachable,
            ),
            (
                "unexpected status from HEAD request to https://r/v2/: 401 Unauthorized",
                Reason::Unauthorized,
            ),
            (
                "unexpected status from GET request to https://r/v2/: 429 Too Many Requests",
                Reason::RateLimited,
            ),
            (
                "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
                Reason::Unauthorized,
            ),
        ] {
            assert_eq!(reason(tail), Some(wanted), "{tail}");
        }
        for (tail, wanted) in [
            (
                "dial tcp 10.0.0.9:443: i/o timeout",
                Some(Reason::Unreachable),
            ),
            (
                "dial tcp: lookup r on 10.0.0.2:53: no such host",
                Some(Reason::Unresolved),
            ),
            (
                "dial tcp: lookup r on 10.0.0.2:53: read udp 10.0.0.5:3->10.0.0.2:53: i/o timeout",
                Some(Reason::Unresolved),
            ),
            (
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                Some(Reason::Untrusted),
            ),
            (
                "proxyconnect tcp: dial tcp 10.0.0.5:3128: i/o timeout",
                None,
            ),
            ("net/http: TLS handshake timeout", Some(Reason::Unreachable)),
            ("EOF", Some(Reason::Unreachable)),
            ("context deadline exceeded", Some(Reason::Unreachable)),
            ("context canceled", None),
        ] {
            assert_eq!(reason(&format!("{url}{tail}")), wanted, "{tail}");
        }
        assert_eq!(
            reason_of(
                "failed to pull and unpack image \"a\": failed to extract layer sha256:1: failed to get reader from content store: content digest sha256:1: not found"
            ),
            None,
            "lost on this node, not missing in the registry"
        );
        assert_eq!(
            reason_of(
                "failed to pull and unpack image \"a\": no match for platform in manifest: not found"
            ),
            Some(Reason::WrongPlatform)
        );
    }

    #[test]
    fn registry_host_and_image_are_taken_from_the_error() {
        let line = Line::parse("x");
        assert_eq!(
            image_of(&line, HEAD),
            "123.dkr.ecr.eu-west-1.amazonaws.com/a:1"
        );
        assert_eq!(
            image_of(&line, &HEAD.replace('"', "\\\"")),
            "123.dkr.ecr.eu-west-1.amazonaws.com/a:1"
        );
        assert_eq!(
            host_of("Get \\\"https://auth.docker.io/token?scope=x\\\": EOF").as_deref(),
            Some("auth.docker.io")
        );
        for (image, registry) in [
            ("nginx:1", "docker.io"),
            ("library/nginx", "docker.io"),
            ("quay.io/a/b", "quay.io"),
            ("host:5000/a", "host:5000"),
            ("", "docker.io"),
        ] {
            assert_eq!(registry_of(image), registry);
        }
    }
}
