//! The only writer of configuration: carries a [`Plan`] out, and removes what an earlier plan wrote and this one does not.

mod action;
mod block;
mod daemon;
mod ledger;
mod run;
pub mod ssm;

use std::collections::BTreeSet;
use std::path::Path;

pub use action::act;
pub use daemon::Daemon;
pub use daemon::Error as DaemonError;
pub use run::Error as RunError;
pub use run::{prepare, start};

use crate::host::path;
use crate::host::root::{Change, Error, NewFile, Root};
use crate::plan::{self, Action, Plan};

use ledger::Ledger;

/// What a run did to the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Files with new content.
    pub written: Vec<String>,
    /// Files of options that are no longer set.
    pub removed: Vec<String>,
    /// What the machine must be told now.
    pub actions: Vec<Action>,
}

/// Writes the files of a plan, or those of some daemons and of no daemon. Running it again changes nothing; running it
/// after it was killed finishes it.
pub fn apply(root: &Root, plan: &Plan, daemons: &[Daemon]) -> Result<Applied, Error> {
    let is_selected =
        |path: &str| Daemon::owner(path).is_none_or(|daemon| daemons.contains(&daemon));
    let mut applied = Applied::default();
    let old = Ledger::read(root, &plan.summary.instance_id)?;
    let new = next_ledger(root, plan, &old, is_selected);
    // Before the first file: whatever happens now, the next run knows what may be ours.
    old.united_with(&new).write(root)?;
    let files: Vec<NewFile<'_>> = plan
        .files
        .iter()
        .filter(|file| is_selected(&file.path))
        .map(|file| NewFile {
            path: Path::new(&*file.path),
            content: file.content.as_bytes(),
            mode: file.mode,
        })
        .collect();
    let changes = root.write_all(&files)?;
    let mut touched: Vec<&str> = files.iter().filter_map(|file| file.path.to_str()).collect();
    for (path, change) in touched.iter().zip(changes) {
        if change == Change::Written {
            applied.written.push((*path).to_owned());
        }
    }
    for block in plan.blocks.iter().filter(|block| is_selected(block.path)) {
        if write_block(root, block.path, Some(&block.content))? == Change::Written {
            applied.written.push(block.path.to_owned());
        }
    }
    for path in old.files.difference(&new.files) {
        touched.push(path);
        if root.remove(path)? == Change::Written {
            applied.removed.push(path.clone());
        }
        remove_directories(root, path, &old.directories)?;
    }
    for path in old.blocks.difference(&new.blocks) {
        if write_block(root, path, None)? == Change::Written {
            applied.removed.push(path.clone());
        }
    }
    applied.actions = plan::actions(touched);
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

/// What is ours after this run: what it plans, and what earlier runs wrote for daemons that it leaves alone.
fn next_ledger(
    root: &Root,
    plan: &Plan,
    old: &Ledger,
    is_selected: impl Fn(&str) -> bool,
) -> Ledger {
    let next = |planned: Vec<&str>, old: &BTreeSet<String>| -> BTreeSet<String> {
        let kept = old.iter().filter(|path| !is_selected(path)).cloned();
        let planned = planned.into_iter().filter(|path| is_selected(path));
        planned.map(str::to_owned).chain(kept).collect()
    };
    let files = next(
        plan.files.iter().map(|file| &*file.path).collect(),
        &old.files,
    );
    let blocks = next(
        plan.blocks.iter().map(|block| block.path).collect(),
        &old.blocks,
    );
    let directories = files
        .iter()
        .flat_map(|path| parents(path))
        .filter(|parent| old.directories.contains(*parent) || !root.exists(parent))
        .map(str::to_owned)
        .collect();
    Ledger {
        instance_id: plan.summary.instance_id.clone(),
        files,
        blocks,
        directories,
    }
}

/// The directories above a path, nearest first, without the root.
fn parents(path: &str) -> impl Iterator<Item = &str> {
    Path::new(path)
        .ancestors()
        .skip(1)
        .filter_map(Path::to_str)
        .filter(|parent| *parent != "/" && !parent.is_empty())
}

/// Directories that were made for a file go with it, once they are empty.
fn remove_directories(root: &Root, path: &str, ours: &BTreeSet<String>) -> Result<(), Error> {
    for parent in parents(path) {
        if !ours.contains(parent) || root.remove_empty_directory(parent)? == Change::Unchanged {
            break;
        }
    }
    Ok(())
}

fn write_block(root: &Root, path: &str, lines: Option<&str>) -> Result<Change, Error> {
    const NEW_FILE: u32 = 0o644;
    let Some(existing) = root.read(path)?.or_else(|| lines.map(|_| Vec::new())) else {
        return Ok(Change::Unchanged);
    };
    let content = block::with(&existing, lines);
    root.write(path, &content, root.mode(path).unwrap_or(NEW_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{PlannedBlock, PlannedFile, Summary};

    fn plan(instance_id: &str, paths: &[&'static str]) -> Plan {
        Plan {
            files: paths
                .iter()
                .map(|path| PlannedFile {
                    path: (*path).into(),
                    mode: 0o644,
                    content: (*path).to_owned(),
                })
                .collect(),
            blocks: Vec::new(),
            summary: Summary {
                instance_id: instance_id.into(),
                ..Summary::default()
            },
            warnings: Vec::new(),
        }
    }

    fn apply(root: &Root, plan: &Plan) -> Result<Applied, Error> {
        super::apply(root, plan, &Daemon::ALL)
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
    #[test]
    fn a_drop_in_goes_with_the_directory_that_was_made_for_it() {
        const DROP_IN: &str = "/etc/systemd/system/a.service.d/environment.conf";
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/etc/systemd/system/theirs", b"x", 0o644)
            .unwrap();
        let with = plan("i-1", &[DROP_IN]);
        assert_eq!(apply(&root, &with).unwrap().actions, [Action::DaemonReload]);
        // The option is still set: told again, written once.
        let again = apply(&root, &with).unwrap();
        assert_eq!(again.written, Vec::<String>::new());
        assert_eq!(again.actions, [Action::DaemonReload]);
        let gone = apply(&root, &plan("i-1", &[])).unwrap();
        assert_eq!(gone.removed, [DROP_IN]);
        assert_eq!(gone.actions, [Action::DaemonReload]);
        assert_eq!(root.list("/etc/systemd/system").unwrap(), ["theirs"]);
        assert_eq!(apply(&root, &plan("i-1", &[])).unwrap(), Applied::default());
    }

    #[test]
    fn a_directory_with_something_of_others_stays() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        apply(&root, &plan("i-1", &["/etc/x/y/a"])).unwrap();
        root.write("/etc/x/theirs", b"x", 0o644).unwrap();
        apply(&root, &plan("i-1", &[])).unwrap();
        assert_eq!(root.list("/etc/x").unwrap(), ["theirs"]);
    }

    #[test]
    fn lines_in_a_file_of_others_come_and_go() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write("/etc/hosts", b"127.0.0.1 localhost\n", 0o640)
            .unwrap();
        let mut with = plan("i-1", &["/etc/a"]);
        with.blocks.push(PlannedBlock {
            path: path::HOSTS,
            content: "10.0.0.1 a\n".into(),
        });
        assert_eq!(
            apply(&root, &with).unwrap().written,
            ["/etc/a", "/etc/hosts"]
        );
        assert_eq!(apply(&root, &with).unwrap(), Applied::default());
        assert_eq!(root.mode("/etc/hosts"), Some(0o640));
        assert_eq!(
            apply(&root, &plan("i-1", &["/etc/a"])).unwrap().removed,
            ["/etc/hosts"]
        );
        assert_eq!(
            root.read_text("/etc/hosts").unwrap().as_deref(),
            Some("127.0.0.1 localhost\n")
        );
    }

    #[test]
    fn files_of_a_daemon_that_was_not_selected_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let whole = plan(
            "i-1",
            &[
                path::CONTAINERD_CONFIG,
                path::KUBELET_CONFIG,
                path::RESOLVED_DROP_IN,
            ],
        );
        let applied = super::apply(&root, &whole, &[Daemon::Containerd]).unwrap();
        assert_eq!(
            applied.written,
            [path::CONTAINERD_CONFIG, path::RESOLVED_DROP_IN]
        );
        apply(&root, &whole).unwrap();
        // Neither has the plan now; only the kubelet's may be cleaned up.
        let applied = super::apply(
            &root,
            &plan("i-1", &[path::RESOLVED_DROP_IN]),
            &[Daemon::Kubelet],
        )
        .unwrap();
        assert_eq!(applied.removed, [path::KUBELET_CONFIG]);
        assert!(root.exists(path::CONTAINERD_CONFIG));
        let applied = apply(&root, &plan("i-1", &[path::RESOLVED_DROP_IN])).unwrap();
        assert_eq!(applied.removed, [path::CONTAINERD_CONFIG]);
    }
}
