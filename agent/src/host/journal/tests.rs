//! The child is a shell script here.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use node::rule::KERNEL;

use super::arguments::{OUT_OF_MEMORY, SUPPRESSED};
use super::*;

/// A stand-in for `journalctl`: a shell script with this body.
pub(crate) fn script(directory: &Path, body: &str) -> PathBuf {
    let path = directory.join("journalctl");
    // Written under another name first: a file that is open for writing cannot be executed.
    let draft = directory.join("draft");
    fs::write(
        &draft,
        format!("#!/bin/sh\ncd {}\n{body}\n", directory.display()),
    )
    .unwrap();
    fs::set_permissions(&draft, fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(draft, &path).unwrap();
    path
}

pub(crate) fn line(cursor: &str, message: &str) -> String {
    format!(
        r#"{{"__CURSOR":"{cursor}","__REALTIME_TIMESTAMP":"1767323045000000","MESSAGE":"{message}","_SYSTEMD_UNIT":"kubelet.service","SYSLOG_IDENTIFIER":"kubelet"}}"#
    )
}

async fn next(journal: &mut Journal) -> Entry {
    tokio::time::timeout(Duration::from_secs(20), journal.next())
        .await
        .expect("an entry in time")
}

#[test]
fn the_child_is_asked_for_this_boot_these_units_and_what_follows_the_cursor() {
    let units = ["kubelet.service".to_owned()];
    let arguments = |start| {
        arguments(&start, &[], &units, false)
            .into_iter()
            .map(|argument| argument.into_string().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let from_boot = arguments(Start::Boot);
    assert!(
        from_boot.contains(
            "--follow --no-tail --boot _SYSTEMD_UNIT=kubelet.service + _PID=1 UNIT=kubelet.service"
        ),
        "{from_boot}"
    );
    let after = arguments(Start::After("s=1;i=2".into()));
    assert!(after.contains("--cursor=s=1;i=2"), "{after}");
    assert!(after.ends_with(&format!("+ {SUPPRESSED}")), "{after}");
}

#[test]
fn beside_the_kernel_s_own_log_only_what_the_manager_says_of_it_is_asked_for() {
    let arguments = arguments(&Start::Boot, &[], &["kubelet.service".to_owned()], true);
    let arguments = arguments.join(OsStr::new(" ")).into_string().unwrap();
    assert!(
        arguments.ends_with(&format!(
            "UNIT=kubelet.service + {OUT_OF_MEMORY} + {SUPPRESSED}"
        )),
        "{arguments}"
    );
}

#[test]
fn the_kernel_is_asked_for_beside_units() {
    let units = ["kubelet.service".to_owned(), KERNEL.to_owned()];
    let arguments: Vec<_> = arguments(&Start::Boot, &[], &units, false)
        .into_iter()
        .map(|argument| argument.into_string().unwrap())
        .collect();
    let arguments = arguments.join(" ");
    assert!(
        arguments.contains("UNIT=kubelet.service + _TRANSPORT=kernel + MESSAGE_ID="),
        "{arguments}"
    );
}

#[tokio::test]
async fn a_child_that_dies_is_started_again_after_the_last_entry() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!(
        "echo \"$@\" >> calls\nif [ -e second ]; then echo '{0}'; echo '{1}'; exec sleep 60; fi\n: > second\necho '{0}'\nprintf '{{\"half'",
        line("c1", "one"),
        line("c2", "two"),
    );
    let mut journal =
        Journal::with_program(script(directory.path(), &body), Start::Boot, &["kubelet"]);
    assert_eq!(next(&mut journal).await.message, "one");
    assert_eq!(next(&mut journal).await.message, "two");
    let calls = fs::read_to_string(directory.path().join("calls")).unwrap();
    let calls: Vec<_> = calls.lines().collect();
    assert_eq!(calls.len(), 2);
    assert!(
        !calls[0].contains("--cursor") && calls[1].contains("--cursor=c1"),
        "{calls:?}"
    );
    let tally = journal.tally();
    assert_eq!((tally.read, tally.restarts), (2, 1));
    assert!(tally.lost.is_empty(), "{tally:?}");
}

#[tokio::test]
async fn a_place_that_is_gone_is_counted_and_reading_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!("echo '{}'\nexec sleep 60", line("c9", "nine"));
    let program = script(directory.path(), &body);
    let start = Start::After("c1".into());
    let mut journal = Journal::with_program(&program, start.clone(), &[]);
    assert_eq!(next(&mut journal).await.message, "nine");
    assert_eq!(journal.tally().lost(Loss::Vacuumed), 1);

    // journalctl does not even know what kind of place it is.
    let body = format!(
        "case \"$*\" in *--cursor*) exit 1;; esac\necho '{}'\nexec sleep 60",
        line("c1", "one")
    );
    let program = script(directory.path(), &body);
    let mut journal = Journal::with_program(&program, start, &[]);
    assert_eq!(next(&mut journal).await.message, "one");
    let tally = journal.tally();
    assert_eq!((tally.lost(Loss::Vacuumed), tally.restarts), (1, 3));
}

#[tokio::test]
async fn what_journald_suppressed_is_counted_by_unit() {
    let directory = tempfile::tempdir().unwrap();
    let notice = line("c1", "Suppressed 12 messages from kubelet.service").replace(
        "\"_SYSTEMD_UNIT\":\"kubelet.service\"",
        "\"_SYSTEMD_UNIT\":\"systemd-journald.service\"",
    );
    let body = format!(
        "echo '{notice}'\necho '{}'\nexec sleep 60",
        line("c2", "good")
    );
    let mut journal = Journal::with_program(script(directory.path(), &body), Start::Boot, &[]);
    assert_eq!(next(&mut journal).await.message, "good");
    assert_eq!(journal.tally().suppressed["kubelet.service"], 12);
    assert_eq!(journal.tally().read, 1);
}

#[tokio::test]
async fn bad_and_overlong_lines_are_counted_and_the_next_one_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!(
        "echo 'no json'\nhead -c 300000 /dev/zero | tr '\\0' x\necho\nprintf '\\377\\376\\n'\necho '{}'\nexec sleep 60",
        line("c", "good")
    );
    let mut journal = Journal::with_program(script(directory.path(), &body), Start::Boot, &[]);
    assert_eq!(next(&mut journal).await.message, "good");
    let tally = journal.tally();
    assert_eq!(tally.lost(Loss::Malformed), 2);
    assert_eq!((tally.read, tally.lost(Loss::TooLong)), (1, 1));
    assert!(journal.line.capacity() <= KEPT_BYTES);
}

#[tokio::test]
async fn a_call_that_is_dropped_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let line = line("c", "whole");
    let (first, second) = line.split_at(20);
    let body = format!(
        "printf '%s' '{first}'\nwhile [ ! -e go ]; do sleep 0.05; done\necho '{second}'\nexec sleep 60"
    );
    let mut journal = Journal::with_program(script(directory.path(), &body), Start::Boot, &[]);
    let dropped = tokio::time::timeout(Duration::from_millis(500), journal.next()).await;
    assert!(dropped.is_err());
    fs::write(directory.path().join("go"), b"").unwrap();
    assert_eq!(next(&mut journal).await.message, "whole");
}

#[tokio::test]
async fn without_journalctl_it_waits_and_counts() {
    let mut journal = Journal::with_program("/nonexistent/journalctl", Start::Boot, &[]);
    assert!(
        tokio::time::timeout(Duration::from_millis(100), journal.next())
            .await
            .is_err()
    );
    assert_eq!(journal.tally().restarts, 1);
    assert!(!journal.is_running());
}

#[tokio::test]
async fn the_child_dies_with_the_journal() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!("echo $$ > pid\necho '{}'\nexec sleep 600", line("c", "x"));
    let mut journal = Journal::with_program(script(directory.path(), &body), Start::Boot, &[]);
    next(&mut journal).await;
    let pid = fs::read_to_string(directory.path().join("pid")).unwrap();
    drop(journal);
    let stat = PathBuf::from(format!("/proc/{}/stat", pid.trim()));
    let is_gone = || fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..100 {
        if is_gone() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the child still runs");
}

#[tokio::test]
async fn other_units_are_read_from_the_last_entry_on_and_that_is_no_restart() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!(
        "case \"$*\" in\n*--cursor=a*UNIT=sshd.service*) echo '{}'; echo '{}';;\n*--cursor=b*) echo '{}';;\n*) echo '{}';;\nesac\nexec sleep 60",
        line("a", "one"),
        line("b", "two"),
        line("c", "three"),
        line("a", "one")
    );
    let program = script(directory.path(), &body);
    let mut journal = Journal::with_program(program, Start::Boot, &["kubelet.service"]);
    assert_eq!(next(&mut journal).await.message, "one");
    let units = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    journal.read_from(&units(&["kubelet.service"]));
    assert!(journal.is_running(), "nothing is new");
    journal.read_from(&units(&["kubelet.service", "sshd.service"]));
    assert_eq!(next(&mut journal).await.message, "two");
    // The last entry was of a unit that is read no more, so that another comes in its place.
    journal.read_from(&units(&["kubelet.service"]));
    assert_eq!(next(&mut journal).await.message, "three");
    assert_eq!(journal.tally().restarts, 0);
    assert_eq!(journal.tally().lost, [].into());
}

/// A machine whose journal has these files, and a child that hands out one line each time it starts.
fn machine_with_journal(directory: &Path, parent: &str) -> (Root, PathBuf) {
    let root = Root::new(directory);
    root.write("/etc/machine-id", b"0123\n", 0o644).unwrap();
    let journal = directory.join(parent).join("0123");
    fs::create_dir_all(&journal).unwrap();
    fs::write(journal.join("system.journal"), "").unwrap();
    (root, journal)
}

#[tokio::test]
async fn once_the_past_is_read_only_the_files_that_are_written_are() {
    let directory = tempfile::tempdir().unwrap();
    let (root, files) = machine_with_journal(directory.path(), "var/log/journal");
    fs::write(files.join("user-1000.journal"), "").unwrap();
    let body = format!(
        "echo \"$@\" >> calls\nn=$(wc -l < calls)\necho '{}' | sed s/%/$n/g\nexec sleep 60",
        line("c%", "%")
    );
    let program = script(directory.path(), &body);
    let mut journal = Journal::with_program(program, Start::Boot, &["kubelet"]).narrowing(&root);
    assert_eq!(next(&mut journal).await.message, "1");
    // The past is over.
    journal.reach = Reach::all(Duration::ZERO);
    assert_eq!(next(&mut journal).await.message, "2");
    assert!(matches!(journal.reach, Reach::Live(_)));
    // journald puts the file aside and begins another.
    let call = async {
        fs::rename(files.join("system.journal"), files.join("system@1.journal")).unwrap();
        fs::write(files.join("system.journal"), "").unwrap();
        next(&mut journal).await
    };
    assert_eq!(call.await.message, "3");
    let calls = fs::read_to_string(directory.path().join("calls")).unwrap();
    let calls: Vec<_> = calls.lines().collect();
    let file = |name: &str| format!("--file={}", files.join(name).display());
    assert!(calls[0].contains("--boot") && !calls[0].contains("--file"));
    assert!(
        calls[1].contains(&file("system.journal"))
            && calls[1].contains("--cursor=c1")
            && !calls[1].contains("--boot")
            && !calls[1].contains("user-1000"),
        "{calls:?}"
    );
    assert!(
        calls[2].contains(&file("system@1.journal"))
            && calls[2].contains(&file("system.journal"))
            && calls[2].contains("--cursor=c2"),
        "{calls:?}"
    );
    let tally = journal.tally();
    assert_eq!((tally.read, tally.restarts), (3, 0));
    assert!(tally.lost.is_empty(), "nothing is lost by it: {tally:?}");
}

#[tokio::test]
async fn where_the_files_are_not_known_all_are_read_on_by_the_same_child() {
    let directory = tempfile::tempdir().unwrap();
    let body = format!(
        "echo \"$@\" >> calls\necho '{}'\nexec sleep 60",
        line("c1", "one")
    );
    let program = script(directory.path(), &body);
    let root = Root::new(directory.path());
    let mut journal = Journal::with_program(program, Start::Boot, &["kubelet"]).narrowing(&root);
    assert_eq!(next(&mut journal).await.message, "one");
    journal.reach = Reach::all(Duration::ZERO);
    let waited = tokio::time::timeout(Duration::from_millis(200), journal.next()).await;
    assert!(waited.is_err());
    let calls = fs::read_to_string(directory.path().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 1);
    assert!(journal.is_running());
}

#[tokio::test]
async fn a_child_of_the_live_files_that_dies_is_followed_by_one_of_all() {
    let directory = tempfile::tempdir().unwrap();
    let (root, _) = machine_with_journal(directory.path(), "run/log/journal");
    let body = format!(
        "echo \"$@\" >> calls\ncase \"$*\" in *--file*) exit 1;; esac\necho '{}'\n[ $(wc -l < calls) -gt 1 ] && echo '{}'\nexec sleep 60",
        line("c1", "one"),
        line("c2", "two")
    );
    let program = script(directory.path(), &body);
    let mut journal = Journal::with_program(program, Start::Boot, &["kubelet"]).narrowing(&root);
    assert_eq!(next(&mut journal).await.message, "one");
    journal.reach = Reach::all(Duration::ZERO);
    assert_eq!(next(&mut journal).await.message, "two");
    let calls = fs::read_to_string(directory.path().join("calls")).unwrap();
    assert_eq!(calls.lines().count(), 3, "{calls}");
    assert!(matches!(journal.reach, Reach::All { .. }));
}
