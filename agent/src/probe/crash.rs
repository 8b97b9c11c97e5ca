//! Did a panic of the kernel end the boot before this one? The kernel keeps its last words where the firmware has a place for
//! them: <https://docs.kernel.org/admin-guide/pstore-blk.html>, `systemd-pstore.service(8)`.

use jiff::{SignedDuration, Timestamp};
use node::finding;

use super::reading::Reading;
use crate::host::{self, root::Root};

/// Where the records are, before and after systemd has moved them; there one level deeper or two.
const RECORDS: &str = "/sys/fs/pstore";
const MOVED: &str = "/var/lib/systemd/pstore";
/// How deep systemd puts them.
const DEPTH: usize = 2;
/// A machine that panicked has booted again within this time.
const BEFORE: SignedDuration = SignedDuration::from_mins(30);
/// systemd has moved the records of the boot before by this time of a boot.
const AFTER: SignedDuration = SignedDuration::from_mins(10);
/// No record is longer, and no more are looked at.
const RECORD_BYTES: u64 = 256 * 1024;
const MOST: usize = 64;
/// `kernel/panic.c`.
const PANIC: &str = "Kernel panic - not syncing";

/// The words of a panic just before this boot; none where none was kept. In a container the records are the host's.
pub fn look(root: &Root, now: Timestamp) -> Option<String> {
    if host::is_container(root) {
        return None;
    }
    let uptime = root.read_text("/proc/uptime").ok().flatten()?;
    let seconds: f64 = uptime.split(' ').next()?.parse().ok()?;
    let booted = now - SignedDuration::try_from_secs_f64(seconds).ok()?;
    let mut files = Vec::new();
    for directory in [RECORDS, MOVED] {
        list(root, directory, DEPTH, &mut files);
    }
    let of_this_boot = |path: &String| {
        root.modified(path)
            .is_some_and(|at| booted - BEFORE <= at && at <= booted + AFTER)
    };
    let mut files = files.into_iter().filter(of_this_boot).take(MOST);
    files.find_map(|path| {
        let record = root.read_at_most(path, RECORD_BYTES).ok()??;
        words(&String::from_utf8_lossy(&record))
    })
}

fn list(root: &Root, directory: &str, depth: usize, files: &mut Vec<String>) {
    for name in root.list(directory).unwrap_or_default() {
        let path = format!("{directory}/{name}");
        if name.starts_with("dmesg") {
            files.push(path);
        } else if depth > 0 {
            list(root, &path, depth - 1, files);
        }
    }
}

/// The line of the panic: `<0>[ 1234.567890] Kernel panic - not syncing: …`.
fn words(record: &str) -> Option<String> {
    let line = record.lines().find(|line| line.contains(PANIC))?;
    let (_, words) = line.split_at_checked(line.find(PANIC)?)?;
    Some(words.trim_end().to_owned())
}

/// What it means that such words were kept.
pub fn judge(words: &str) -> Reading {
    let told = format!("the boot before this one ended with: {words}");
    Reading::failed(&finding::KERNEL_PANIC, "", told)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = "Panic#1 Part1\n<4>[ 99.1] Call Trace:\n<0>[ 99.2] Kernel panic - not syncing: Fatal exception in interrupt\n";
    const WORDS: &str = "Kernel panic - not syncing: Fatal exception in interrupt";

    fn machine(path: &str, record: &str, uptime: &str) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (path, content) in [(path, record), ("/proc/uptime", uptime)] {
            root.write(path, content.as_bytes(), 0o600).unwrap();
        }
        (directory, root)
    }

    #[test]
    fn a_panic_that_was_kept_is_told_by_its_words() {
        for path in [
            "/sys/fs/pstore/dmesg-efi-155741337601001",
            "/var/lib/systemd/pstore/155741337/dmesg.txt",
            "/var/lib/systemd/pstore/dmesg.txt",
        ] {
            let (_directory, root) = machine(path, RECORD, "60.00 100.00\n");
            let seen = look(&root, Timestamp::now()).unwrap();
            assert_eq!(seen, WORDS, "{path}");
            assert_eq!(
                judge(&seen).failure.unwrap(),
                format!("the boot before this one ended with: {WORDS}")
            );
        }
    }

    #[test]
    fn another_record_one_of_another_boot_and_one_of_the_host_say_nothing() {
        let path = "/sys/fs/pstore/dmesg-efi-1";
        let now = Timestamp::now();
        let (_directory, root) =
            machine(path, "Oops#1 Part1\n<4>[ 1.0] Oops: 0000\n", "60.00 1.0\n");
        assert_eq!(look(&root, now), None);
        // Written now: long after the start of a machine that is up for a day.
        let (_directory, root) = machine(path, RECORD, "86400.00 1.0\n");
        assert_eq!(look(&root, now), None);
        let (_directory, root) = machine(path, RECORD, "60.00 1.0\n");
        root.write("/run/systemd/container", b"systemd-nspawn\n", 0o644)
            .unwrap();
        assert_eq!(look(&root, now), None);
        assert_eq!(look(&Root::new("/nowhere"), now), None);
    }
}
