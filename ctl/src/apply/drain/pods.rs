//! Which pods of a node have to leave it before it goes. Pure.

use std::fmt;

use k8s_openapi::api::core::v1::Pod;

/// Annotation of the API server's picture of a static pod.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A pod's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    /// Namespace.
    pub(super) namespace: String,
    /// Name.
    pub(super) name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

/// A pod that has to leave.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leaving {
    /// Which.
    pub(super) pod: Name,
    /// Whether it is on its way out already.
    pub(super) is_evicted: bool,
}

/// The pods of a node that have to leave. Pods of a `DaemonSet` would come back, static pods cannot go, and pods that are over
/// have nothing to lose. On a node that is not Ready nobody ends the pods that were evicted, so they are not waited for.
pub(super) fn leaving(pods: &[Pod], is_ready: bool) -> Vec<Leaving> {
    let leaving = pods.iter().filter(|pod| has_to_leave(pod)).map(|pod| {
        let metadata = &pod.metadata;
        Leaving {
            pod: Name {
                namespace: metadata.namespace.clone().unwrap_or_default(),
                name: metadata.name.clone().unwrap_or_default(),
            },
            is_evicted: metadata.deletion_timestamp.is_some(),
        }
    });
    leaving.filter(|pod| is_ready || !pod.is_evicted).collect()
}

fn has_to_leave(pod: &Pod) -> bool {
    let metadata = &pod.metadata;
    let is_static = metadata
        .annotations
        .as_ref()
        .is_some_and(|annotations| annotations.contains_key(MIRROR));
    let owners = metadata.owner_references.as_deref().unwrap_or_default();
    let is_of_daemon_set = owners
        .iter()
        .any(|owner| owner.controller == Some(true) && owner.kind == "DaemonSet");
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let is_over = matches!(phase, Some("Succeeded" | "Failed"));
    !is_static && !is_of_daemon_set && !is_over
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, metadata: &Value, phase: &str) -> Pod {
        let mut pod = json!({"metadata": metadata, "status": {"phase": phase}});
        pod["metadata"]["name"] = json!(name);
        pod["metadata"]["namespace"] = json!("web");
        serde_json::from_value(pod).unwrap()
    }

    fn owned(kind: &str) -> Value {
        let owner = json!({"apiVersion": "apps/v1", "kind": kind, "name": "a", "uid": "1", "controller": true});
        json!({"ownerReferences": [owner]})
    }

    #[test]
    fn pods_that_would_come_back_cannot_go_or_are_over_stay() {
        let evicted = json!({"deletionTimestamp": "2026-01-01T00:00:00Z"});
        let pods = [
            pod("set", &owned("ReplicaSet"), "Running"),
            pod("bare", &json!({}), "Pending"),
            pod("daemon", &owned("DaemonSet"), "Running"),
            pod("static", &json!({"annotations": {MIRROR: "x"}}), "Running"),
            pod("over", &owned("Job"), "Succeeded"),
            pod("evicted", &evicted, "Running"),
        ];
        let names = |is_ready| {
            let leaving = leaving(&pods, is_ready).into_iter();
            leaving
                .map(|one| (one.pod.to_string(), one.is_evicted))
                .collect::<Vec<_>>()
        };
        let both = [
            ("web/set".to_owned(), false),
            ("web/bare".to_owned(), false),
        ];
        assert_eq!(names(false), both);
        let all = [&both[..], &[("web/evicted".to_owned(), true)]].concat();
        assert_eq!(names(true), all);
    }
}
