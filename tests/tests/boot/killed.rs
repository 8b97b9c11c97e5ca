//! `kill -9` of the config phase at any moment leaves each file absent or whole, and the next run finishes the work.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::time::Instant;

use super::machine::{Machine, cases, fill_in};

const RUNS: u32 = 60;
/// Beside its place while it is written; never read by anyone, replaced by the next run.
const TEMPORARY: &str = ".nodeagent-";
/// Its content says what a run meant to do, so it differs on the way.
const LEDGER: &str = "var/lib/nodeagent/ledger.json";

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

    let seed = u64::from(std::process::id());
    let mut random = Random(seed);
    let (mut killed, mut halfway) = (0, 0);
    let machine = Machine::new(Some(user_data().as_bytes())).await;
    for run in 0..RUNS {
        for path in expected.keys() {
            drop(fs::remove_file(machine.path(path)));
        }
        let mut child = machine
            .config_phase()
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Any moment of the run, and every other time one while files are written.
        let mut delay = random.below(duration);
        if run % 2 == 1 {
            wait_for(&machine, LEDGER).await;
            delay /= 4;
        }
        tokio::time::sleep(Duration::from_micros(delay)).await;
        child.kill().unwrap();
        let status = tokio::task::spawn_blocking(move || child.wait().unwrap())
            .await
            .unwrap();
        killed += u32::from(!status.success());
        let files = without_temporaries(machine.files());
        for (path, content) in &files {
            let is_whole = path == LEDGER || expected.get(path) == Some(content);
            assert!(
                is_whole,
                "run {run}, seed {seed}: `{path}` has {} bytes that no whole run wrote",
                content.len()
            );
        }
        halfway += u32::from(!files.is_empty() && files.len() < expected.len());
    }
    println!("{RUNS} runs: {killed} killed, {halfway} of them between the first and the last file");
    assert!(
        killed >= RUNS / 2,
        "only {killed} of {RUNS} runs were killed before their end"
    );
    assert!(halfway > 0, "no run was killed while files were written");

    let output = machine.run(machine.config_phase()).await;
    assert!(output.status.success());
    assert_eq!(
        machine.files().keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>()
    );
    assert!(
        machine.files() == expected,
        "the run after the last kill wrote other bytes"
    );
}

/// Until the file is there, or the run has had more than enough time to make it.
async fn wait_for(machine: &Machine, path: &str) {
    let end = Instant::now() + Duration::from_secs(5);
    while !machine.path(path).exists() && Instant::now() < end {
        tokio::time::sleep(Duration::from_micros(100)).await;
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
