//! The schedule over a machine of files and a metadata service of its own, with the clock paused where nobody is asked.

use node::finding;
use node::rule::Engine;
use tempfile::TempDir;

use super::*;
use crate::host::path;
use crate::probe::{auto_scaling, maintenance, spot};

const MOUNTS: &str = "22 1 259:1 / / rw,noatime shared:1 - xfs /dev/nvme0n1p1 rw,attr2,inode64\n";

/// Files of a machine on which nothing is wrong.
const HEALTHY: &[(&str, &str)] = &[
    ("/proc/1/mountinfo", MOUNTS),
    ("/proc/loadavg", "0.20 0.18 0.12 1/439 11206\n"),
    ("/proc/sys/kernel/pid_max", "4194304\n"),
    ("/proc/sys/kernel/threads-max", "125543\n"),
    ("/proc/sys/fs/file-nr", "3142\t0\t9223372036854775807\n"),
    ("/proc/sys/net/ipv4/ip_forward", "1\n"),
    ("/proc/sys/net/netfilter/nf_conntrack_count", "312\n"),
    ("/proc/sys/net/netfilter/nf_conntrack_max", "131072\n"),
    (
        "/proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    ("/sys/class/net/lo/flags", "0x9\n"),
    ("/sys/class/net/lo/operstate", "unknown\n"),
];

struct Bench {
    _directory: TempDir,
    root: Root,
    environment: Environment,
    boot: watch::Sender<Boot>,
    seen: watch::Sender<Seen>,
    rounds: Rounds,
}

impl Bench {
    fn new(files: &[&[(&str, &str)]]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        for (path, content) in files.iter().copied().flatten() {
            root.write(path, content.as_bytes(), 0o644).unwrap();
        }
        let seen = Seen {
            is_caught_up: true,
            ..Seen::nothing()
        };
        Self {
            _directory: directory,
            root,
            // Nobody is there: it refuses at once.
            environment: Environment {
                imds_endpoint: Some("http://127.0.0.1:9".to_owned()),
                ..Environment::default()
            },
            boot: watch::Sender::default(),
            seen: watch::Sender::new(seen),
            rounds: Rounds::default(),
        }
    }

    /// What is told within this time, but for the space on the disk that this test runs on.
    async fn told(&self, time: Duration) -> Vec<Observation> {
        let (observations, mut received) = mpsc::channel(8);
        let schedule = Schedule {
            root: self.root.clone(),
            environment: self.environment.clone(),
            boot: self.boot.subscribe(),
            seen: self.seen.subscribe(),
            rounds: self.rounds.clone(),
            observations,
        };
        let mut told = Vec::new();
        let listening = async {
            while let Some(observation) = received.recv().await {
                if !SPACE.iter().any(|finding| is_of(&observation, finding)) {
                    told.push(observation);
                }
            }
        };
        let both = async { tokio::join!(schedule.run(), listening) };
        drop(timeout(time, both).await);
        told
    }
}

const SPACE: [&finding::Finding; 2] = [
    &finding::STORAGE_DISK_FULL,
    &finding::STORAGE_INODES_EXHAUSTED,
];

fn is_of(observation: &Observation, finding: &finding::Finding) -> bool {
    matches!(observation, Observation::Probe { code, .. } if *code == finding.code)
}

fn is_failure(observation: &Observation) -> bool {
    !matches!(observation, Observation::Probe { failure: None, .. })
}

fn count(told: &[Observation], finding: &finding::Finding) -> usize {
    told.iter().filter(|told| is_of(told, finding)).count()
}

#[tokio::test(start_paused = true)]
async fn a_healthy_node_passes_again_and_again() {
    let bench = Bench::new(&[HEALTHY]);
    let told = bench.told(Duration::from_mins(10)).await;
    assert_eq!(told.iter().find(|told| is_failure(told)), None, "a failure");
    for (finding, least) in [
        (&finding::STORAGE_READ_ONLY, 2 * 19),
        (&finding::NETWORK_CONNTRACK_FULL, 19),
        (&finding::NETWORK_INTERFACE_DOWN, 9),
        (&finding::KERNEL_PRESSURE, 19),
        (&finding::KERNEL_LIMITS_NEAR, 2 * 9 + 2),
    ] {
        let count = count(&told, finding);
        assert!(count >= least, "{}: {count}", finding.code);
    }
    // It has not registered, and the metadata service does not answer.
    assert_eq!(count(&told, &finding::NETWORK_IP_FORWARD_OFF), 0);
    assert_eq!(count(&told, &finding::AWS_SPOT_INTERRUPTION), 0);
    assert_eq!(count(&told, &finding::AWS_MAINTENANCE), 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_looked_at_before_the_past_is_read() {
    let bench = Bench::new(&[HEALTHY]);
    bench.seen.send_modify(|seen| seen.is_caught_up = false);
    assert_eq!(bench.told(Duration::from_mins(10)).await, []);
}

#[tokio::test(start_paused = true)]
async fn a_node_in_trouble_is_found_out_within_two_minutes_and_a_half() {
    let bench = Bench::new(&[
        HEALTHY,
        &[
            (
                "/proc/1/mountinfo",
                &MOUNTS.replace("nvme0n1p1 rw", "nvme0n1p1 ro"),
            ),
            ("/proc/loadavg", "0.20 0.18 0.12 1/100000 11206\n"),
            (
                "/proc/812/stat",
                "812 (a) S 1 812 812 0 -1 1077936384 9 0 0 0 2 1 0 0 20 0 99000 0 511 1800 2 3\n",
            ),
            ("/proc/sys/net/netfilter/nf_conntrack_count", "131000\n"),
            (
                "/proc/pressure/memory",
                "full avg10=0.00 avg60=31.20 avg300=0.00 total=0\n",
            ),
            ("/sys/class/net/lo/flags", "0x8\n"),
            ("/proc/sys/net/ipv4/ip_forward", "0\n"),
            ("/run/netns/cni-0a1b2c3d-0000-1111-2222-333344445555", ""),
            // Nobody is there either, nor at the socket of containerd.
            (path::KUBELET_CONFIG, "{\"healthzPort\": 9}"),
        ],
    ]);
    let verdict = serde_json::json!({
        "apiVersion": "nodectl.dev/v1alpha1", "kind": "Verdict", "agentVersion": "0.1.0",
        "at": "2026-01-02T03:04:05Z", "provisional": false, "outcome": "registered", "phase": "join", "identity": {},
    });
    bench.boot.send_replace(Boot {
        verdict: Some(serde_json::from_value(verdict).unwrap()),
        ..Boot::default()
    });
    let mut engine = Engine::new();
    let mut now: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    for observation in bench.told(Duration::from_secs(150)).await {
        now += jiff::SignedDuration::from_secs(1);
        engine.observe(&observation, now);
    }
    let mut open: Vec<(String, String)> = engine
        .open()
        .into_iter()
        .map(|finding| (finding.code, finding.object))
        .collect();
    open.sort();
    let expected = [
        ("kernel.limits_near", "pids"),
        ("kernel.pressure", "memory"),
        ("kubelet.not_healthy", ""),
        ("network.conntrack_full", ""),
        ("network.interface_down", "lo"),
        ("network.ip_forward_off", ""),
        ("runtime.socket_missing", ""),
        ("storage.read_only", "/"),
    ];
    let expected = expected.map(|(code, object)| (code.to_owned(), object.to_owned()));
    assert_eq!(open, expected);
}

/// A metadata service with these documents.
async fn metadata(
    documents: &'static [(&'static str, &'static str)],
) -> (String, tokio::task::JoinHandle<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let token = axum::routing::put(|| async { "token" });
    let mut service = axum::Router::new().route("/latest/api/token", token);
    for (path, text) in documents {
        let answer = axum::routing::get(move || async move { *text });
        service = service.route(&format!("/latest/meta-data/{path}"), answer);
    }
    let served = tokio::spawn(async move { drop(axum::serve(listener, service).await) });
    (endpoint, served)
}

async fn announced(
    documents: &'static [(&'static str, &'static str)],
) -> Vec<(&'static str, bool)> {
    let (endpoint, served) = metadata(documents).await;
    let imds = Imds::new(Some(&endpoint), Duration::from_secs(5));
    let mut readings: Vec<Reading> = spot::interruption(&imds).await.into_iter().collect();
    readings.extend(spot::rebalance(&imds).await);
    readings.extend(auto_scaling::look(&imds).await);
    readings.extend(maintenance::look(&imds, &Open::default()).await);
    served.abort();
    readings
        .iter()
        .map(|reading| (reading.finding.code, reading.failure.is_some()))
        .collect()
}

#[tokio::test]
async fn what_ec2_announces_is_told_and_its_silence_passes() {
    let all = announced(&[
        (
            "spot/instance-action",
            r#"{"action":"terminate","time":"2026-01-02T03:04:05Z"}"#,
        ),
        (
            "events/recommendations/rebalance",
            r#"{"noticeTime":"2026-01-02T03:04:05Z"}"#,
        ),
        ("autoscaling/target-lifecycle-state", "Terminated"),
        (
            "events/maintenance/scheduled",
            r#"[{"Code":"instance-retirement","EventId":"instance-event-1","State":"active"}]"#,
        ),
    ]);
    assert_eq!(
        all.await,
        [
            ("aws.spot_interruption", true),
            ("aws.rebalance", true),
            ("aws.asg_terminating", true),
            ("aws.maintenance", true),
        ]
    );
    assert_eq!(
        announced(&[("instance-id", "i-1")]).await,
        [
            ("aws.spot_interruption", false),
            ("aws.rebalance", false),
            ("aws.asg_terminating", false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn every_probe_comes_to_its_end_again_and_again() {
    let bench = Bench::new(&[HEALTHY]);
    bench.told(Duration::from_mins(30)).await;
    let rounds = bench.rounds.all();
    let mut names: Vec<&str> = table::ALL.iter().map(|probe| probe.name).collect();
    names.sort_unstable();
    let known: Vec<&str> = rounds.iter().map(|round| round.name).collect();
    assert_eq!(known, names);
    let stale = rounds
        .iter()
        .filter_map(|round| round.stale(Instant::now()));
    assert_eq!(stale.collect::<Vec<_>>(), [""; 0]);
}

/// So many seconds after the first one a probe looks, within five minutes, when all of its looks but the first fail or when
/// this is open.
async fn looks(fails: bool, open: Option<&'static finding::Finding>) -> Vec<u64> {
    static PROBE: Probe = Probe {
        name: "example",
        period: Duration::from_mins(2),
        again: Duration::from_secs(10),
        looks_at: "",
        findings: &[&finding::NETWORK_API_TIMEOUT],
        hints: &[&finding::KUBELET_HEARTBEAT_FAILED],
    };
    let bench = Bench::new(&[]);
    if let Some(finding) = open {
        let mut engine = Engine::new();
        let failure = Some("no".to_owned());
        for second in 0..3 {
            let at = jiff::Timestamp::from_second(second).unwrap();
            let observation = Observation::Probe {
                code: finding.code,
                object: String::new(),
                failure: failure.clone(),
            };
            engine.observe(&observation, at);
        }
        bench.seen.send_modify(|seen| seen.findings = engine.open());
    }
    let (observations, _received) = mpsc::channel(64);
    let schedule = Schedule {
        root: bench.root.clone(),
        environment: bench.environment.clone(),
        boot: bench.boot.subscribe(),
        seen: bench.seen.subscribe(),
        rounds: bench.rounds.clone(),
        observations,
    };
    let mut looks = Vec::new();
    let looking = async {
        let mut turns = schedule.turns(&PROBE);
        loop {
            schedule.next(&mut turns).await;
            looks.push(Instant::now());
            let finding = PROBE.findings[0];
            let reading = if fails && looks.len() > 1 {
                Reading::failed(finding, "", "no")
            } else {
                Reading::passed(finding, "")
            };
            if schedule.end(&mut turns, [reading]).await.is_err() {
                return;
            }
        }
    };
    drop(timeout(Duration::from_mins(5), looking).await);
    let since = |at: &Instant| (*at - looks[0]).as_secs();
    looks.iter().map(since).collect()
}

#[tokio::test(start_paused = true)]
async fn a_probe_looks_more_often_while_something_is_wrong() {
    assert_eq!(looks(false, None).await[..3], [0, 120, 240]);
    assert_eq!(looks(true, None).await[..5], [0, 120, 130, 140, 150]);
    let known = looks(false, Some(&finding::NETWORK_API_TIMEOUT));
    assert_eq!(known.await[..4], [0, 10, 20, 30]);
    let other = looks(false, Some(&finding::NETWORK_CONNTRACK_FULL));
    assert_eq!(other.await[..3], [0, 120, 240]);
}
