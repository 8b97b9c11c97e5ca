//! An API server of our own that has one Node, and a reporter of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch as patched, post};
use node::config::Report;
use node::config::agent_config::Conditions;
use node::wire::SsmState;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::host::environment::Environment;
use crate::host::path;
use crate::host::root::Root;
use crate::plan::Summary;
use crate::report::{Ports, event, run};
use crate::watch::Seen;
use crate::watch::boot::Boot;

/// What the API server has and was asked.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    pub(super) is_away: bool,
    pub(super) annotation: Option<String>,
    pub(super) patches: usize,
    /// Conditions beside Ready.
    pub(super) conditions: Vec<Value>,
    pub(super) condition_patches: usize,
    /// The status takes nothing, without an end.
    pub(super) hangs: bool,
    pub(super) events: Vec<Value>,
    pub(super) event_patches: Vec<Value>,
}

impl Cluster {
    /// Status and reason of a condition.
    pub(super) fn condition(&self, name: &str) -> Option<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let condition = self.conditions.iter().find(|one| one["type"] == name)?;
        Some((text(&condition["status"]), text(&condition["reason"])))
    }
}

pub(super) type Shared = Arc<Mutex<Cluster>>;

fn node(cluster: &Cluster) -> Value {
    let mut conditions = vec![json!({ "type": "Ready", "status": "True" })];
    conditions.extend(cluster.conditions.clone());
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": "ip-1", "annotations": cluster.annotation.as_ref().map(|json| json!({ "nodectl.dev/agent": json })) },
        "status": { "capacity": { "pods": "29" }, "conditions": conditions },
    })
}

fn metadata(name: &str) -> Response {
    axum::Json(json!({ "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": name } }))
        .into_response()
}

fn refusal(code: StatusCode) -> Response {
    let status = json!({ "apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "", "message": "", "code": code.as_u16() });
    (code, axum::Json(status)).into_response()
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
    metadata("ip-1")
}

/// A strategic merge of one condition.
async fn patch_status(State(cluster): State<Shared>, headers: HeaderMap, body: String) -> Response {
    if cluster.lock().unwrap().hangs {
        std::future::pending::<()>().await;
    }
    assert_eq!(
        headers["content-type"],
        "application/strategic-merge-patch+json"
    );
    let mut cluster = cluster.lock().unwrap();
    let patch: Value = serde_json::from_str(&body).unwrap();
    let [condition] = patch["status"]["conditions"].as_array().unwrap().as_slice() else {
        panic!("not one by one: {body}");
    };
    cluster
        .conditions
        .retain(|old| old["type"] != condition["type"]);
    if condition["$patch"] != "delete" {
        cluster.conditions.push(condition.clone());
    }
    cluster.condition_patches += 1;
    axum::Json(node(&cluster)).into_response()
}

async fn create_event(State(cluster): State<Shared>, body: String) -> Response {
    let mut cluster = cluster.lock().unwrap();
    let event: Value = serde_json::from_str(&body).unwrap();
    let name = &event["metadata"]["name"];
    if cluster
        .events
        .iter()
        .any(|old| old["metadata"]["name"] == *name)
    {
        return refusal(StatusCode::CONFLICT);
    }
    cluster.events.push(event.clone());
    (StatusCode::CREATED, axum::Json(event)).into_response()
}

async fn patch_event(
    State(cluster): State<Shared>,
    Path(name): Path<String>,
    body: String,
) -> Response {
    let mut cluster = cluster.lock().unwrap();
    let is_there = |old: &Value| old["metadata"]["name"] == name.as_str();
    if !cluster.events.iter().any(is_there) {
        return refusal(StatusCode::NOT_FOUND);
    }
    cluster
        .event_patches
        .push(serde_json::from_str(&body).unwrap());
    metadata(&name)
}

pub(super) struct Bench {
    pub(super) directory: tempfile::TempDir,
    pub(super) cluster: Shared,
    pub(super) seen: watch::Sender<Seen>,
    _boot: watch::Sender<Boot>,
    _ssm: watch::Sender<SsmState>,
    pub(super) effective: watch::Receiver<Option<u32>>,
    pub(super) counters: watch::Receiver<event::Counters>,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) reporting: JoinHandle<()>,
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::start_with(Report {
            conditions: Conditions::Off,
            events: false,
        })
        .await
    }

    pub(super) async fn start_with(report: Report) -> Self {
        // One provider per process; another test may have been first.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
        let cluster = Shared::default();
        let router = axum::Router::new()
            .route("/api/v1/nodes/ip-1", get(read).patch(patch))
            .route("/api/v1/nodes/ip-1/status", patched(patch_status))
            .route("/api/v1/namespaces/default/events", post(create_event))
            .route(
                "/api/v1/namespaces/default/events/{name}",
                patched(patch_event),
            )
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
            report,
            ..Summary::default()
        };
        let (boot, boot_out) = watch::channel(Boot {
            summary: Some(summary),
            ..Boot::default()
        });
        let (seen, seen_out) = watch::channel(Seen {
            is_caught_up: true,
            is_source_running: true,
            ..Seen::nothing()
        });
        let (ssm, ssm_out) = watch::channel(SsmState::Running);
        let (effective_in, effective) = watch::channel(None);
        let (events, counters) = watch::channel(event::Counters::default());
        let ports = Ports {
            seen: seen_out,
            boot: boot_out,
            ssm: ssm_out,
            by_default: Report::default(),
            effective_max_pods: effective_in,
            events,
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async { drop(stopped.await) };
        let reporting = tokio::spawn(run(root, Environment::default(), ports, stopped));
        Self {
            directory,
            cluster,
            seen,
            _boot: boot,
            _ssm: ssm,
            effective,
            counters,
            stop,
            reporting,
        }
    }

    /// So much time goes by for everybody at once.
    pub(super) async fn advance(seconds: u64) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Cluster) -> T) -> T {
        look(&mut self.cluster.lock().unwrap())
    }

    /// Waits, on the real clock, until the cluster looks so.
    pub(super) async fn until(&self, what: &str, is_so: impl Fn(&Cluster) -> bool) {
        for _ in 0..250 {
            if self.with(|cluster| is_so(cluster)) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}; {:?}", self.cluster.lock().unwrap());
    }
}
