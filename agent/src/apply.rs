//! The only writer of configuration: carries a [`Plan`] out, and removes what an earlier plan wrote and this one does not.

mod daemon;
mod ledger;

pub use daemon::Error as DaemonError;
pub use daemon::{Daemon, start_daemons};

use crate::host::path;
use crate::host::root::{Change, Error, Root};
use crate::plan::Plan;

use ledger::Ledger;

/// Paths that a run touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files with new content.
    pub written: Vec<&'static str>,
    /// Files of options that are no longer set.
    pub removed: Vec<String>,
}

/// Writes the files of a plan. Running it again changes nothing; running it after it was killed finishes it.
pub fn apply(root: &Root, plan: &Plan) -> Result<Applied, Error> {
    let mut applied = Applied::default();
    let old = Ledger::read(root, &plan.summary.instance_id)?;
    let new = Ledger::of(plan);
    // Before the first file: whatever happens now, the next run knows what may be ours.
    old.united_with(&new).write(root)?;
    for file in &plan.files {
        if root.write(file.path, file.content.as_bytes(), file.mode)? == Change::Written {
            applied.written.push(file.path);
        }
    }
    for path in old.without(&new) {
        if root.remove(&path)? == Change::Written {
            applied.removed.push(path);
        }
    }
    new.write(root)?;
    // Last: the summary says that the config phase is complete.
    let summary = serde_json::to_vec(&plan.summary).map_err(|error| Error {
        operation: "writing",
        path: path::PLAN.into(),
        source: error.into(),
    })?;
    root.write(path::PLAN, &summary, 0o644)?;
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlannedFile, Summary};

    fn plan(instance_id: &str, paths: &[&'static str]) -> Plan {
        Plan {
            files: paths
                .iter()
                .map(|path| PlannedFile {
                    path,
                    mode: 0o644,
                    content: (*path).to_owned(),
                })
                .collect(),
            summary: Summary {
                instance_id: instance_id.into(),
                ..Summary::default()
            },
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_second_run_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let plan = plan("i-1", &["/etc/a", "/etc/b"]);
        assert_eq!(apply(&root, &plan).unwrap().written, ["/etc/a", "/etc/b"]);
        assert_eq!(apply(&root, &plan).unwrap(), Applied::default());
    }

    #[test]
    fn files_of_options_no_longer_set_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/etc/theirs", b"x", 0o644).unwrap();
        apply(&root, &plan("i-1", &["/etc/a", "/etc/b"])).unwrap();
        assert_eq!(
            apply(&root, &plan("i-1", &["/etc/b"])).unwrap().removed,
            ["/etc/a"]
        );
        assert_eq!(root.list("/etc").unwrap(), ["b", "theirs"]);
    }

    #[test]
    fn state_of_another_instance_is_discarded() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        apply(&root, &plan("i-1", &["/etc/a"])).unwrap();
        assert_eq!(
            apply(&root, &plan("i-2", &["/etc/b"])).unwrap().removed,
            Vec::<String>::new()
        );
        assert!(root.exists("/etc/a"));
    }
}
