//! Can the kubelet still watch files? Tried rather than counted: to count costs a look at every open file of every process.

use node::finding;

use super::reading::Reading;
use crate::host::inotify::{self, Exhausted};
use crate::host::{self, root::Root};

/// Tries; nothing in a container, which shares the limits of root with its host.
pub fn look(root: &Root) -> Option<Option<Exhausted>> {
    if host::is_container(root) || !root.is_machine() {
        return None;
    }
    inotify::exhausted()
        .inspect_err(|error| tracing::debug!(%error, "inotify cannot be tried"))
        .ok()
}

/// What that means.
pub fn judge(exhausted: Option<Exhausted>) -> Reading {
    let finding = &finding::KUBELET_INOTIFY_LIMIT;
    match exhausted {
        None => Reading::passed(finding, ""),
        Some(Exhausted::Instances) => Reading::failed(
            finding,
            "",
            "root can make no more inotify instances: all of fs.inotify.max_user_instances are used",
        ),
        Some(Exhausted::Watches) => Reading::failed(
            finding,
            "",
            "root can watch no more files: all of fs.inotify.max_user_watches are used",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_up_is_named() {
        let told = |exhausted| judge(exhausted).failure.unwrap_or_default();
        assert_eq!(told(None), "");
        assert!(told(Some(Exhausted::Instances)).contains("max_user_instances"));
        assert!(told(Some(Exhausted::Watches)).contains("max_user_watches"));
    }

    #[test]
    fn a_container_is_not_asked() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/run/systemd/container", b"systemd-nspawn\n", 0o644)
            .unwrap();
        assert_eq!(look(&root), None);
    }
}
