//! The lab's control groups: they say which processes are the lab's, and they are the only way in which the lab ends
//! processes. One tree per lab, `nodelab/NAME`, in the version 2 hierarchy and, where the host is a hybrid one, in
//! systemd's own version 1 hierarchy too, because systemd-nspawn looks there.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use thiserror::Error;

use crate::{
    file::{self, FileError},
    layout::Layout,
    wait::{self, Poll, WaitError},
};

/// Why control groups cannot be used.
#[derive(Debug, Error)]
pub enum ControlGroupError {
    /// No version 2 hierarchy is mounted, or it cannot be written.
    #[error(
        "no writable control group hierarchy of version 2 below `/sys/fs/cgroup`: run as root, in a container with `--privileged --cgroupns=host`"
    )]
    NoHierarchy,
    /// A file of a group could not be written or read.
    #[error(transparent)]
    File(#[from] FileError),
    /// Processes survived.
    #[error("ending the processes of `{}`", group.display())]
    Survivors {
        /// The group, relative to its hierarchy.
        group: PathBuf,
        /// Which ones.
        #[source]
        source: WaitError,
    },
}

/// What the host offers.
#[derive(Clone, Debug)]
pub struct Host {
    unified: PathBuf,
    legacy: Option<PathBuf>,
}

impl Host {
    /// Finds the hierarchies of this host.
    pub fn detect() -> Result<Self, ControlGroupError> {
        let root = Path::new("/sys/fs/cgroup");
        let (unified, legacy) = if root.join("cgroup.controllers").exists() {
            (root.to_owned(), None)
        } else {
            let legacy = root.join("systemd");
            (root.join("unified"), legacy.exists().then_some(legacy))
        };
        let writable = rustix::fs::access(&unified, rustix::fs::Access::WRITE_OK).is_ok();
        if !writable || !unified.join("cgroup.kill").exists() && !has_kill(&unified) {
            return Err(ControlGroupError::NoHierarchy);
        }
        Ok(Self { unified, legacy })
    }

    /// Whether machines can have limits of their own. A host that keeps its controllers in version 1 gives none to the
    /// version 2 tree that a machine sees; kubelet and runc have to be told.
    pub fn gives_controllers(&self) -> bool {
        let offered = file::read(&self.unified.join("cgroup.controllers")).unwrap_or_default();
        let offered: Vec<&str> = offered.split_whitespace().collect();
        ["cpu", "memory", "pids"]
            .iter()
            .all(|wanted| offered.contains(wanted))
    }

    /// The lab's own group; it need not exist yet.
    pub fn lab(&self, layout: &Layout) -> ControlGroup {
        ControlGroup {
            host: self.clone(),
            path: layout.control_group(),
        }
    }
}

// The root group has no `cgroup.kill`; any child of it has, from Linux 5.14 on.
fn has_kill(unified: &Path) -> bool {
    file::entries(unified).is_ok_and(|names| {
        names
            .iter()
            .map(|name| unified.join(name))
            .filter(|path| path.is_dir())
            .all(|path| path.join("cgroup.kill").exists())
    })
}

/// One group.
#[derive(Clone, Debug)]
pub struct ControlGroup {
    host: Host,
    path: PathBuf,
}

impl ControlGroup {
    /// The group `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self {
            host: self.host.clone(),
            path: self.path.join(name),
        }
    }

    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let legacy = self.host.legacy.as_ref().map(|root| root.join(&self.path));
        std::iter::once(self.host.unified.join(&self.path)).chain(legacy)
    }

    /// Creates the group with those that lead to it and hands down the host's controllers. A process enters by writing
    /// its id into each of the files returned.
    pub fn create(&self) -> Result<Vec<PathBuf>, ControlGroupError> {
        for directory in self.directories() {
            file::create_directory(&directory)?;
        }
        if self.host.gives_controllers() {
            let mut ancestor = self.host.unified.clone();
            for part in &self.path {
                // Refused where the ancestor has processes of its own; the machine then sees fewer controllers.
                let control = ancestor.join("cgroup.subtree_control");
                drop(fs::write(&control, "+cpu +memory +pids"));
                ancestor.push(part);
            }
        }
        Ok(self
            .directories()
            .map(|directory| directory.join("cgroup.procs"))
            .collect())
    }

    /// The processes of this group and of all groups below it.
    pub fn processes(&self) -> Vec<u32> {
        let mut found: Vec<u32> = self
            .directories()
            .flat_map(|directory| tree(&directory))
            .filter_map(|directory| file::read(&directory.join("cgroup.procs")).ok())
            .flat_map(|text| {
                text.lines()
                    .filter_map(|line| line.parse().ok())
                    .collect::<Vec<_>>()
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether anything is left of the group.
    pub fn exists(&self) -> bool {
        self.directories().any(|directory| directory.exists())
    }

    /// Ends every process of the group and of all groups below it, then removes the groups. Groups that outlive their
    /// processes must not be used again: systemd's services are killed when they are cloned into them.
    pub async fn remove(&self) -> Result<(), ControlGroupError> {
        if !self.exists() {
            return Ok(());
        }
        let kill = self.host.unified.join(&self.path).join("cgroup.kill");
        if kill.exists() {
            file::write(&kill, "1")?;
        }
        wait::until(
            "the last process gone",
            Duration::from_secs(20),
            async || match self.processes() {
                left if left.is_empty() => Poll::Ready(()),
                left => Poll::Pending(format!("processes {left:?}")),
            },
        )
        .await
        .map_err(|source| ControlGroupError::Survivors {
            group: self.path.clone(),
            source,
        })?;
        for directory in self.directories() {
            for group in tree(&directory).into_iter().rev() {
                // A group is busy for a moment after its last process has gone.
                wait::until(
                    "its group gone",
                    Duration::from_secs(5),
                    async || match fs::remove_dir(&group) {
                        Ok(()) => Poll::Ready(()),
                        Err(_) if !group.exists() => Poll::Ready(()),
                        Err(error) => Poll::Pending(error.to_string()),
                    },
                )
                .await
                .map_err(|source| ControlGroupError::Survivors {
                    group: group.clone(),
                    source,
                })?;
            }
        }
        Ok(())
    }

    /// Removes the group above this one, unless it has other groups.
    pub fn remove_parent(&self) {
        for directory in self.directories() {
            if let Some(parent) = directory.parent() {
                // Refused by the kernel while another lab has its group there.
                drop(fs::remove_dir(parent));
            }
        }
    }
}

/// The directory and all below it, parents before children.
fn tree(directory: &Path) -> Vec<PathBuf> {
    if !directory.is_dir() {
        return Vec::new();
    }
    let mut all = vec![directory.to_owned()];
    let mut next = 0;
    while let Some(parent) = all.get(next).cloned() {
        let names = file::entries(&parent).unwrap_or_default();
        all.extend(
            names
                .iter()
                .map(|name| parent.join(name))
                .filter(|path| path.is_dir()),
        );
        next += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_lists_parents_before_children() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("a/b")).unwrap();
        fs::create_dir_all(directory.path().join("c")).unwrap();
        let found = tree(directory.path());
        let position = |name: &str| {
            let path = directory.path().join(name);
            found.iter().position(|other| *other == path).unwrap()
        };
        assert!(position("") < position("a") && position("a") < position("a/b"));
        assert_eq!(found.len(), 4);
    }
}
