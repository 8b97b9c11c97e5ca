//! Do kubelet and API server fit together?
//!
//! <https://kubernetes.io/releases/version-skew-policy/#kubelet>: a kubelet may not be newer, and up to three minor
//! versions older.

use node::finding;

use super::Outcome;
use crate::facts::version::Version;

/// So many minor versions a kubelet may be older.
const OLDER: u32 = 3;

/// What these versions mean, both as Kubernetes writes them (`v1.34.4-eks-1234567`).
pub fn judge(kubelet: &str, api_server: &str) -> Outcome {
    let (Some(ours), Some(theirs)) = (Version::parse(kubelet), Version::parse(api_server)) else {
        return Outcome::CannotTell(format!(
            "the versions of the kubelet (`{kubelet}`) and of the API server (`{api_server}`) cannot be compared"
        ));
    };
    let is_newer = ours > theirs;
    let is_too_old = ours.major < theirs.major || ours.minor + OLDER < theirs.minor;
    if is_newer || is_too_old {
        let word = if is_newer { "newer" } else { "older" };
        return Outcome::fault(
            &finding::KUBELET_VERSION_SKEW,
            format!("the kubelet, {kubelet}, is {word} than the API server, {api_server}, allows"),
        );
    }
    Outcome::Passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubelet_may_be_three_minor_versions_older_and_none_newer() {
        for (kubelet, api_server) in [
            ("v1.34.4", "v1.34.0-eks-1"),
            ("v1.34.9", "v1.34.4"),
            ("v1.31.0", "v1.34.4"),
        ] {
            assert_eq!(judge(kubelet, api_server), Outcome::Passed, "{kubelet}");
        }
        assert_eq!(
            judge("v1.34.4-eks-1", "v1.33.7-eks-2").told(),
            (
                "kubelet.version_skew",
                "the kubelet, v1.34.4-eks-1, is newer than the API server, v1.33.7-eks-2, allows"
            )
        );
        assert_eq!(
            judge("v1.30.4", "v1.34.0").told().1,
            "the kubelet, v1.30.4, is older than the API server, v1.34.0, allows"
        );
        assert_eq!(judge("v1.34.4", "unknown").told().0, "cannot tell");
    }
}
