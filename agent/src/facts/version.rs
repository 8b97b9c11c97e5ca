//! Versions of what is installed: from the files that EKS AMIs carry, else from the program itself.

use std::fmt;
use std::time::Duration;

use crate::host::path;
use crate::host::root::Root;

use super::Error;

/// The program tells its version at once or not at all.
const DEADLINE: Duration = Duration::from_secs(10);

/// A version such as `v1.34.4-eks-1234567`, of which only major and minor decide anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
}

impl Version {
    /// A version of which only major and minor matter.
    pub fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The first version in a text, such as the output of `kubelet --version`.
    pub fn parse(text: &str) -> Option<Self> {
        text.split_whitespace().find_map(|word| {
            let mut numbers = word.trim_start_matches('v').split('.');
            let major = numbers.next()?.parse().ok()?;
            let minor = numbers.next()?.parse().ok()?;
            Some(Self { major, minor })
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)
    }
}

pub(super) async fn kubelet(root: &Root) -> Result<Version, Error> {
    version(root, "kubelet", path::KUBELET_VERSION).await
}

pub(super) async fn containerd(root: &Root) -> Result<Version, Error> {
    version(root, "containerd", path::CONTAINERD_VERSION).await
}

async fn version(
    root: &Root,
    program: &'static str,
    version_file: &'static str,
) -> Result<Version, Error> {
    let recorded = root
        .read_text(version_file)
        .map_err(|source| Error::File { source })?;
    if let Some(version) = recorded.as_deref().and_then(Version::parse) {
        return Ok(version);
    }
    let not_installed = Error::NotInstalled {
        program,
        version_file,
    };
    if !root.is_machine() {
        return Err(not_installed);
    }
    let output = tokio::process::Command::new(program)
        .arg("--version")
        .kill_on_drop(true)
        .output();
    let Ok(Ok(output)) = tokio::time::timeout(DEADLINE, output).await else {
        return Err(not_installed);
    };
    Version::parse(&String::from_utf8_lossy(&output.stdout)).ok_or(not_installed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(
            Version::parse("v1.34.4-eks-1234567\n"),
            Some(Version::new(1, 34))
        );
        assert_eq!(
            Version::parse("Kubernetes v1.29.0"),
            Some(Version::new(1, 29))
        );
        assert_eq!(
            Version::parse("containerd github.com/containerd/containerd 1.7.24~ds1 1.7.24~ds1-6"),
            Some(Version::new(1, 7))
        );
        assert_eq!(Version::parse("no version"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(Version::new(1, 9) < Version::new(1, 30));
    }
}
