//! `kill -9` of the config phase at each of its steps, and at any other moment: each file is absent or whole, and the next
//! run makes of it what an undisturbed run makes, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::LEDGER;
use super::machine::{Machine, cases, fill_in};

/// How many runs must be killed before their end.
const KILLED_RUNS: u32 = 60;
/// More runs than any machine needs for so many.
const MOST_RUNS: u32 = 10 * KILLED_RUNS;
/// System calls that change a file, in the words of strace.
const STEPS: [&str; 7] = [
    "/^mkdir", "/^unlink", "fchmod", "write", "fsync", "syncfs", "/^rename",
];
/// More calls of one kind than a config phase makes.
const MOST_CALLS: u32 = 500;
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

/// When a run is killed.
enum Moment {
    After(Duration),
    /// As soon as a file is there, and a little later.
    File(std::path::PathBuf, Duration),
}

impl Moment {
    /// Kills the run; whether it came before the end. Polls without a pause, since what is waited for takes microseconds,
    /// and on a thread of its own, since the metadata service runs meanwhile.
    async fn kill(self, mut child: Child) -> bool {
        let work = move || {
            let start = Instant::now();
            let end = start + Duration::from_secs(5);
            let after = match self {
                Self::After(delay) => start + delay,
                Self::File(path, delay) => {
                    while !path.exists() && Instant::now() < end {
                        std::hint::spin_loop();
                    }
                    Instant::now() + delay
                }
            };
            while Instant::now() < after {
                std::hint::spin_loop();
            }
            child.kill().unwrap();
            !child.wait().unwrap().success()
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }
}

/// What the config phase makes of a machine when nobody disturbs it.
async fn undisturbed(machine: &Machine) -> BTreeMap<String, Vec<u8>> {
    let output = machine.run(machine.config_phase()).await;
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    machine.files()
}

/// What a killed run has left: nothing but whole files and, beside them, what the next run replaces.
fn left_whole(
    machine: &Machine,
    expected: &BTreeMap<String, Vec<u8>>,
    which: &str,
) -> BTreeSet<String> {
    let files = machine.files();
    for (path, content) in &files {
        let is_whole =
            path.contains(TEMPORARY) || path == LEDGER || expected.get(path) == Some(content);
        let length = content.len();
        assert!(
            is_whole,
            "{which}: `{path}` has {length} bytes that no whole run wrote"
        );
    }
    files.into_keys().collect()
}

/// The config phase under strace, which kills it when it begins this call for the `count`th time.
fn killed_at(machine: &Machine, call: &str, count: u32) -> Command {
    let phase = machine.config_phase();
    let mut command = Command::new("strace");
    command
        .env_clear()
        .envs(
            phase
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("inject={call}:signal=KILL:when={count}"))
        .arg(phase.get_program())
        .args(phase.get_args())
        .stdin(Stdio::null());
    command
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_step_is_finished_by_the_next() {
    let can_trace = Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .output();
    if !can_trace.is_ok_and(|output| output.status.success()) {
        println!("skipped: strace is not installed, or may not trace here");
        return;
    }
    let machine = Machine::new(Some(user_data().as_bytes())).await;
    let expected = undisturbed(&machine).await;
    let mut states: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    for call in STEPS {
        let mut killed = 0;
        loop {
            machine.reset();
            let output = machine.run(killed_at(&machine, call, killed + 1)).await;
            if output.status.success() {
                break;
            }
            killed += 1;
            assert!(killed < MOST_CALLS, "{call} without an end");
            let which = format!("killed at {call} {killed}");
            states.insert(left_whole(&machine, &expected, &which));
            undisturbed(&machine).await;
            assert_same(&machine.files(), &expected, &which);
        }
        println!("{call}: killed at each of {killed} calls");
    }
    // Between any two files there was a kill, and before the first.
    let counts: BTreeSet<usize> = states
        .iter()
        .map(|state| {
            state
                .iter()
                .filter(|path| !path.contains(TEMPORARY))
                .count()
        })
        .collect();
    assert!(
        (0..expected.len()).all(|count| counts.contains(&count)),
        "{counts:?}"
    );
    println!(
        "{} different states, from each of which the next run made the same bytes",
        states.len()
    );
}

#[tokio::test]
async fn a_run_that_is_killed_at_any_moment_is_finished_by_the_next() {
    let machine = Machine::new(Some(user_data().as_bytes())).await;
    let start = Instant::now();
    let expected = undisturbed(&machine).await;
    let duration = u64::try_from(start.elapsed().as_micros()).unwrap();
    let paths: Vec<&String> = expected.keys().collect();
    let count = u64::try_from(paths.len()).unwrap();

    let seed = u64::from(std::process::id());
    let mut random = Random(seed);
    let (mut runs, mut killed) = (0, 0);
    let mut states: BTreeSet<BTreeSet<String>> = BTreeSet::new();
    while killed < KILLED_RUNS {
        runs += 1;
        assert!(
            runs <= MOST_RUNS,
            "{killed} of {runs} runs were killed before their end, seed {seed}"
        );
        machine.reset();
        let child = machine
            .config_phase()
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Any moment of the run, or one while files are written.
        let moment = if runs % 2 == 0 {
            Moment::After(Duration::from_micros(random.below(duration)))
        } else {
            let path = paths[usize::try_from(random.below(count)).unwrap()];
            let delay = Duration::from_micros(random.below(100));
            Moment::File(machine.path(path), delay)
        };
        // A run that ended before its kill shows nothing, so it does not count.
        if !moment.kill(child).await {
            continue;
        }
        killed += 1;
        let which = format!("run {runs}, seed {seed}");
        if !states.insert(left_whole(&machine, &expected, &which)) {
            continue;
        }
        undisturbed(&machine).await;
        assert_same(&machine.files(), &expected, &which);
    }
    println!(
        "{runs} runs, {killed} of them killed, in {} different states",
        states.len()
    );
}

fn assert_same(
    files: &BTreeMap<String, Vec<u8>>,
    expected: &BTreeMap<String, Vec<u8>>,
    which: &str,
) {
    assert_eq!(
        files.keys().collect::<Vec<_>>(),
        expected.keys().collect::<Vec<_>>(),
        "{which}"
    );
    let show = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    for (path, content) in files {
        assert_eq!(
            show(content),
            show(&expected[path]),
            "{which}: the run after the kill wrote other bytes to `{path}`"
        );
    }
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
