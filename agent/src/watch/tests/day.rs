//! A day of a healthy node: what a node of the lab wrote in its first minutes while pods came and went, and then the same
//! minutes every quarter of an hour, with the clock paused. Nothing of it is worth a warning.

use std::cell::OnceCell;

use jiff::SignedDuration;

use node::journal as entries;
use node::wire::Severity;

use super::*;

/// Entries as `journalctl --output=json` gave them.
const RECORDED: &str = include_str!("../../../../tests/cases/healthy/journal.jsonl");
/// The node has started by then; what follows is everyday life.
const STARTED: SignedDuration = SignedDuration::from_secs(60);
/// The everyday minutes come again after so long.
const AGAIN: SignedDuration = SignedDuration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);
/// How often the state of a unit is told, as by [`units::poll`].
const POLL: Duration = Duration::from_secs(10);

thread_local! {
    /// When the day began, by the clock of the runtime.
    static BEGAN: OnceCell<Instant> = const { OnceCell::new() };
}

/// The time of day on the node, which goes with the paused clock.
fn time_of_day() -> Timestamp {
    let began = BEGAN.with(|began| *began.get_or_init(Instant::now));
    first() + SignedDuration::try_from(began.elapsed()).unwrap()
}

fn recorded() -> Vec<Entry> {
    let lines = RECORDED.lines().map(str::as_bytes);
    lines.map(|line| entries::entry(line).unwrap()).collect()
}

/// When the node wrote its first line.
fn first() -> Timestamp {
    let line = RECORDED.lines().next().unwrap();
    entries::entry(line.as_bytes()).unwrap().at
}

/// The recorded entries at their times, and from the end on the everyday ones again and again.
struct Life {
    entries: Vec<Entry>,
    next: usize,
    /// How much later than recorded the next entry is written.
    later: SignedDuration,
    taken: u64,
    /// An entry that is written at its time, whatever else is.
    extra: Option<Entry>,
}

impl Life {
    fn new(extra: Option<Entry>) -> Self {
        Self {
            entries: recorded(),
            next: 0,
            later: SignedDuration::ZERO,
            taken: 0,
            extra,
        }
    }

    fn upcoming(&self) -> Entry {
        let mut entry = self.entries[self.next].clone();
        entry.at += self.later;
        match &self.extra {
            Some(extra) if extra.at <= entry.at => extra.clone(),
            _ => entry,
        }
    }

    fn step(&mut self, taken: &Entry) {
        self.taken += 1;
        if self.extra.as_ref() == Some(taken) {
            self.extra = None;
            return;
        }
        self.next += 1;
        if self.next == self.entries.len() {
            let begin = first() + STARTED;
            self.next = self.entries.partition_point(|entry| entry.at < begin);
            self.later += AGAIN;
        }
    }
}

impl Lines for Life {
    async fn next(&mut self) -> Read {
        let entry = self.upcoming();
        let wait = entry.at.duration_since(time_of_day());
        tokio::time::sleep(Duration::try_from(wait).unwrap_or_default()).await;
        self.step(&entry);
        Read {
            source: "journal",
            entry,
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

    fn read_from(&mut self, _: &BTreeSet<String>) {}
}

/// Codes of what was open at any time and is worth a warning, and how many lines were read.
async fn live(time: Duration, extra: Option<Entry>) -> (Vec<String>, u64) {
    let (bench, ports) = Bench::ports();
    let root = Root::new(bench.directory.path());
    time_of_day();
    let mut watch = Watch::new(&root, "boot".to_owned(), ports, time_of_day, |_| {
        Life::new(extra)
    });
    let mut seen = bench.seen.clone();
    let mut codes: Vec<String> = Vec::new();
    let noting = async {
        while seen.changed().await.is_ok() {
            let now = seen.borrow_and_update();
            let findings = now.findings.iter();
            for finding in findings.filter(|finding| finding.severity != Severity::Info) {
                if !codes.contains(&finding.code) {
                    codes.push(finding.code.clone());
                }
            }
        }
    };
    let polling = async {
        let mut ticks = interval(POLL);
        loop {
            ticks.tick().await;
            for name in [rule::KUBELET, rule::CONTAINERD] {
                let unit = Observation::Unit {
                    name: name.to_owned(),
                    installed: true,
                    active: "active".to_owned(),
                    sub: "running".to_owned(),
                    restarts: 0,
                };
                bench.observations.send(unit).await.unwrap();
            }
        }
    };
    let living = async { tokio::join!(watch.run(), polling, noting) };
    drop(tokio::time::timeout(time, living).await);
    let lines = bench.seen.borrow().sources[0].read;
    (codes, lines)
}

#[tokio::test(start_paused = true)]
async fn a_day_of_a_healthy_node_is_worth_no_warning() {
    let (codes, lines) = live(DAY, None).await;
    assert_eq!(codes, [""; 0]);
    assert!(lines > 100_000, "{lines} lines");
}

#[tokio::test(start_paused = true)]
async fn a_fault_is_seen_among_them() {
    let fault = Entry {
        at: first() + SignedDuration::from_hours(1),
        ..entry("fault", UNAUTHORIZED)
    };
    let (codes, _) = live(Duration::from_hours(2), Some(fault)).await;
    assert_eq!(codes, ["join.unauthorized"]);
}
