//! `kill -9` of the config phase at any moment leaves each file absent or whole, and the next run finishes the work.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use super::LEDGER;
use super::machine::{Machine, cases, fill_in};

/// How many runs must be killed before their end.
const KILLED_RUNS: u32 = 60;
/// Beside its place while it is written; never read by anyone, replaced by the next run.
const TEMPORARY: &str = ".nodeagent-";

fn user_data() -> String {
    fill_in(&fs::read_to_string(cases().join("producers/eks-managed/user-data")).unwrap())
}

/// A small generator, so that a failure can be repeated from the seed that it prints.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        // Constants of the 64-bit generator MMIX.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[tokio::test]
async fn a_run_that_is_killed_leaves_no_partial_file() {
    let whole = Machine::new(Some(user_data().as_bytes())).await;
    let start = Instant::now();
    let output = whole.run(whole.config_phase()).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let duration = u64::try_from(start.elapsed().as_micros()).unwrap();
    let expected = whole.files();
    let count = u64::try_from(expected.len()).unwrap();

    let seed = u64::from(std::process::id());
    let mut random = Random(seed);
    let (mut runs, mut killed, mut halfway) = (0, 0, 0);
    let machine = Machine::new(Some(user_data().as_bytes())).await;
    // A run that ended before its kill shows nothing, so it does not count.
    while killed < KILLED_RUNS {
        runs += 1;
        assert!(
            runs <= 10 * KILLED_RUNS,
            "{killed} of {runs} runs were killed before their end"
        );
        for path in expected.keys() {
            drop(fs::remove_file(machine.path(path)));
        }
        let mut child = machine
            .config_phase()
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Any moment of the run, and every other time one while files are written.
        if runs % 2 == 0 {
            let delay = Duration::from_micros(random.below(duration));
            let start = Instant::now();
            until(|| start.elapsed() >= delay).await;
        } else {
            let files = random.below(count);
            let exist = || {
                expected
                    .keys()
                    .filter(|path| machine.path(path).exists())
                    .count()
            };
            until(|| u64::try_from(exist()).unwrap() > files).await;
        }
        child.kill().unwrap();
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
            .await
            .unwrap();
        let files = without_temporaries(machine.files());
        for (path, content) in &files {
            let is_whole = path == LEDGER || expected.get(path) == Some(content);
            assert!(
                is_whole,
                "run {runs}, seed {seed}: `{path}` has {} bytes that no whole run wrote",
                content.len()
            );
        }
        killed += u32::from(!status.success());
        halfway += u32::from(!files.is_empty() && files.len() < expected.len());
    }
    println!("{runs} runs: {killed} killed, {halfway} of them between the first and the last file");
    assert!(halfway > 0, "no run was killed while files were written");

    let output = machine.run(machine.config_phase()).await;
    assert!(output.status.success());
    assert_eq!(
        machine.files().keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    for (path, content) in machine.files() {
        // The ledger also says which directories its run made, and here runs before it have made them.
        if path == LEDGER {
            continue;
        }
        let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            show(&content),
            show(&expected[&path]),
            "the run after the last kill wrote other bytes to `{path}`"
        );
    }
}

/// Polls as fast as it can, since a timer is too coarse for a run of milliseconds; the metadata service runs in between.
async fn until(is_reached: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(5);
    while !is_reached() && Instant::now() < end {
        tokio::task::yield_now().await;
    }
}

fn without_temporaries(mut files: BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Vec<u8>> {
    files.retain(|path, _| !path.contains(TEMPORARY));
    files
}

#[tokio::test]
async fn a_second_run_touches_nothing() {
    let machine = Machine::new(Some(user_data().as_bytes())).await;
    machine.run(machine.config_phase()).await;
    let stamps = || {
        let files = machine.files();
        let stamp = |path: &String| {
            fs::metadata(machine.path(path))
                .map(|metadata| (metadata.ino(), metadata.mtime_nsec()))
                .unwrap()
        };
        files
            .keys()
            .filter(|path| *path != LEDGER)
            .map(|path| (path.clone(), stamp(path)))
            .collect::<Vec<_>>()
    };
    let before = stamps();
    assert!(before.len() > 5);
    let output = machine.run(machine.config_phase()).await;
    assert!(output.status.success());
    assert_eq!(stamps(), before);
}
