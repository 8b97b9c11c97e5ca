//! The loop over a source of our own, with the clock paused.

mod day;

use std::collections::{BTreeSet, VecDeque};

use node::journal::Entry;
use node::rule::{self, RuleSet};
use node::wire::SourceState;

use super::*;

/// Entries that come at once, and then none.
struct Given {
    entries: VecDeque<Entry>,
    taken: u64,
    sources: BTreeSet<String>,
}

impl Lines for Given {
    async fn next(&mut self) -> Read {
        match self.entries.pop_front() {
            Some(entry) => {
                self.taken += 1;
                Read {
                    source: "journal",
                    entry,
                }
            }
            None => std::future::pending().await,
        }
    }

    fn reports(&self) -> Vec<LogSource> {
        let mut source = LogSource::new("journal", SourceState::Running);
        source.read = self.taken;
        vec![source]
    }

    fn is_running(&self) -> bool {
        true
    }

    fn read_from(&mut self, sources: &BTreeSet<String>) {
        self.sources = sources.clone();
    }
}

/// An entry of a second before the watch began.
fn entry(cursor: &str, message: &str) -> Entry {
    Entry {
        unit: rule::KUBELET.to_owned(),
        identifier: "kubelet".to_owned(),
        message: message.to_owned(),
        at: now() - jiff::SignedDuration::from_secs(1),
        cursor: cursor.to_owned(),
    }
}

fn place(cursor: &str) -> Places {
    Places::from([("journal".to_owned(), cursor.to_owned())])
}

/// The clock stands still: only `elapsed` time of the runtime moves.
fn now() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

const UNAUTHORIZED: &str = r#"E0102 03:04:05.1 1 a.go:1] "Unable to register node with API server" err="Unauthorized" node="a""#;
const REGISTERED: &str = r#"I0102 03:04:06.1 1 a.go:1] "Successfully registered node" node="a""#;

struct Bench {
    directory: tempfile::TempDir,
    seen: watch::Receiver<Seen>,
    observations: mpsc::Sender<Observation>,
    rules: watch::Sender<Arc<Rules>>,
    identity: watch::Sender<Identity>,
    started: Option<Places>,
}

impl Bench {
    fn ports() -> (Self, Ports) {
        let (observations, observed) = mpsc::channel(8);
        let (identity, known) = watch::channel(Identity::default());
        let (out, seen) = watch::channel(Seen::nothing());
        let (rules, rules_out) = watch::channel(Arc::new(Rules::shipped()));
        let directory = tempfile::tempdir().unwrap();
        let bench = Self {
            directory,
            seen,
            observations,
            rules,
            identity,
            started: None,
        };
        (
            bench,
            Ports {
                observations: observed,
                identity: known,
                rules: rules_out,
                seen: out,
            },
        )
    }

    fn watch(&mut self, ports: Ports, boot: &str, entries: Vec<Entry>) -> Watch<Given> {
        let root = Root::new(self.directory.path());
        Watch::new(&root, boot.to_owned(), ports, now, |places| {
            self.started = Some(places.clone());
            Given {
                entries: entries.into(),
                taken: 0,
                sources: BTreeSet::new(),
            }
        })
    }

    fn codes(&self) -> Vec<String> {
        self.seen
            .borrow()
            .findings
            .iter()
            .map(|finding| finding.code.clone())
            .collect()
    }
}

async fn run(watch: &mut Watch<Given>, time: Duration) {
    drop(tokio::time::timeout(time, watch.run()).await);
}

#[tokio::test(start_paused = true)]
async fn a_line_becomes_a_finding_that_is_shown_and_kept() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", vec![entry("c1", UNAUTHORIZED)]);
    assert_eq!(bench.started, Some(Places::new()));
    run(&mut watch, Duration::from_secs(5)).await;
    assert_eq!(bench.codes(), ["join.unauthorized"]);
    assert_eq!(bench.seen.borrow().sources[0].read, 1);
    let kept = state::load(&Root::new(bench.directory.path()), "boot");
    assert_eq!(kept.places, place("c1"));
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_finding_is_still_there_and_reading_goes_on() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", vec![entry("c1", UNAUTHORIZED)]);
    run(&mut watch, Duration::from_millis(10)).await;
    watch.save();
    drop(watch);
    let (other, ports) = Bench::ports();
    bench.seen = other.seen;
    let mut watch = bench.watch(ports, "boot", vec![entry("c2", REGISTERED)]);
    assert_eq!(bench.started, Some(place("c1")));
    watch.announce();
    assert_eq!(
        bench.codes(),
        ["join.unauthorized"],
        "shown before anything is read"
    );
    run(&mut watch, Duration::from_secs(5)).await;
    assert_eq!(bench.codes(), [""; 0]);
    drop(other.observations);
}

#[tokio::test(start_paused = true)]
async fn the_fix_of_an_open_finding_follows_what_is_known_of_the_node() {
    let of_cluster = |cluster: &str| Identity {
        cluster: cluster.into(),
        ..Identity::default()
    };
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", vec![entry("c1", UNAUTHORIZED)]);
    run(&mut watch, Duration::from_secs(5)).await;
    let fix = |bench: &Bench| bench.seen.borrow().findings[0].fix.clone();
    assert!(fix(&bench).contains("--cluster-name CLUSTER "));
    bench.seen.mark_unchanged();
    bench.identity.send_replace(of_cluster("prod"));
    run(&mut watch, Duration::from_millis(1)).await;
    assert!(fix(&bench).contains("--cluster-name prod "));
    assert!(
        bench.seen.has_changed().unwrap(),
        "whoever has written the finding down hears of it"
    );
    watch.save();
    drop(watch);
    // The next run knows who it is from its start on.
    let (other, ports) = Bench::ports();
    other.identity.send_replace(of_cluster("test"));
    bench.seen = other.seen;
    let watch = bench.watch(ports, "boot", Vec::new());
    watch.announce();
    assert!(fix(&bench).contains("--cluster-name test "));
}

#[tokio::test(start_paused = true)]
async fn another_boot_begins_anew() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", vec![entry("c1", UNAUTHORIZED)]);
    run(&mut watch, Duration::from_secs(5)).await;
    drop(watch);
    let (_other, ports) = Bench::ports();
    let watch = bench.watch(ports, "next boot", Vec::new());
    assert_eq!(bench.started, Some(Places::new()));
    assert!(watch.engine.open().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_wrong_and_is_right_again_in_the_past_is_never_shown() {
    let (mut bench, ports) = Bench::ports();
    let mut entries = Vec::new();
    for index in 0..500 {
        entries.push(entry(&format!("a{index}"), UNAUTHORIZED));
        entries.push(entry(&format!("b{index}"), REGISTERED));
    }
    let mut watch = bench.watch(ports, "boot", entries);
    let mut shown = bench.seen.clone();
    let observer = async {
        loop {
            shown.changed().await.unwrap();
            assert!(shown.borrow().findings.is_empty());
        }
    };
    tokio::select! {
        () = run(&mut watch, Duration::from_secs(10)) => {}
        () = observer => {}
    }
    assert!(bench.seen.borrow().is_caught_up);
    assert_eq!(bench.seen.borrow().sources[0].read, 1000);
}

#[tokio::test(start_paused = true)]
async fn a_line_of_now_is_shown_within_two_seconds() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(
        ports,
        "boot",
        vec![Entry {
            at: now(),
            ..entry("c1", UNAUTHORIZED)
        }],
    );
    run(&mut watch, Duration::from_millis(1900)).await;
    assert_eq!(bench.codes(), ["join.unauthorized"]);
}

#[tokio::test(start_paused = true)]
async fn observations_count_once_the_past_is_read() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", Vec::new());
    let restarted = |restarts| Observation::Unit {
        name: rule::KUBELET.to_owned(),
        installed: true,
        active: "activating".to_owned(),
        sub: "auto-restart".to_owned(),
        restarts,
    };
    // What a unit was while the past was read is not compared with what it is later.
    bench.observations.send(restarted(0)).await.unwrap();
    run(&mut watch, Duration::from_secs(5)).await;
    bench.observations.send(restarted(7)).await.unwrap();
    run(&mut watch, Duration::from_secs(5)).await;
    assert_eq!(bench.codes(), [""; 0]);
    bench.observations.send(restarted(10)).await.unwrap();
    run(&mut watch, Duration::from_secs(5)).await;
    assert_eq!(bench.codes(), ["kubelet.crash_loop"]);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_cannot_be_written_does_not_stop_the_watch() {
    let (mut bench, ports) = Bench::ports();
    let root = Root::new(bench.directory.path());
    root.write("/var/lib", b"a file where a directory should be", 0o644)
        .unwrap();
    let mut watch = bench.watch(ports, "boot", vec![entry("c1", UNAUTHORIZED)]);
    run(&mut watch, Duration::from_secs(5)).await;
    assert_eq!(bench.codes(), ["join.unauthorized"]);
}

#[tokio::test(start_paused = true)]
async fn the_checks_have_run_some_time_after_the_first_that_counts() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", Vec::new());
    let passed = || Observation::Check {
        signal: Signal::SsmReached,
        failure: None,
    };
    bench.observations.send(passed()).await.unwrap();
    run(&mut watch, Duration::from_mins(1)).await;
    assert!(!bench.seen.borrow().has_checked, "none that counts");
    bench.observations.send(passed()).await.unwrap();
    run(&mut watch, Duration::from_secs(14)).await;
    assert!(!bench.seen.borrow().has_checked);
    run(&mut watch, Duration::from_secs(3)).await;
    assert!(bench.seen.borrow().has_checked);
}

#[tokio::test(start_paused = true)]
async fn rules_are_exchanged_while_the_watch_goes_on() {
    let (mut bench, ports) = Bench::ports();
    let mut watch = bench.watch(ports, "boot", vec![entry("c1", UNAUTHORIZED)]);
    run(&mut watch, Duration::from_secs(5)).await;
    assert_eq!(bench.codes(), ["join.unauthorized"]);
    let rules = |disabled: &[&str], problem: &str| {
        let disabled = disabled.iter().map(|code| (*code).to_owned()).collect();
        Arc::new(Rules {
            set: Arc::new(RuleSet::new(&[], &disabled)),
            units: ["sensor.service".to_owned()].into(),
            problems: vec![problem.to_owned()],
        })
    };
    bench.rules.send_replace(rules(&[], "a"));
    run(&mut watch, Duration::from_secs(1)).await;
    assert_eq!(
        bench.codes(),
        ["join.unauthorized"],
        "its rule is still there"
    );
    assert_eq!(bench.seen.borrow().rules.problems, ["a"]);
    assert!(watch.lines.sources.contains("sensor.service"));
    bench.rules.send_replace(rules(&["join.unauthorized"], "b"));
    run(&mut watch, Duration::from_secs(1)).await;
    assert_eq!(bench.codes(), [""; 0]);
    let kept = state::load(&Root::new(bench.directory.path()), "boot");
    assert_eq!(kept.snapshot, watch.engine.snapshot());
}
