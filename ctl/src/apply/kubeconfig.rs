//! Changes one kubeconfig file: locked against kubectl, written whole or not at all, readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::file::{self, with_suffix};
use crate::plan::kubeconfig::{self as plan, Change, Entry};
use crate::print::document;

const DIRECTORY_MODE: u32 = 0o700;

/// Why the kubeconfig was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Someone else is writing it, or died while doing so.
    #[error("kubeconfig `{path}` is locked by `{lock}`")]
    Locked {
        /// The kubeconfig.
        path: PathBuf,
        /// The lock file that exists.
        lock: PathBuf,
    },
    /// It exists and is no YAML document.
    #[error("parsing kubeconfig `{path}`")]
    Parse {
        /// The kubeconfig.
        path: PathBuf,
        /// What the parser says; boxed since it is large.
        #[source]
        source: Box<serde_saphyr::Error>,
    },
    /// It is YAML, and cannot take the entries.
    #[error("adding to kubeconfig `{path}`")]
    Plan {
        /// The kubeconfig.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: plan::Error,
    },
    /// The result cannot be written as YAML.
    #[error("writing kubeconfig `{path}`")]
    Document {
        /// The kubeconfig.
        path: PathBuf,
        /// What the writer says.
        #[source]
        source: document::Error,
    },
    /// The file system refused.
    #[error("{act} `{path}`")]
    Io {
        /// What was being done.
        act: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl Error {
    fn io(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { act, path, source }
    }

    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::Locked { lock, .. } => vec![format!(
                "if no other program is writing it: rm {}",
                lock.display()
            )],
            Self::Parse { .. } | Self::Plan { .. } => {
                vec!["repair the file, or write another one with `--kubeconfig FILE`".into()]
            }
            _ => Vec::new(),
        }
    }
}

/// Merges the entry into the file, which need not exist. A symbolic link stays one, and its target is changed.
pub fn merge(path: &Path, entry: &Entry) -> Result<Change, Error> {
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if let Some(directory) = path
        .parent()
        .filter(|directory| !directory.as_os_str().is_empty())
    {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(DIRECTORY_MODE)
            .create(directory)
            .map_err(Error::io("creating", directory))?;
    }
    let _lock = Lock::take(path)?;
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::io("reading", path)(error)),
    };
    let before = if text.trim().is_empty() {
        Value::Null
    } else {
        serde_saphyr::from_str(&text).map_err(|source| Error::Parse {
            path: path.clone(),
            source: Box::new(source),
        })?
    };
    let (after, change) = entry
        .merge_into(before.clone())
        .map_err(|source| Error::Plan {
            path: path.clone(),
            source,
        })?;
    if after != before {
        let text = document::yaml(&after).map_err(|source| Error::Document {
            path: path.clone(),
            source,
        })?;
        file::replace(path, file::PRIVATE, text.as_bytes())
            .map_err(Error::io("replacing", path))?;
    }
    Ok(change)
}

/// kubectl's own lock: a file of the same name with `.lock`, which only one program can create.
struct Lock {
    path: PathBuf,
}

impl Lock {
    fn take(kubeconfig: &Path) -> Result<Self, Error> {
        let path = with_suffix(kubeconfig, ".lock");
        let created: io::Result<File> = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(file::PRIVATE)
            .open(&path);
        match created {
            Ok(_) => Ok(Self { path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Locked {
                path: kubeconfig.to_owned(),
                lock: path,
            }),
            Err(error) => Err(Error::io("locking with", &path)(error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _already_gone = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::observe::aws::Access;
    use crate::observe::eks::ClusterFacts;

    fn entry() -> Entry {
        let facts = ClusterFacts {
            name: "prod".into(),
            arn: "arn:aws:eks:eu-west-1:111122223333:cluster/prod".into(),
            endpoint: "https://x".into(),
            certificate_authority: "QQ==".into(),
        };
        Entry::new(&facts, "eu-west-1", &Access::default(), None, "nodectl")
    }

    fn listing(directory: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(directory)
            .unwrap()
            .map(|found| found.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_missing_file_is_made_with_its_directory_for_the_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".kube/config");
        assert_eq!(merge(&path, &entry()).unwrap(), Change::Added);
        assert_eq!(merge(&path, &entry()).unwrap(), Change::Unchanged);
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(
            fs::metadata(home.path().join(".kube"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o700
        );
        assert_eq!(listing(&home.path().join(".kube")), ["config"]);
    }

    #[test]
    fn a_link_stays_a_link_and_its_target_is_closed_to_others() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("target"), home.path().join("config"));
        fs::write(&target, "users: [{name: other, user: {token: '0123'}}]\n").unwrap();
        symlink(&target, &link).unwrap();
        merge(&link, &entry()).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let read: Value = serde_saphyr::from_str(&fs::read_to_string(&target).unwrap()).unwrap();
        assert_eq!(read["users"][0]["user"]["token"], "0123");
    }

    #[test]
    fn a_locked_or_broken_file_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config");
        fs::write(&path, "clusters: [").unwrap();
        assert!(matches!(merge(&path, &entry()), Err(Error::Parse { .. })));
        fs::write(home.path().join("config.lock"), "").unwrap();
        assert!(matches!(merge(&path, &entry()), Err(Error::Locked { .. })));
        assert_eq!(fs::read_to_string(&path).unwrap(), "clusters: [");
        assert_eq!(listing(home.path()), ["config", "config.lock"]);
    }
}
