//! The socket as a client sees it.

use jiff::Timestamp;
use node::rule::{Engine, Record};
use node::wire::{
    API_VERSION, BootReport, FindingList, Identity, LogSource, NodeFacts, Outcome, Phase,
    SourceState, SsmState, Status, Timing, Verdict,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::Instant;

use std::time::Duration;

use super::*;
use crate::boot::Machine;
use crate::boot::record::Span;
use crate::host::environment::Environment;
use crate::host::path;
use crate::host::systemd::BootTimes;
use crate::report::event;
use crate::watch::Seen;
use crate::watch::boot::Boot;
use crate::watch::rounds::Rounds;

pub(super) struct Daemon {
    directory: tempfile::TempDir,
    pub(super) sources: Sources,
    seen: watch::Sender<Seen>,
    pub(super) boot: watch::Sender<Boot>,
    _ssm: watch::Sender<SsmState>,
    _pods: watch::Sender<Option<u32>>,
    _events: watch::Sender<event::Counters>,
}

impl Daemon {
    pub(super) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (seen, seen_out) = watch::channel(Seen::nothing());
        let (boot, boot_out) = watch::channel(Boot::default());
        let (ssm, ssm_out) = watch::channel(SsmState::Running);
        let (pods, pods_out) = watch::channel(Some(29));
        let (events, events_out) = watch::channel(event::Counters::default());
        let sources = Sources {
            root: Root::new(directory.path()),
            environment: Environment::default(),
            started_at: Timestamp::UNIX_EPOCH,
            seen: seen_out,
            boot: boot_out,
            ssm: ssm_out,
            effective_max_pods: pods_out,
            events: events_out,
            rounds: Rounds::default(),
        };
        let server = Server::bind(&Root::new(directory.path()), &sources).unwrap();
        tokio::spawn(server.run());
        Self {
            directory,
            sources,
            seen,
            boot,
            _ssm: ssm,
            _pods: pods,
            _events: events,
        }
    }

    /// The whole answer to raw bytes.
    async fn raw(&self, request: &[u8]) -> String {
        let socket = Root::new(self.directory.path()).path(path::SOCKET);
        let mut stream = UnixStream::connect(socket).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // A request that is refused before its end is answered with a reset behind the answer.
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8(answer).unwrap()
    }

    async fn ask(&self, method: &str, target: &str) -> (u16, String) {
        let request =
            format!("{method} {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = self.raw(request.as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (
            head.split(' ').nth(1).unwrap().parse().unwrap(),
            body.to_owned(),
        )
    }

    fn join(&self) {
        self.boot.send_modify(|boot| {
            boot.verdict = Some(verdict());
            boot.machine = Some(Machine {
                boot: BootTimes {
                    has_kernel: true,
                    userspace: Some(Duration::from_secs(2)),
                    ..BootTimes::default()
                },
                units: Vec::new(),
            });
            let at = Duration::from_millis;
            boot.record.spans = vec![
                Span::new("join", at(4000), Some(at(5500))),
                Span::new("ready", at(5500), Some(at(5500))),
            ];
        });
        self.seen.send_modify(|seen| {
            seen.is_source_running = true;
            seen.is_caught_up = true;
        });
    }
}

fn verdict() -> Verdict {
    Verdict {
        api_version: API_VERSION.into(),
        kind: "Verdict".into(),
        agent_version: "0.1.0".into(),
        at: Timestamp::UNIX_EPOCH,
        provisional: false,
        outcome: Outcome::Joined,
        phase: Phase::Join,
        identity: Identity::default(),
        root_cause: None,
        consequences: Vec::new(),
        warnings: Vec::new(),
        waiting_for: None,
        timings: vec![Timing {
            phase: Phase::Join,
            milliseconds: 1500,
        }],
    }
}

fn unauthorized() -> Vec<node::wire::OpenFinding> {
    let mut engine = Engine::new();
    let message = r#"E0102 03:04:05.1 1 a.go:1] "Unable to register" err="Unauthorized""#;
    engine.record(&Record {
        unit: "kubelet.service",
        identifier: "kubelet",
        message,
        at: Timestamp::UNIX_EPOCH,
    });
    engine.open()
}

#[tokio::test]
async fn a_daemon_that_just_started_lives_and_is_not_ready() {
    let daemon = Daemon::start();
    assert_eq!(daemon.ask("GET", "/livez").await, (200, "ok\n".to_owned()));
    assert_eq!(
        daemon.ask("GET", "/readyz").await,
        (
            503,
            "[+]watch ok\n[-]sources failed: none was opened yet\n[-]history failed: the past of this boot is still \
             read\n[-]verdict failed: no verdict was given in this boot\nreadyz check failed\n"
                .to_owned()
        )
    );
    assert_eq!(daemon.ask("GET", "/healthz").await.0, 503);
}

#[tokio::test]
async fn a_node_that_joined_is_healthy_until_something_fatal_is_open() {
    let daemon = Daemon::start();
    daemon.join();
    assert_eq!(daemon.ask("GET", "/readyz").await, (200, "ok\n".to_owned()));
    assert_eq!(
        daemon.ask("GET", "/healthz?verbose").await,
        (
            200,
            "[+]watch ok\n[+]sources ok\n[+]boot ok\n[+]findings ok\n[+]rules ok\nhealthz check passed\n"
                .to_owned()
        )
    );
    daemon
        .seen
        .send_modify(|seen| seen.findings = unauthorized());
    let (code, text) = daemon.ask("GET", "/healthz").await;
    assert_eq!(
        (code, text.contains("[-]findings failed: join.unauthorized")),
        (503, true)
    );
    assert_eq!(
        daemon.ask("GET", "/livez").await.0,
        200,
        "liveness is not about the node"
    );
}

#[tokio::test]
async fn the_status_document_is_whole() {
    let daemon = Daemon::start();
    daemon.join();
    daemon.seen.send_modify(|seen| {
        seen.findings = unauthorized();
        seen.sources = vec![LogSource::new("ipamd", SourceState::Absent)];
    });
    let (code, body) = daemon.ask("GET", "/v1/status").await;
    let status: Status = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (
            code,
            status.findings.len(),
            status.max_pods.effective,
            status.ssm
        ),
        (200, 1, Some(29), SsmState::Running)
    );
    assert_eq!(status.verdict, Some(verdict()));
    assert_eq!(
        status.sources,
        [LogSource::new("ipamd", SourceState::Absent)]
    );
}

#[tokio::test]
async fn a_source_that_cannot_be_read_is_named() {
    let daemon = Daemon::start();
    daemon.join();
    daemon.seen.send_modify(|seen| {
        seen.is_source_running = false;
        seen.sources = vec![
            LogSource::new("journal", SourceState::Running),
            LogSource::new("kernel", SourceState::Failed),
            LogSource::new("ipamd", SourceState::Absent),
        ];
    });
    let (code, text) = daemon.ask("GET", "/healthz").await;
    assert_eq!(
        (
            code,
            text.contains("[-]sources failed: cannot be read: kernel\n")
        ),
        (503, true),
        "{text}"
    );
}

#[tokio::test]
async fn findings_and_facts_are_documents() {
    let daemon = Daemon::start();
    let (code, body) = daemon.ask("GET", "/v1/findings").await;
    assert_eq!(
        (code, body.as_str()),
        (
            200,
            r#"{"apiVersion":"nodectl.dev/v1alpha1","kind":"FindingList","items":[]}"#
        )
    );
    daemon
        .seen
        .send_modify(|seen| seen.findings = unauthorized());
    let (_, body) = daemon.ask("GET", "/v1/findings").await;
    let list: FindingList = serde_json::from_str(&body).unwrap();
    assert_eq!(list.items, unauthorized());

    let root = Root::new(daemon.directory.path());
    root.write("/proc/sys/kernel/osrelease", b"6.1.0\n", 0o444)
        .unwrap();
    daemon.join();
    let (code, body) = daemon.ask("GET", "/v1/facts").await;
    let facts: NodeFacts = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (code, facts.kind.as_str(), facts.kernel.as_deref()),
        (200, "NodeFacts", Some("6.1.0"))
    );
}

#[tokio::test]
async fn logs_of_what_is_not_watched_are_not_found() {
    let daemon = Daemon::start();
    let (code, text) = daemon.ask("GET", "/v1/logs?unit=sshd").await;
    assert_eq!((code, text.contains("kubelet, ")), (404, true), "{text}");
    assert_eq!(daemon.ask("GET", "/v1/logs").await.0, 400);
    assert_eq!(daemon.ask("POST", "/v1/logs?unit=kubelet").await.0, 405);
}

#[tokio::test]
async fn metrics_show_every_code_and_fall_back_to_zero() {
    let daemon = Daemon::start();
    daemon.join();
    daemon.seen.send_modify(|seen| {
        seen.findings = unauthorized();
        let mut journal = LogSource::new("journal", SourceState::Running);
        journal.read = 42;
        journal.lost.insert("suppressed".to_owned(), 7);
        journal.suppressed.insert("kubelet.service".to_owned(), 7);
        journal.last_line = Some(Timestamp::UNIX_EPOCH);
        journal.lag_milliseconds = 1500;
        seen.sources = vec![journal, LogSource::new("ipamd", SourceState::Absent)];
    });
    let (code, text) = daemon.ask("GET", "/metrics").await;
    assert_eq!(code, 200);
    for line in [
        "nodeagent_findings_open{code=\"join.unauthorized\",severity=\"fatal\"} 1",
        "nodeagent_findings_open{code=\"cni.not_ready\",severity=\"fatal\"} 0",
        "nodeagent_node_events_total{result=\"held_back\"} 0",
        "nodeagent_lines_read_total{source=\"journal\"} 42",
        "nodeagent_lines_lost_total{source=\"journal\",reason=\"suppressed\"} 7",
        "nodeagent_lines_lost_total{source=\"ipamd\",reason=\"truncated\"} 0",
        "nodeagent_lines_suppressed_total{unit=\"kubelet.service\"} 7",
        "nodeagent_source_up{source=\"journal\"} 1",
        "nodeagent_source_up{source=\"ipamd\"} 0",
        "nodeagent_source_lag_seconds{source=\"journal\"} 1.5",
        "nodeagent_boot_outcome{outcome=\"joined\"} 1",
        "nodeagent_boot_outcome{outcome=\"failed\"} 0",
        "nodeagent_boot_phase_seconds{phase=\"join\"} 1.5",
        "nodeagent_boot_phase_seconds{phase=\"kernel\"} 2.0",
        "nodeagent_boot_ready_seconds 5.5",
        "nodeagent_max_pods{kind=\"effective\"} 29",
        "nodeagent_build_info{version=\"0.1.0\"} 1",
        "# EOF",
    ] {
        assert!(
            text.lines().any(|shown| shown == line),
            "`{line}` is not in\n{text}"
        );
    }
    assert!(!text.contains("source=\"journal\",reason=\"truncated\""));
    daemon.seen.send_modify(|seen| seen.findings.clear());
    let (_, text) = daemon.ask("GET", "/metrics").await;
    assert!(
        text.contains("nodeagent_findings_open{code=\"join.unauthorized\",severity=\"fatal\"} 0\n")
    );
}

#[tokio::test]
async fn everything_but_get_of_a_known_path_is_refused() {
    let daemon = Daemon::start();
    assert_eq!(daemon.ask("GET", "/").await.0, 404);
    assert_eq!(
        daemon.ask("GET", "/v1/status/../../etc/passwd").await.0,
        404
    );
    for method in ["POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
        assert_eq!(daemon.ask(method, "/livez").await.0, 405, "{method}");
    }
    let long = format!(
        "GET /{} HTTP/1.1\r\nhost: x\r\n\r\n",
        "x".repeat(connection::HEAD_BYTES * 2)
    );
    let answer = daemon.raw(long.as_bytes()).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_hangs_is_not_alive() {
    let rounds = Rounds::default();
    rounds.note("endpoint", Duration::from_mins(2));
    let view = view::View {
        started_at: Timestamp::UNIX_EPOCH,
        seen: Seen::nothing(),
        boot: Boot::default(),
        ssm: SsmState::Unknown,
        effective_max_pods: None,
        events: event::Counters::default(),
        rounds: rounds.all(),
    };
    let now = Instant::now();
    assert!(health::is_well(&health::live(
        &view,
        now + Duration::from_secs(9)
    )));
    assert!(!health::is_well(&health::live(
        &view,
        now + Duration::from_secs(10)
    )));
    let probe = |seconds| {
        let checks = health::healthy(&view, now + Duration::from_secs(seconds));
        checks
            .into_iter()
            .rfind(|check| check.name == "probe/endpoint")
    };
    assert_eq!(probe(359).unwrap().failure, None);
    let stale = probe(362).unwrap();
    assert_eq!(
        health::text("healthz", &[stale], true),
        "[-]probe/endpoint failed: has not ended for 362 s, and should every 120 s\nhealthz check failed\n"
    );
}

#[tokio::test]
async fn the_timeline_of_the_boot_is_a_document() {
    let daemon = Daemon::start();
    let (code, body) = daemon.ask("GET", "/v1/boot").await;
    let report: BootReport = serde_json::from_str(&body).unwrap();
    assert_eq!((code, report.phases.len()), (200, 0));
    daemon.join();
    let (_, body) = daemon.ask("GET", "/v1/boot").await;
    let report: BootReport = serde_json::from_str(&body).unwrap();
    assert_eq!(report.moment("ready"), Some(5500));
    assert_eq!(report.outcome, Outcome::Joined);
}
