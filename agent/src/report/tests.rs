//! The reporter against an API server of our own that has one Node.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use jiff::Timestamp;
use node::finding;
use node::rule::{Engine, Record};
use node::wire::{API_VERSION, Identity, Outcome, Phase, Verdict};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::host::path;
use crate::join::verdict;
use crate::plan::Summary;
use crate::watch::boot;

/// What the API server has and was asked.
#[derive(Debug, Default)]
struct Cluster {
    is_away: bool,
    annotation: Option<String>,
    patches: usize,
}

type Shared = Arc<Mutex<Cluster>>;

fn node(cluster: &Cluster) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": "ip-1", "annotations": cluster.annotation.as_ref().map(|json| json!({ "nodectl.dev/agent": json })) },
        "status": { "capacity": { "pods": "29" }, "conditions": [{ "type": "Ready", "status": "True" }] },
    })
}

async fn read(State(cluster): State<Shared>) -> Response {
    let cluster = cluster.lock().unwrap();
    if cluster.is_away {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    axum::Json(node(&cluster)).into_response()
}

async fn patch(State(cluster): State<Shared>, body: String) -> Response {
    let mut cluster = cluster.lock().unwrap();
    let patch: Value = serde_json::from_str(&body).unwrap();
    let annotations = &patch["metadata"]["annotations"];
    assert_eq!(annotations.as_object().unwrap().len(), 1);
    cluster.annotation = Some(
        annotations["nodectl.dev/agent"]
            .as_str()
            .unwrap()
            .to_owned(),
    );
    cluster.patches += 1;
    axum::Json(json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": "ip-1" } }))
        .into_response()
}

struct Bench {
    directory: tempfile::TempDir,
    cluster: Shared,
    seen: watch::Sender<Seen>,
    _boot: watch::Sender<Boot>,
    _ssm: watch::Sender<SsmState>,
    effective: watch::Receiver<Option<u32>>,
}

impl Bench {
    async fn start() -> Self {
        // One provider per process; another test may have been first.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let cluster = Shared::default();
        let router = axum::Router::new()
            .route("/api/v1/nodes/ip-1", get(read).patch(patch))
            .with_state(cluster.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://{address}'}}}}]\n\
             contexts: [{{name: c, context: {{cluster: c, user: u}}}}]\nusers: [{{name: u, user: {{}}}}]\ncurrent-context: c\n"
        );
        root.write(path::KUBECONFIG, kubeconfig.as_bytes(), 0o600)
            .unwrap();
        let summary = Summary {
            node_name: "ip-1".into(),
            max_pods: 29,
            ..Summary::default()
        };
        let (boot, boot_out) = watch::channel(Boot {
            summary: Some(summary),
            ..Boot::default()
        });
        let (seen, seen_out) = watch::channel(Seen {
            is_caught_up: true,
            ..Seen::nothing()
        });
        let (ssm, ssm_out) = watch::channel(SsmState::Running);
        let (effective_in, effective) = watch::channel(None);
        let ports = Ports {
            seen: seen_out,
            boot: boot_out,
            ssm: ssm_out,
            effective_max_pods: effective_in,
        };
        tokio::spawn(run(root, Environment::default(), ports));
        Self {
            directory,
            cluster,
            seen,
            _boot: boot,
            _ssm: ssm,
            effective,
        }
    }

    fn with<T>(&self, look: impl FnOnce(&mut Cluster) -> T) -> T {
        look(&mut self.cluster.lock().unwrap())
    }

    /// Waits, on the real clock, until the cluster looks so.
    async fn until(&self, what: &str, is_so: impl Fn(&Cluster) -> bool) {
        for _ in 0..250 {
            if self.with(|cluster| is_so(cluster)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}; {:?}", self.cluster.lock().unwrap());
    }
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
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(80)).await;
    tokio::time::resume();
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
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(30)).await;
    tokio::time::resume();
    bench
        .until("the annotation is written", |cluster| cluster.patches == 1)
        .await;
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
