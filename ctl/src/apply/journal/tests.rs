use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::apply::event::Act;
use crate::resource::{Attribute, Kind};

fn open(directory: &Path) -> Result<Journal, Error> {
    Journal::open(directory, "123456789012", "us-west-2", "prod")
}

fn vpc() -> Address {
    Address::new(Kind::Vpc, "main")
}

fn entries() -> [Entry; 2] {
    [
        Entry::Started {
            address: vpc(),
            act: Act::Create,
        },
        Entry::Accepted {
            address: vpc(),
            outputs: Outputs::from([(Attribute::Id, "vpc-1".to_owned())]),
        },
    ]
}

/// Opens a journal that was just closed: a program that another test starts at this moment holds the lock until it runs.
fn reopen(directory: &Path) -> Journal {
    loop {
        match open(directory) {
            Err(Error::Locked { .. }) => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

const FILE: &str = "123456789012-us-west-2-prod.jsonl";
const LAST: &str = "123456789012-us-west-2-prod.last.jsonl";

#[test]
fn a_run_is_taken_up_until_it_has_ended_well() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("state/nodectl");
    let mut journal = open(&directory).unwrap();
    assert_eq!(journal.run(), None);
    journal.begin("plan-1").unwrap();
    journal.append(&entries()).unwrap();
    let (run, token) = (journal.run().unwrap().to_owned(), journal.token(&vpc()));
    journal.end(End::Failed).unwrap();
    drop(journal);

    let mut journal = open(&directory).unwrap();
    journal.begin("plan-2").unwrap();
    assert_eq!(journal.run(), Some(run.as_str()));
    assert_eq!(journal.token(&vpc()), token);
    assert_eq!(journal.outputs(&vpc()).unwrap()[&Attribute::Id], "vpc-1");
    journal.end(End::Done).unwrap();
    journal.begin("plan-3").unwrap();
    assert_ne!(journal.run(), Some(run.as_str()));
    assert!(
        fs::read_to_string(directory.join(LAST))
            .unwrap()
            .contains(&run)
    );
}

#[test]
fn only_its_owner_reads_it() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("state/nodectl");
    let mut journal = open(&directory).unwrap();
    journal.begin("plan").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join(FILE)), 0o600);
}

#[test]
fn every_torn_end_is_cut_off_and_written_over() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE);
    let mut journal = reopen(home.path());
    journal.begin("plan").unwrap();
    journal.append(&entries()).unwrap();
    drop(journal);
    let whole = fs::read(&path).unwrap();
    let third = whole.iter().rposition(|byte| *byte == b'{').unwrap();
    for length in third..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let mut journal = reopen(home.path());
        journal.append(&entries()[1..]).unwrap();
        drop(journal);
        let mended = fs::read_to_string(&path).unwrap();
        assert_eq!(
            mended.lines().count(),
            whole.split(|byte| *byte == b'\n').count() - 1
        );
        assert!(reopen(home.path()).outputs(&vpc()).is_some());
    }
    // A file system may also give back zeros.
    let mut zeros = whole.clone();
    zeros.extend([0; 17]);
    zeros.push(b'\n');
    fs::write(&path, zeros).unwrap();
    drop(reopen(home.path()));
    assert_eq!(fs::read(&path).unwrap(), whole);
}

#[test]
fn a_broken_line_in_its_midst_is_named() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE);
    let mut journal = reopen(home.path());
    journal.begin("plan").unwrap();
    drop(journal);
    let whole = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("{whole}{{\n{whole}")).unwrap();
    let error = open(home.path()).unwrap_err();
    assert!(matches!(error, Error::Line { line: 2, .. }), "{error}");
    assert!(error.hints()[0].starts_with("move it away"));
}

#[test]
fn one_process_at_a_time_works_on_a_cluster() {
    let home = tempfile::tempdir().unwrap();
    let first = reopen(home.path());
    let error = open(home.path()).unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        error.to_string(),
        format!("process {pid} is at work on this cluster")
    );
    assert!(Journal::open(home.path(), "123456789012", "us-west-2", "test").is_ok());
    drop(first);
    assert!(open(home.path()).is_ok());
}

#[test]
fn journals_lie_where_the_desktop_specification_says() {
    let of = |state: Option<&str>, home: Option<&str>| {
        let path = directory(state.map(Into::into), home.map(Into::into));
        path.map(|path| path.to_string_lossy().into_owned())
    };
    assert_eq!(of(Some("/s"), Some("/h")).as_deref(), Some("/s/nodectl"));
    for state in [None, Some(""), Some("relative")] {
        assert_eq!(
            of(state, Some("/h")).as_deref(),
            Some("/h/.local/state/nodectl")
        );
    }
    assert_eq!(of(None, None), None);
}
