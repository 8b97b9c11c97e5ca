//! A shell script is `journalctl`, and files stand for the rest.

use std::fs::{self, OpenOptions};
use std::io::Write as _;

use tokio::time::timeout;

use super::*;
use crate::host::journal::tests::{line, script};

/// The script's lines are of this moment.
const WRITTEN: &str = "2026-01-02T03:04:05Z";

/// An hour after the start of the kernel, and a minute after the script's lines.
fn clock() -> (Timestamp, Duration) {
    (
        "2026-01-02T03:05:05Z".parse().unwrap(),
        Duration::from_hours(1),
    )
}

struct Bench {
    directory: tempfile::TempDir,
    root: Root,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path().join("root"));
        Self { directory, root }
    }

    fn append(&self, path: &str, text: &str) {
        let path = self.root.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = OpenOptions::new().create(true).append(true).open(path);
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn sources(&self, body: &str, places: &Places) -> Sources {
        let program = script(self.directory.path(), body);
        let units = node::rule::sources()
            .into_iter()
            .map(str::to_owned)
            .collect();
        Sources::with_program(program, &self.root, places, &units, clock)
    }
}

async fn next(sources: &mut Sources) -> Read {
    timeout(Duration::from_secs(20), sources.next())
        .await
        .expect("a line in time")
}

async fn messages(sources: &mut Sources, count: usize) -> Vec<String> {
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(next(sources).await.entry.message);
    }
    messages
}

const IPAMD_LOG: &str = "/var/log/aws-routed-eni/ipamd.log";

fn zap(time: &str, message: &str) -> String {
    format!("{{\"level\":\"error\",\"ts\":\"{time}\",\"msg\":\"{message}\"}}\n")
}

#[tokio::test]
async fn the_past_of_all_sources_comes_in_the_order_of_its_times() {
    let bench = Bench::new();
    // 3480 s after the kernel's start is two minutes, 3539 s a moment before the script's lines.
    bench.append(
        "/dev/kmsg",
        "3,0,3480000000,-;kernel 1\n3,1,3539999999,-;kernel 2\n3,2,3541000000,-;kernel 3\n",
    );
    bench.append(IPAMD_LOG, &zap("2026-01-02T03:04:00Z", "i 1"));
    bench.append(IPAMD_LOG, &zap("2026-01-02T03:05:00Z", "i 2"));
    let body = format!("echo '{}'\nexec sleep 60", line("c1", "journal"));
    let mut sources = bench.sources(&body, &Places::new());
    let mut read = Vec::new();
    for _ in 0..6 {
        read.push(next(&mut sources).await);
    }
    let order: Vec<&str> = read.iter().map(|read| read.source).collect();
    assert_eq!(
        order,
        [KERNEL, IPAMD, KERNEL, JOURNAL, KERNEL, IPAMD],
        "{read:?}"
    );
    assert_eq!(read[3].entry.at, WRITTEN.parse().unwrap());
    let reports = sources.reports();
    let counts: Vec<(&str, u64, SourceState)> = reports
        .iter()
        .map(|source| (source.name.as_str(), source.read, source.state))
        .collect();
    assert_eq!(
        counts,
        [
            (JOURNAL, 1, SourceState::Running),
            (KERNEL, 3, SourceState::Running),
            (IPAMD, 2, SourceState::Running),
            (NETWORK_POLICY_AGENT, 0, SourceState::Absent),
            (KUBE_PROXY, 0, SourceState::Absent),
        ]
    );
    assert_eq!(reports[0].lag_milliseconds, 60_000);
    assert!(sources.is_running());
}

#[tokio::test]
async fn each_source_goes_on_at_its_place() {
    let bench = Bench::new();
    bench.append("/dev/kmsg", "3,0,1,-;k 0\n3,1,2,-;k 1\n");
    bench.append(IPAMD_LOG, &zap(WRITTEN, "i 0"));
    let body = |lines: &str| format!("{lines}\nexec sleep 60");
    let echo = |cursor: &str| format!("echo '{}'", line(cursor, cursor));
    let mut sources = bench.sources(&body(&echo("j 0")), &Places::new());
    let mut places = Places::new();
    for _ in 0..4 {
        let read = next(&mut sources).await;
        places.insert(read.source.to_owned(), read.entry.cursor);
    }
    assert_eq!(places[JOURNAL], "j 0");
    assert_eq!(places[KERNEL], "1");
    drop(sources);
    bench.append("/dev/kmsg", "3,4,3,-;k 4\n");
    bench.append(IPAMD_LOG, "i 1\n");
    let lines = [echo("j 0"), echo("j 1")].join("\n");
    let mut sources = bench.sources(&body(&lines), &places);
    let mut read = messages(&mut sources, 3).await;
    read.sort();
    assert_eq!(read, ["i 1", "j 1", "k 4"]);
    let kernel = &sources.reports()[1];
    assert_eq!(kernel.lost["overrun"], 2);
}

#[tokio::test]
async fn the_kernel_is_read_in_one_place_only() {
    let bench = Bench::new();
    let body = format!(
        "echo \"$@\" >> calls\necho '{}'\nexec sleep 60",
        line("c1", "x")
    );
    let calls = |bench: &Bench| fs::read_to_string(bench.directory.path().join("calls")).unwrap();
    let mut sources = bench.sources(&body, &Places::new());
    next(&mut sources).await;
    assert!(calls(&bench).contains("_TRANSPORT=kernel"));
    assert!(sources.reports().iter().all(|source| source.name != KERNEL));
    drop(sources);
    fs::remove_file(bench.directory.path().join("calls")).unwrap();
    bench.append("/dev/kmsg", "");
    let mut sources = bench.sources(&body, &Places::new());
    next(&mut sources).await;
    let calls = calls(&bench);
    assert!(!calls.contains("_TRANSPORT=kernel"), "{calls}");
    assert!(
        calls.contains("MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef"),
        "{calls}"
    );
}

#[tokio::test]
async fn a_flood_of_one_source_keeps_no_other_waiting() {
    let bench = Bench::new();
    let flood: Vec<String> = (0..5000)
        .map(|number| format!("3,{number},1,-;flood\n"))
        .collect();
    bench.append("/dev/kmsg", &flood.concat());
    let body = format!("while :; do echo '{}'; done", line("c1", "journal"));
    let mut sources = bench.sources(&body, &Places::new());
    // The past is over.
    sources.past_until = None;
    bench.append(IPAMD_LOG, &zap(WRITTEN, "needle"));
    let mut lines = 0;
    while next(&mut sources).await.source != IPAMD {
        lines += 1;
        assert!(lines < 1000, "the flood came first");
    }
}

#[tokio::test]
async fn without_a_journal_the_others_are_read_and_it_is_said() {
    let bench = Bench::new();
    bench.append("/dev/kmsg", "3,0,1,-;k 0\n");
    let mut sources = bench.sources("exit 1", &Places::new());
    assert_eq!(messages(&mut sources, 1).await, ["k 0"]);
    assert!(!sources.is_running());
    assert_eq!(sources.reports()[0].state, SourceState::Failed);
}

#[test]
fn the_page_of_sources_has_every_source_and_every_loss() {
    let page = include_str!("../../../../docs/reference/log-sources.md");
    let sources = FILES.map(|(name, _)| name).into_iter();
    let losses = Loss::ALL.map(Loss::as_str).into_iter();
    for word in sources.chain(losses).chain([JOURNAL, KERNEL]) {
        assert!(page.contains(&format!("\n| `{word}` |")), "{word}");
    }
}
