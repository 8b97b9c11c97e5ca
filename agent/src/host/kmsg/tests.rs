//! A FIFO, or a file, stands at the kernel's place.

use std::fs;
use std::io::Write as _;

use rustix::fs::{CWD, Mode, mkfifoat};
use tokio::time::timeout;

use super::*;

/// A hundred seconds after the start of the kernel.
fn now() -> (Timestamp, Duration) {
    (
        "2026-01-02T03:04:05Z".parse().unwrap(),
        Duration::from_secs(100),
    )
}

fn record(number: u64, text: &str) -> String {
    format!("3,{number},40000000,-;{text}\n SUBSYSTEM=block\n DEVICE=b8:0\n")
}

/// The log as a file with this content.
fn file(content: &str, after: Option<u64>) -> (tempfile::TempDir, Kmsg) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kmsg");
    fs::write(&path, content).unwrap();
    let kmsg = Kmsg::open(&path, after, now).unwrap();
    (directory, kmsg)
}

fn messages(kmsg: &mut Kmsg) -> Vec<String> {
    std::iter::from_fn(|| kmsg.try_next())
        .map(|entry| entry.message)
        .collect()
}

#[tokio::test]
async fn records_of_one_read_are_split_and_what_says_more_of_a_device_is_left_out() {
    let content = format!(
        "{}30,1,40000000,-;systemd[1]: a process wrote this\nno record\n{}",
        record(0, "one"),
        record(2, r"two\x0alines")
    );
    let (_directory, mut kmsg) = file(&content, None);
    let first = kmsg.try_next().unwrap();
    assert_eq!((first.unit.as_str(), first.cursor.as_str()), (KERNEL, "0"));
    assert_eq!(first.at.to_string(), "2026-01-02T03:03:05Z", "60 s ago");
    assert_eq!(messages(&mut kmsg), ["two\nlines"]);
    assert_eq!(kmsg.tally().read, 3);
    assert_eq!(kmsg.tally().lost(Loss::Malformed), 1);
    assert_eq!(kmsg.tally().lost(Loss::Overrun), 0);
}

#[tokio::test]
async fn numbers_that_are_missing_are_counted_and_known_ones_are_skipped() {
    let content: String = [3, 4, 8, 9].map(|number| record(number, "x")).concat();
    let (_directory, mut kmsg) = file(&content, None);
    assert_eq!(messages(&mut kmsg).len(), 4);
    assert_eq!(kmsg.tally().lost(Loss::Overrun), 3 + 3);
    let (_directory, mut kmsg) = file(&content, Some(4));
    assert_eq!(messages(&mut kmsg).len(), 2);
    assert_eq!(kmsg.tally().lost(Loss::Overrun), 3);
}

#[tokio::test]
async fn a_record_that_comes_in_parts_is_one_and_a_million_bytes_are_none() {
    let (directory, mut kmsg) = file("3,0,1,-;ha", None);
    let mut out = OpenOptions::new()
        .append(true)
        .open(directory.path().join("kmsg"))
        .unwrap();
    assert_eq!(messages(&mut kmsg), [""; 0]);
    out.write_all(b"lf\n").unwrap();
    let entry = kmsg.try_next().unwrap();
    assert_eq!(entry.message, "half");
    assert_eq!(entry.at, now().0, "it came while it was waited for");
    out.write_all(&vec![b'x'; 1024 * 1024]).unwrap();
    out.write_all(format!("\n{}", record(1, "after")).as_bytes())
        .unwrap();
    assert_eq!(messages(&mut kmsg), [""; 0], "not all of it at once");
    assert_eq!(messages(&mut kmsg), ["after"]);
    assert!(kmsg.tally().lost(Loss::TooLong) > 0);
    assert!(kmsg.buffer.capacity() <= RECORD_BYTES + 2 * READ_BYTES);
}

#[tokio::test]
async fn what_is_written_later_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kmsg");
    mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR).unwrap();
    let mut kmsg = Kmsg::open(&path, None, now).unwrap();
    assert!(matches!(kmsg.source, Source::Waited { .. }));
    assert!(
        timeout(Duration::from_millis(50), kmsg.next())
            .await
            .is_err()
    );
    let mut out = OpenOptions::new().write(true).open(&path).unwrap();
    for number in 0..3 {
        out.write_all(record(number, "x").as_bytes()).unwrap();
        let entry = timeout(Duration::from_secs(20), kmsg.next()).await.unwrap();
        assert_eq!(entry.cursor, number.to_string());
    }
    // Nobody has it open any more, and later somebody has.
    drop(out);
    assert!(
        timeout(Duration::from_millis(50), kmsg.next())
            .await
            .is_err()
    );
    let mut out = OpenOptions::new().write(true).open(&path).unwrap();
    out.write_all(record(3, "y").as_bytes()).unwrap();
    let entry = timeout(Duration::from_secs(20), kmsg.next()).await.unwrap();
    assert_eq!((entry.message.as_str(), kmsg.tally().read), ("y", 4));
    assert_eq!(kmsg.tally().restarts, 0);
}

#[tokio::test]
async fn an_overrun_is_survived_and_other_errors_open_it_again() {
    let (_directory, mut kmsg) = file(&record(0, "x"), None);
    let error = |kind: ErrorKind| Err(io::Error::from(kind));
    assert!(kmsg.outcome(error(ErrorKind::BrokenPipe)).is_some());
    assert!(kmsg.is_running());
    assert!(kmsg.outcome(error(ErrorKind::NotConnected)).is_none());
    assert!(!kmsg.is_running());
    assert_eq!((kmsg.try_next(), kmsg.tally().restarts), (None, 1));
    tokio::time::pause();
    assert_eq!(kmsg.next().await.message, "x");
}

#[tokio::test]
async fn bytes_that_are_no_text_are_survived() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kmsg");
    fs::write(&path, b"\xff\xfe\n3,0,1,-;a\xffb\n\0\n").unwrap();
    let mut kmsg = Kmsg::open(&path, None, now).unwrap();
    assert_eq!(messages(&mut kmsg), ["a\u{fffd}b"]);
    assert_eq!(kmsg.tally().lost(Loss::Malformed), 2);
}
