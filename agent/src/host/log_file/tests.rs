//! Files as ipamd, logrotate and the kubelet leave them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use super::*;

const IPAMD: &str = "/var/log/aws-routed-eni/ipamd.log";
const PROXY: &str = "/var/log/pods/kube-system_kube-proxy-x1_1234-5678/kube-proxy";

fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// The kernel started at midnight.
fn clock() -> (Timestamp, Duration) {
    (now(), Duration::from_secs(3 * 3600 + 4 * 60 + 5))
}

struct Bench {
    _directory: tempfile::TempDir,
    root: Root,
    log: LogFile,
}

impl Bench {
    /// Where there was nothing when the log was first looked at.
    fn new() -> Self {
        let mut bench = Self::with(|_| {});
        assert_eq!(bench.read(), [""; 0]);
        bench
    }

    /// Where something is there before the log is first looked at.
    fn with(before: impl FnOnce(&Root)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        before(&root);
        let log = ipamd(&root, None);
        Self {
            _directory: directory,
            root,
            log,
        }
    }

    fn restart(&mut self, place: &str) {
        self.log = ipamd(&self.root, Some(place));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path(IPAMD).with_file_name(name)
    }

    fn append(&self, text: &str) {
        append(&self.root, IPAMD, text);
    }

    /// What comes after one look.
    fn read(&mut self) -> Vec<String> {
        messages(&mut self.log)
    }

    fn losses(&self) -> Vec<(&'static str, u64)> {
        let lost = self.log.tally.lost.iter();
        lost.map(|(loss, count)| (loss.as_str(), *count)).collect()
    }
}

fn ipamd(root: &Root, place: Option<&str>) -> LogFile {
    let location = Location::Path("aws-routed-eni/ipamd.log");
    LogFile::new(root, "ipamd", location, place, clock)
}

fn append(root: &Root, path: &str, text: &str) {
    let path = root.path(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().create(true).append(true).open(path);
    file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
}

fn entries(log: &mut LogFile) -> Vec<Entry> {
    log.next_look = Instant::now();
    std::iter::from_fn(|| log.try_next()).collect()
}

fn messages(log: &mut LogFile) -> Vec<String> {
    let entries = entries(log).into_iter();
    entries.map(|entry| entry.message).collect()
}

fn zap(time: &str, message: &str) -> String {
    format!("{{\"level\":\"error\",\"ts\":\"{time}\",\"msg\":\"{message}\"}}\n")
}

#[test]
fn a_file_that_appears_later_is_read_from_its_first_line() {
    let mut bench = Bench::new();
    assert!(!bench.log.is_present());
    bench.append("one\ntwo\nha");
    assert_eq!(bench.read(), ["one", "two"]);
    assert!(bench.log.is_present());
    bench.append("lf\n");
    assert_eq!(bench.read(), ["half"]);
    let tally = bench.log.tally();
    assert_eq!((tally.read, tally.last), (3, Some(now())));
    assert_eq!(bench.losses(), []);
}

#[test]
fn lines_of_another_boot_are_no_news() {
    let old = zap("2026-01-01T23:59:59Z", "old");
    let new = zap("2026-01-02T00:00:01Z", "new");
    let mut bench = Bench::with(|root| {
        append(root, IPAMD, &format!("no clock\n{old}{new}no clock\n"));
    });
    let entries = entries(&mut bench.log);
    assert_eq!(entries.len(), 2);
    assert!(entries[0].message.contains("new"));
    assert_eq!(entries[0].at.to_string(), "2026-01-02T00:00:01Z");
    assert_eq!(entries[1].message, "no clock");
    // A clock that is off is believed of what is written now.
    bench.append(&old);
    assert_eq!(bench.read().len(), 1);
}

#[test]
fn an_old_file_is_read_to_its_end_before_the_new_one() {
    let mut bench = Bench::new();
    bench.append("1\n");
    assert_eq!(bench.read(), ["1"]);
    bench.append("2\n");
    fs::rename(bench.path("ipamd.log"), bench.path("ipamd.log.1")).unwrap();
    bench.append("4\n");
    assert_eq!(bench.read(), ["2", "4"]);
    // The writer has noticed it only now.
    append(
        &bench.root,
        "/var/log/aws-routed-eni/ipamd.log.1",
        "3\nwithout end",
    );
    assert_eq!(bench.read(), ["3"]);
    for _ in 0..=GRACE {
        assert_eq!(bench.read(), [""; 0]);
    }
    assert!(bench.log.old.is_empty(), "it is not held for ever");
    bench.append("5\n");
    assert_eq!(bench.read(), ["5"]);
    assert_eq!(bench.losses(), [("cut", 1)]);
}

#[test]
fn several_rotations_between_two_looks_lose_nothing() {
    let mut bench = Bench::new();
    bench.append("1\n");
    assert_eq!(bench.read(), ["1"]);
    for number in 2..6 {
        let aside = bench.path(&format!("ipamd-2026-0{number}.log"));
        fs::rename(bench.path("ipamd.log"), aside).unwrap();
        bench.append(&format!("{number}\n"));
    }
    assert_eq!(bench.read(), ["2", "3", "4", "5"]);
    assert_eq!(bench.losses(), []);
}

#[test]
fn an_old_file_that_is_read_slowly_is_not_let_go() {
    let mut bench = Bench::new();
    bench.append("1\n");
    assert_eq!(bench.read(), ["1"]);
    bench.append("2\n3\n4\n");
    fs::rename(bench.path("ipamd.log"), bench.path("ipamd.log.1")).unwrap();
    bench.append("5\n");
    let mut read = Vec::new();
    for _ in 0..4 {
        for _ in 0..=GRACE {
            bench.log.next_look = Instant::now() + POLL;
            bench.log.look();
        }
        read.extend(bench.log.try_next().map(|entry| entry.message));
    }
    assert_eq!(read, ["2", "3", "4", "5"]);
    assert_eq!(bench.losses(), []);
}

#[test]
fn what_a_truncation_cut_off_is_read_in_the_copy() {
    let mut bench = Bench::new();
    bench.append("a first line\n");
    assert_eq!(bench.read(), ["a first line"]);
    bench.append("2\n");
    fs::copy(bench.path("ipamd.log"), bench.path("ipamd.log.1")).unwrap();
    fs::write(bench.path("ipamd.log"), "").unwrap();
    // It is longer than before at once.
    bench.append("a third line that is longer than what was there\n4\n");
    assert_eq!(
        bench.read(),
        ["2", "a third line that is longer than what was there", "4"]
    );
    assert_eq!(bench.losses(), []);
    fs::write(bench.path("ipamd.log"), "5\n").unwrap();
    assert_eq!(bench.read(), ["5"]);
    assert_eq!(bench.losses(), [("truncated", 1)]);
}

#[test]
fn reading_goes_on_after_a_restart_whatever_became_of_the_file() {
    let mut bench = Bench::new();
    bench.append("1\n");
    let place = entries(&mut bench.log).remove(0).cursor;
    bench.append("2\n");
    bench.restart(&place);
    assert_eq!(bench.read(), ["2"], "it is the same file");

    fs::rename(bench.path("ipamd.log"), bench.path("ipamd.log.1")).unwrap();
    bench.append("3\n");
    bench.restart(&place);
    assert_eq!(bench.read(), ["2", "3"], "it was put aside");
    assert_eq!(bench.losses(), []);

    fs::remove_file(bench.path("ipamd.log.1")).unwrap();
    bench.restart(&place);
    assert_eq!(bench.read(), ["3"], "it is gone");
    assert_eq!(bench.losses(), [("rotated", 1)]);
}

#[test]
fn a_truncation_while_nobody_looked_is_seen() {
    let mut bench = Bench::new();
    bench.append("one\n");
    let place = entries(&mut bench.log).remove(0).cursor;
    fs::write(bench.path("ipamd.log"), "new\nlines\n").unwrap();
    bench.restart(&place);
    assert_eq!(bench.read(), ["new", "lines"]);
    assert_eq!(bench.losses(), [("truncated", 1)]);
}

#[test]
fn a_file_that_is_gone_is_let_go_and_may_come_back() {
    let mut bench = Bench::new();
    bench.append("1\n");
    assert_eq!(bench.read(), ["1"]);
    let away = bench.path("away");
    fs::rename(bench.path("ipamd.log"), &away).unwrap();
    assert_eq!(bench.read(), [""; 0]);
    assert!(!bench.log.is_present());
    fs::rename(&away, bench.path("ipamd.log")).unwrap();
    bench.append("2\n");
    assert_eq!(bench.read(), ["2"]);
    fs::remove_file(bench.path("ipamd.log")).unwrap();
    for _ in 0..=GRACE + 1 {
        assert_eq!(bench.read(), [""; 0]);
    }
    assert!(bench.log.old.is_empty());
    assert_eq!(bench.losses(), []);
}

#[test]
fn a_link_is_not_followed_and_bad_content_is_survived() {
    let mut bench = Bench::with(|root| {
        root.write("/etc/shadow", b"root:secret\n", 0o600).unwrap();
        fs::create_dir_all(root.path("/var/log/aws-routed-eni")).unwrap();
        std::os::unix::fs::symlink(root.path("/etc/shadow"), root.path(IPAMD)).unwrap();
    });
    assert_eq!(bench.read(), [""; 0]);
    fs::remove_file(bench.path("ipamd.log")).unwrap();
    let long = "x".repeat(1024 * 1024);
    bench.append(&format!("{long}\nafter\n"));
    let mut file = OpenOptions::new()
        .append(true)
        .open(bench.path("ipamd.log"))
        .unwrap();
    file.write_all(b"\xff\xfe\n").unwrap();
    let read = bench.read();
    assert_eq!(read[0].len(), LINE_BYTES);
    assert_eq!(read[1..], ["after", "\u{fffd}\u{fffd}"]);
    assert_eq!(bench.losses(), [("cut", 1)]);
}

#[test]
fn a_container_s_lines_are_taken_out_of_their_frame_and_joined_and_its_restarts_are_followed() {
    let bench = Bench::new();
    let location = Location::Container {
        pod: "kube-system_kube-proxy-",
        container: "kube-proxy",
    };
    let mut log = LogFile::new(&bench.root, "kube-proxy", location, None, clock);
    assert_eq!(messages(&mut log), [""; 0]);
    let write = |file: &str, text: &str| append(&bench.root, &format!("{PROXY}/{file}"), text);
    let time = "2026-01-02T03:04:05.5Z";
    write("0.log.20260102-030405", "not it\n");
    write(
        "0.log",
        &format!("{time} stderr P one \n{time} stdout F two\n{time} stderr F line\n"),
    );
    log.search.look_again();
    let read = entries(&mut log);
    let texts: Vec<&str> = read.iter().map(|entry| entry.message.as_str()).collect();
    assert_eq!(texts, ["two", "one line"]);
    assert_eq!(read[0].at.to_string(), time);
    write("0.log", &format!("{time} stderr F last words\n"));
    write("1.log", &format!("{time} stderr F born again\n"));
    assert_eq!(messages(&mut log), ["last words", "born again"]);
    // Another pod takes its place.
    let path = PROXY.replace("x1_1234", "x2_5678") + "/0.log";
    append(&bench.root, &path, &format!("{time} stderr F third\n"));
    log.search.look_again();
    assert_eq!(messages(&mut log), ["third"]);
    assert!(log.tally().lost.is_empty());
}
