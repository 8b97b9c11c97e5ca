//! Are process ids or open files nearly used up, or do processes that have ended pile up?

use std::time::Duration;

use node::finding;
use tokio::time::Instant;

use super::reading::{Open, Reading, Share, number};
use crate::host::process::{self, Processes};
use crate::host::root::Root;

const SHARE: Share = Share {
    fails_from: 70,
    passes_below: 60,
};
/// So many processes that nobody has asked after …
const ZOMBIES: u64 = 20;
/// … for so long are a parent that never will.
const PATIENCE: Duration = Duration::from_mins(10);

const PODS: [&str; 2] = ["kubepods.slice", "kubepods"];

/// What is used of what there is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    /// Process ids.
    pub ids: Option<Ids>,
    /// Open files, and the most that may be.
    pub files: Option<(u64, u64)>,
    /// Process ids of all pods together, and the most that the kubelet leaves to them.
    pub pods: Option<(u64, u64)>,
}

/// Process ids: each thread has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// In use.
    pub used: u64,
    /// The most that may be.
    pub limit: u64,
    /// The setting that says so.
    pub setting: &'static str,
}

/// Looks at the counters of the kernel.
pub fn look(root: &Root) -> Usage {
    Usage {
        ids: ids(root),
        files: files(root),
        pods: pods(root),
    }
}

fn ids(root: &Root) -> Option<Ids> {
    let limits = [
        ("kernel.pid_max", "/proc/sys/kernel/pid_max"),
        ("kernel.threads-max", "/proc/sys/kernel/threads-max"),
    ];
    let (limit, setting) = limits
        .into_iter()
        .filter_map(|(setting, path)| Some((number(root, path)?, setting)))
        .min()?;
    let mut used = threads(&root.read_text("/proc/loadavg").ok().flatten()?)?;
    // That is the whole machine. Where it is a container's host, only what the container has is this node's: to count it
    // costs more, and is not needed while the whole machine has few.
    if SHARE.is_fault(used, limit, true) == Some(true) {
        used = process::count(root).threads;
    }
    Some(Ids {
        used,
        limit,
        setting,
    })
}

/// Threads of the machine: the second number of `3/439`, in the fourth field of `proc_loadavg(5)`.
fn threads(average: &str) -> Option<u64> {
    let (_, threads) = average.split(' ').nth(3)?.split_once('/')?;
    threads.parse().ok()
}

/// `fs.file-nr` counts for the whole machine: a container cannot know which are its own.
fn files(root: &Root) -> Option<(u64, u64)> {
    if crate::host::is_container(root) {
        return None;
    }
    let text = root.read_text("/proc/sys/fs/file-nr").ok().flatten()?;
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let (used, unused, limit) = (
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
        numbers.next()?.ok()?,
    );
    Some((used.saturating_sub(unused), limit))
}

/// The control group of all pods, by the kubelet's driver for control groups; nothing where it has no limit (`max`).
fn pods(root: &Root) -> Option<(u64, u64)> {
    PODS.iter().find_map(|group| {
        let of = |file| number(root, &format!("/sys/fs/cgroup/{group}/{file}"));
        Some((of("pids.current")?, of("pids.max")?))
    })
}

/// What that means.
pub fn judge(usage: &Usage, open: &Open) -> Vec<Reading> {
    let near = &finding::KERNEL_LIMITS_NEAR;
    let ids = usage.ids.as_ref().and_then(|ids| {
        SHARE.reading((ids.used, ids.limit), (near, "pids"), open, || {
            let Ids {
                used,
                limit,
                setting,
            } = ids;
            format!("{used} of {limit} process ids are used ({setting})")
        })
    });
    let files = usage.files.and_then(|(used, limit)| {
        SHARE.reading((used, limit), (near, "files"), open, || {
            format!("{used} of {limit} open files are used (fs.file-max)")
        })
    });
    let pods = usage.pods.and_then(|(used, limit)| {
        SHARE.reading((used, limit), (near, "pods"), open, || {
            format!("{used} of {limit} process ids of all pods are used (pids.max of kubepods)")
        })
    });
    ids.into_iter().chain(files).chain(pods).collect()
}

/// Since when there are too many zombies.
#[derive(Debug, Default)]
pub struct Zombies(Option<Instant>);

impl Zombies {
    /// What it means that there are these processes now.
    pub fn judge(&mut self, processes: Processes, now: Instant) -> Option<Reading> {
        let near = &finding::KERNEL_LIMITS_NEAR;
        if processes.zombies < ZOMBIES {
            self.0 = None;
            return Some(Reading::passed(near, "zombies"));
        }
        let since = *self.0.get_or_insert(now);
        (now - since >= PATIENCE).then(|| {
            let (count, minutes) = (processes.zombies, PATIENCE.as_secs() / 60);
            Reading::failed(
                near,
                "zombies",
                format!("{count} processes have ended and no parent collects them, for {minutes} minutes and more"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "(a) S 1 812 812 0 -1 1077936384 9 0 0 0 2 1 0 0 20 0 700 0 511 1800 2 3\n";

    fn root(average: &str, others: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let files = [
            ("/proc/sys/kernel/pid_max", "4194304\n"),
            ("/proc/sys/kernel/threads-max", "1000\n"),
            ("/proc/loadavg", average),
            ("/proc/sys/fs/file-nr", "7100\t100\t10000\n"),
            ("/proc/812/stat", STAT),
        ];
        for (path, content) in files.iter().chain(others) {
            root.write(path, content.as_bytes(), 0o644).unwrap();
        }
        (directory, root)
    }

    fn told(root: &Root) -> Vec<(String, Option<String>)> {
        let readings = judge(&look(root), &Open::default()).into_iter();
        readings
            .map(|reading| (reading.object, reading.failure))
            .collect()
    }

    #[test]
    fn a_machine_that_is_nearly_out_of_ids_or_files_is_told() {
        let (_directory, root) = root("0.20 0.18 0.12 1/710 11206\n", &[]);
        assert_eq!(
            told(&root),
            [
                (
                    "pids".into(),
                    Some("700 of 1000 process ids are used (kernel.threads-max)".into())
                ),
                (
                    "files".into(),
                    Some("7000 of 10000 open files are used (fs.file-max)".into())
                ),
            ]
        );
    }

    #[test]
    fn a_calm_machine_passes_and_one_without_counters_says_nothing() {
        let (_directory, calm) = root(
            "0.20 0.18 0.12 1/439 11206\n",
            &[("/proc/sys/fs/file-nr", "3142\t0\t9223372036854775807\n")],
        );
        assert_eq!(told(&calm), [("pids".into(), None), ("files".into(), None)]);
        assert_eq!(told(&Root::new("/nowhere")), []);
    }

    #[test]
    fn a_container_answers_for_its_own_processes_only() {
        let stat = STAT.replace(" 700 ", " 12 ");
        let (_directory, root) = root(
            "0.20 0.18 0.12 1/990 11206\n",
            &[
                ("/proc/812/stat", &stat),
                ("/run/systemd/container", "systemd-nspawn\n"),
            ],
        );
        assert_eq!(told(&root), [("pids".into(), None)]);
    }

    #[test]
    fn pods_that_use_up_what_the_kubelet_leaves_them_are_told() {
        let (_directory, root) = root(
            "0.20 0.18 0.12 1/439 11206\n",
            &[
                ("/sys/fs/cgroup/kubepods.slice/pids.current", "36\n"),
                ("/sys/fs/cgroup/kubepods.slice/pids.max", "40\n"),
            ],
        );
        let words = "36 of 40 process ids of all pods are used (pids.max of kubepods)";
        assert_eq!(
            told(&root).last(),
            Some(&("pods".into(), Some(words.into())))
        );
        root.write("/sys/fs/cgroup/kubepods.slice/pids.max", b"max\n", 0o644)
            .unwrap();
        assert_eq!(
            told(&root).iter().find(|(object, _)| object == "pods"),
            None
        );
    }

    #[tokio::test(start_paused = true)]
    async fn zombies_are_told_when_nobody_has_collected_them_for_ten_minutes() {
        let mut zombies = Zombies::default();
        let start = Instant::now();
        let mut judge = |minute: u64, zombies_now| {
            let processes = Processes {
                threads: 100,
                zombies: zombies_now,
            };
            let reading = zombies.judge(processes, start + Duration::from_mins(minute));
            reading.map(|reading| reading.failure.is_some())
        };
        assert_eq!(judge(0, 3), Some(false));
        assert_eq!(judge(5, 20), None);
        assert_eq!(judge(10, 25), None);
        assert_eq!(judge(15, 25), Some(true));
        assert_eq!(judge(20, 19), Some(false));
        assert_eq!(judge(25, 20), None);
    }
}
