//! The reporter against an API server of our own that has one Node.

mod bench;

use std::time::Duration;

use jiff::Timestamp;
use node::config::agent_config::Conditions;
use node::finding;
use node::rule::{Engine, Record};
use node::wire::{API_VERSION, Identity, Outcome, Phase, Verdict};
use serde_json::json;

use super::*;
use crate::host::environment::Environment;
use crate::host::root::Root;
use crate::join::verdict;
use crate::watch::boot;

use bench::{Bench, Cluster};

/// Finding of the kernel that is fatal.
fn oops() -> Vec<OpenFinding> {
    let finding = &finding::KERNEL_OOPS;
    vec![OpenFinding {
        code: finding.code.into(),
        severity: finding.severity,
        title: finding.title.into(),
        object: "cpu 1".into(),
        first_seen: Timestamp::UNIX_EPOCH,
        last_seen: Timestamp::UNIX_EPOCH,
        count: 1,
        evidence: Vec::new(),
        fix: String::new(),
        explained_by: None,
    }]
}

fn unauthorized() -> Vec<OpenFinding> {
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
async fn the_first_report_is_written_at_once_and_the_next_waits_its_minute() {
    let bench = Bench::start().await;
    bench
        .until("the annotation is written", |cluster| cluster.patches == 1)
        .await;
    let written: Annotation =
        serde_json::from_str(&bench.with(|cluster| cluster.annotation.clone().unwrap())).unwrap();
    assert_eq!(
        written.max_pods,
        MaxPods {
            planned: Some(29),
            effective: Some(29)
        }
    );
    assert_eq!((written.root_cause, written.ssm), (None, SsmState::Running));
    assert_eq!(*bench.effective.borrow(), Some(29));

    bench
        .seen
        .send_modify(|seen| seen.findings = unauthorized());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.with(|cluster| cluster.patches), 1);
    Bench::advance(80).await;
    bench
        .until("the change is written", |cluster| cluster.patches == 2)
        .await;
    let written: Annotation =
        serde_json::from_str(&bench.with(|cluster| cluster.annotation.clone().unwrap())).unwrap();
    assert_eq!(written.root_cause.as_deref(), Some("join.unauthorized"));
}

#[tokio::test]
async fn an_api_server_that_is_away_is_asked_again() {
    let bench = Bench::start().await;
    bench.with(|cluster| cluster.is_away = true);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.with(|cluster| cluster.patches), 0);
    bench.with(|cluster| cluster.is_away = false);
    Bench::advance(30).await;
    bench
        .until("the annotation is written", |cluster| cluster.patches == 1)
        .await;
}

const KERNEL: &str = "nodectl.dev/Kernel";

fn is(cluster: &Cluster, status: &str, reason: &str) -> bool {
    cluster.condition(KERNEL) == Some((status.to_owned(), reason.to_owned()))
}

#[tokio::test]
async fn conditions_follow_the_findings_and_become_unknown_when_the_daemon_stops() {
    let bench = Bench::start_with(Report {
        events: false,
        ..Report::default()
    })
    .await;
    bench
        .until("the annotation is written", |cluster| cluster.patches == 1)
        .await;
    assert!(
        bench.with(|cluster| cluster.conditions.is_empty()),
        "before the checks ran"
    );
    bench.seen.send_modify(|seen| seen.has_checked = true);
    Bench::advance(13).await;
    bench
        .until("the kernel is well", |cluster| {
            cluster.condition_patches == 4 && is(cluster, "True", "NoFatalFinding")
        })
        .await;
    // Ten seconds lie between two rounds.
    bench.seen.send_modify(|seen| seen.findings = oops());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(bench.with(|cluster| cluster.condition_patches), 4);
    Bench::advance(13).await;
    bench
        .until("the kernel is ill", |cluster| {
            is(cluster, "False", "KernelOops")
        })
        .await;
    assert_eq!(bench.with(|cluster| cluster.condition_patches), 5);
    bench.seen.send_modify(|seen| {
        seen.findings.clear();
        seen.is_source_running = false;
    });
    Bench::advance(13).await;
    bench
        .until("nobody knows", |cluster| {
            is(cluster, "Unknown", "LogsNotRead")
        })
        .await;
    bench.seen.send_modify(|seen| seen.is_source_running = true);
    Bench::advance(13).await;
    bench
        .until("the kernel is well again", |cluster| {
            cluster.condition_patches == 5 + 4 + 4
        })
        .await;
    bench.stop.send(()).unwrap();
    bench.reporting.await.unwrap();
    let cluster = bench.cluster.lock().unwrap();
    assert!(is(&cluster, "Unknown", "AgentStopped"));
    assert_eq!(cluster.conditions.len(), 4);
    assert_eq!((cluster.events.len(), cluster.patches), (0, 1));
}

#[tokio::test]
async fn a_farewell_that_nobody_takes_ends_in_time() {
    let bench = Bench::start_with(Report::default()).await;
    bench.seen.send_modify(|seen| seen.has_checked = true);
    bench
        .until("the kernel is well", |cluster| {
            is(cluster, "True", "NoFatalFinding")
        })
        .await;
    bench.with(|cluster| cluster.hangs = true);
    let start = tokio::time::Instant::now();
    bench.stop.send(()).unwrap();
    bench.reporting.await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_setting_that_was_changed_leaves_nothing_behind_and_off_writes_nothing() {
    let bench = Bench::start().await;
    let left = json!({ "type": KERNEL, "status": "False", "reason": "KernelOops" });
    let other = json!({ "type": "KernelReady", "status": "True", "reason": "KernelIsReady" });
    bench.with(|cluster| cluster.conditions = vec![left, other.clone()]);
    bench.seen.send_modify(|seen| {
        seen.has_checked = true;
        seen.findings = oops();
    });
    // Whichever comes first, the first round or the change.
    Bench::advance(60 * 40).await;
    bench
        .until("only the other program's is there", |cluster| {
            cluster.conditions == [other.clone()]
        })
        .await;
    assert_eq!(bench.with(|cluster| cluster.condition_patches), 1);
    assert_eq!(bench.with(|cluster| cluster.events.len()), 0);
}

#[tokio::test]
async fn a_finding_is_an_event_of_the_node_and_what_was_told_before_a_restart_is_a_repeat() {
    let report = Report {
        conditions: Conditions::Off,
        events: true,
    };
    let bench = Bench::start_with(report).await;
    bench.seen.send_modify(|seen| seen.findings = oops());
    Bench::advance(13).await;
    bench
        .until("the event is written", |cluster| cluster.events.len() == 1)
        .await;
    let event = bench.with(|cluster| cluster.events[0].clone());
    assert_eq!(
        event["involvedObject"],
        json!({ "kind": "Node", "name": "ip-1", "uid": "ip-1" })
    );
    assert_eq!(event["metadata"]["namespace"], "default");
    assert_eq!(
        (&event["reason"], &event["type"], &event["count"]),
        (&json!("KernelOops"), &json!("Warning"), &json!(1))
    );
    assert_eq!(event["message"], "The kernel hit a bug (cpu 1)");
    let mut counters = bench.counters.clone();
    counters
        .wait_for(|counters| counters.written == 1)
        .await
        .unwrap();

    // Another run of the agent does not know that it was told, and the API server does.
    let again = Bench::start_with(report).await;
    again.with(|cluster| cluster.events.push(event));
    let mut findings = oops();
    findings[0].count = 3;
    again.seen.send_modify(|seen| seen.findings = findings);
    Bench::advance(13).await;
    again
        .until("the event is repeated", |cluster| {
            cluster.event_patches.len() == 1
        })
        .await;
    let repeat = again.with(|cluster| cluster.event_patches[0].clone());
    assert_eq!(
        (&repeat["count"], &repeat["lastTimestamp"]),
        (&json!(3), &json!("1970-01-01T00:00:00Z"))
    );
    assert_eq!(again.with(|cluster| cluster.events.len()), 1);
}

#[tokio::test]
async fn a_boot_that_had_failed_ends_as_joined_once_the_node_is_ready() {
    let bench = Bench::start().await;
    let root = Root::new(bench.directory.path());
    let cause = finding::JOIN_UNAUTHORIZED.root_cause(&Identity::default(), &[]);
    let failed = Verdict {
        api_version: API_VERSION.into(),
        kind: "Verdict".into(),
        agent_version: "0.1.0".into(),
        at: Timestamp::UNIX_EPOCH,
        provisional: false,
        outcome: Outcome::Failed,
        phase: Phase::Join,
        identity: Identity {
            node_name: "ip-1".into(),
            ..Identity::default()
        },
        root_cause: Some(cause),
        consequences: Vec::new(),
        warnings: Vec::new(),
        waiting_for: None,
        timings: Vec::new(),
    };
    verdict::write(&root, &failed).unwrap();
    let (boot, mut followed) = watch::channel(Boot::default());
    let (identity, _known) = watch::channel(Identity::default());
    tokio::spawn(boot::follow(
        root.clone(),
        Environment::default(),
        async || None,
        boot,
        identity,
    ));
    let joined = followed.wait_for(|boot| boot.outcome() == Outcome::Joined);
    tokio::time::timeout(Duration::from_secs(10), joined)
        .await
        .expect("joined in time")
        .unwrap();
    let kept = verdict::read(&root).unwrap();
    assert_eq!((kept.outcome, kept.root_cause), (Outcome::Joined, None));
}

#[test]
fn an_annotation_names_the_root_and_each_code_once() {
    let mut findings = unauthorized();
    findings.extend(unauthorized());
    let annotation = annotation(&findings, &Boot::default(), SsmState::Missing, None);
    assert_eq!(annotation.findings, ["join.unauthorized"]);
    assert_eq!(annotation.root_cause.as_deref(), Some("join.unauthorized"));
}

#[test]
fn an_ssm_agent_is_registered_once_it_has_reported_and_nothing_came_between() {
    let connected = Seen {
        has_ssm_connected: true,
        ..Seen::nothing()
    };
    let told = |unit, seen: &Seen| ssm(unit, seen);
    assert_eq!(told(SsmState::Running, &Seen::nothing()), SsmState::Running);
    assert_eq!(told(SsmState::Running, &connected), SsmState::Registered);
    assert_eq!(told(SsmState::Stopped, &connected), SsmState::Stopped);
    let mut denied = connected.clone();
    denied.findings = unauthorized();
    assert_eq!(told(SsmState::Running, &denied), SsmState::Registered);
    denied.findings[0].code = "ssm.denied".to_owned();
    assert_eq!(told(SsmState::Running, &denied), SsmState::Running);
}
