//! What went wrong in a call of the API server, told from calls of anything else.
//!
//! client-go reports a call that got no answer as Go's `url.Error`, wrapped in whatever its caller adds:
//! `…: Get "https://HOST/api/v1/nodes?limit=500": dial tcp 10.0.0.1:443: connect: connection refused`. The path tells the
//! API server from a registry (`/v2/…`), an AWS endpoint or a pod's probe, whatever the wording around it.

use super::image;
use super::line::Line;

/// The innermost part of the error of a call of the API server: what stands behind the URL.
pub(super) fn failure(line: &Line<'_>) -> Option<String> {
    if line.is_about_workload() {
        return None;
    }
    let error = line.error();
    // What the runtime, a plug-in of it or a driver tried is not a call of the kubelet, whatever its URL: it comes by gRPC.
    if error.contains("rpc error: ") || image::is_pull(line) {
        return None;
    }
    let (call, reason) = error.rsplit_once("\": ")?;
    let (before, url) = call.rsplit_once('"')?;
    let method = before.trim_end().rsplit([' ', ':', '\t']).next()?;
    let is_call = matches!(method, "Get" | "Post" | "Put" | "Patch" | "Delete");
    (is_call && is_api_path(url)).then(|| reason.to_owned())
}

fn is_api_path(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let path = rest
        .find('/')
        .and_then(|start| rest.get(start..))
        .unwrap_or_default();
    path.starts_with("/api/") || path.starts_with("/apis/")
}

/// Whether the API server answered 401. The text is the server's own, so there is no URL in it.
pub(super) fn is_unauthorized(line: &Line<'_>) -> bool {
    if line.is_about_workload() {
        return false;
    }
    let error = line.error();
    // `401 Unauthorized` is a registry or IMDS; the API server's reason stands alone behind its context.
    error == "Unauthorized"
        || error.ends_with(": Unauthorized")
        || error.contains("the server has asked for the client to provide credentials")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of(text: &str) -> Option<String> {
        failure(&Line::parse(text))
    }

    #[test]
    fn the_reason_is_what_stands_behind_the_url() {
        let line = r#"E1120 03:04:05.1 1 reflector.go:205] "Failed to watch" err="failed to list *v1.Node: Get \"https://a.eks.amazonaws.com/api/v1/nodes?limit=500\": dial tcp: lookup a.eks.amazonaws.com on 10.0.0.2:53: no such host" logger="UnhandledError""#;
        assert_eq!(
            failure_of(line).as_deref(),
            Some("dial tcp: lookup a.eks.amazonaws.com on 10.0.0.2:53: no such host")
        );
        let line = "W1120 03:04:05.1 1 reflector.go:569] k8s.io/client-go/informers/factory.go:160: failed to list *v1.Service: Get \"https://10.0.0.1/apis/x\": EOF";
        assert_eq!(failure_of(line).as_deref(), Some("EOF"));
    }

    #[test]
    fn registries_probes_and_pods_are_not_the_api_server() {
        for line in [
            r#"E1120 03:04:05.1 1 a.go:1] "Failed to pull image" err="Get \"https://registry/v2/\": dial tcp: i/o timeout""#,
            r#"I1120 03:04:05.1 1 a.go:1] "Probe failed" probeType="Readiness" output="Get \"http://10.0.0.9/api/v1/x\": dial tcp: i/o timeout""#,
            r#"E1120 03:04:05.1 1 a.go:1] "Error" err="Get \"https://a/api/v1/pods\": EOF" pod="default/a""#,
            r#"E1120 03:04:05.1 1 log.go:32] "StopPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to destroy network for sandbox \"a\": plugin type=\"calico\" failed (delete): error getting ClusterInformation: Get \"https://10.96.0.1:443/apis/crd.projectcalico.org/v1/clusterinformations/default\": dial tcp 10.96.0.1:443: i/o timeout" podSandboxID="a""#,
            r#"E1120 03:04:05.1 1 a.go:1] "Unhandled Error" err="container &Container{Name:a,} start failed in pod b: ErrImagePull: failed to pull and unpack image \"r/a:1\": failed to fetch anonymous token: Get \"https://r/api/docker/a/v2/token\": dial tcp 10.0.0.9:443: i/o timeout" logger="UnhandledError""#,
            "plain text with no call",
        ] {
            assert_eq!(failure_of(line), None, "{line}");
        }
    }

    #[test]
    fn only_the_api_servers_own_refusal_is_unauthorized() {
        assert!(is_unauthorized(&Line::parse(
            r#"E1120 03:04:05.1 1 a.go:1] "Unable to register" err="Unauthorized""#
        )));
        assert!(!is_unauthorized(&Line::parse(
            r#"E1120 03:04:05.1 1 a.go:1] "x" err="unexpected status: 401 Unauthorized""#
        )));
        assert!(!is_unauthorized(&Line::parse(
            r#"E1120 03:04:05.1 1 a.go:1] "x" err="Unauthorized" pod="a/b""#
        )));
    }
}
