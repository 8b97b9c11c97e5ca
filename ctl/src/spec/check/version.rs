//! Versions of Kubernetes, and which of them go together.

use super::{Path, Report};
use crate::spec::Cluster;

/// How many minor versions a kubelet may be behind its API server:
/// <https://kubernetes.io/releases/version-skew-policy/#kubelet>.
const MOST_BEHIND: u32 = 3;

/// A minor version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Minor {
    major: u32,
    minor: u32,
}

impl Minor {
    /// Of `1.34`; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }

    /// Of a text that begins with a version, such as `v1.34.2-eksbuild.1` or `1.34.0-20251103`.
    pub(in crate::spec) fn at_start(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut parts = text.split(|letter: char| !letter.is_ascii_digit());
        let (major, minor) = (parts.next()?, parts.next()?);
        Self::parse(&format!("{major}.{minor}"))
    }

    /// Of a name or a path that holds a version, such as `amazon-eks-node-al2023-x86_64-standard-1.34-v20251103`.
    pub(in crate::spec) fn within(text: &str) -> Option<Self> {
        text.split(['-', '/'])
            .find_map(Self::parse)
            .filter(|found| found.major == 1)
    }

    /// The one after it.
    pub(crate) fn next(self) -> Self {
        Self {
            minor: self.minor + 1,
            ..self
        }
    }

    pub(in crate::spec) fn is_before(self, major: u32, minor: u32) -> bool {
        self < Self { major, minor }
    }
}

impl std::fmt::Display for Minor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

/// A number without a sign or a zero before it.
fn number(text: &str) -> Option<u32> {
    let is_plain =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

/// Why nodes of one version cannot be in a cluster of another; `None` when they can.
pub(in crate::spec) fn skew(nodes: Minor, cluster: Minor) -> Option<String> {
    if nodes.major != cluster.major || nodes.minor > cluster.minor {
        return Some(format!(
            "is of Kubernetes {nodes}, which is newer than the cluster's {cluster}: a kubelet may not be newer than its API server"
        ));
    }
    let behind = cluster.minor - nodes.minor;
    (behind > MOST_BEHIND).then(|| {
        format!(
            "is of Kubernetes {nodes}, {behind} versions behind the cluster's {cluster}: a kubelet may be {MOST_BEHIND} behind"
        )
    })
}

pub(super) fn check(cluster: &Cluster, report: &mut Report<'_>) {
    let version = &cluster.spec.version;
    let path = Path::of(&["spec", "version"]);
    // A version that was no text is told already.
    if Minor::parse(version).is_some() || !report.says(&path) {
        return;
    }
    let help = match Minor::at_start(version) {
        Some(minor) => format!("write `\"{minor}\"`; EKS chooses the rest"),
        None => "it looks like `\"1.34\"`".to_owned(),
    };
    report.error(
        &path,
        format!("`{version}` is not a minor version of Kubernetes"),
        help,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_carries_one() {
        let told = |found: Option<Minor>| found.map(|minor| minor.to_string());
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(told(Minor::parse("1.34")), some("1.34"));
        for wrong in ["1.34.1", "v1.34", "1", "1.", "1.-3", "1.+3", "1.03", ""] {
            assert_eq!(told(Minor::parse(wrong)), None, "{wrong}");
        }
        assert_eq!(told(Minor::at_start("v1.34.2")), some("1.34"));
        assert_eq!(told(Minor::at_start("1.34.0-20251103")), some("1.34"));
        assert_eq!(told(Minor::at_start("latest")), None);
        let name = "amazon-eks-node-al2023-x86_64-standard-1.34-v20251103";
        assert_eq!(told(Minor::within(name)), some("1.34"));
        let path = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended/image_id";
        assert_eq!(told(Minor::within(path)), some("1.33"));
        assert_eq!(told(Minor::within("my-image-2.0-final")), None);
    }

    #[test]
    fn a_kubelet_is_at_most_three_versions_behind_and_never_ahead() {
        let minor = |text| Minor::parse(text).unwrap();
        for nodes in ["1.34", "1.33", "1.31"] {
            assert_eq!(skew(minor(nodes), minor("1.34")), None, "{nodes}");
        }
        let ahead = skew(minor("1.35"), minor("1.34")).unwrap();
        assert!(ahead.contains("newer than the cluster's 1.34"), "{ahead}");
        let behind = skew(minor("1.30"), minor("1.34")).unwrap();
        assert!(behind.contains("4 versions behind"), "{behind}");
    }
}
