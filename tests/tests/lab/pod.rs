//! Pods of the lab's cluster that run on a node for as long as a suite wants them.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use lab::{
    cloud::record::MachineRecord,
    control_plane,
    lifecycle::Lab,
    wait::{self, Poll},
};
use serde_json::json;

use super::DEADLINE;

/// The pods of the namespace `default`. Use it inside the lab's network.
pub(super) async fn pods(lab: &Lab) -> Api<Pod> {
    Api::default_namespaced(control_plane::client(&lab.layout).await.unwrap())
}

/// Runs a pod on the machine, with its name as the label `app`, and waits until it runs. Pods schedule onto no node that lacks a
/// cloud controller, so this one is put there.
pub(super) fn run(lab: &Lab, record: &MachineRecord, name: &str) {
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "nodeName": record.local_hostname,
            "automountServiceAccountToken": false,
            "terminationGracePeriodSeconds": 0,
            "containers": [{
                "name": "pause",
                "image": "localhost/kubernetes/pause:latest",
                "imagePullPolicy": "Never",
            }],
        },
    }))
    .unwrap();
    lab.inside(|| async {
        let pods = pods(lab).await;
        // The namespace's service account comes some seconds after the controller manager.
        wait::until("pod created", DEADLINE, async || {
            match pods.create(&PostParams::default(), &pod).await {
                Ok(_) => Poll::Ready(()),
                Err(error) => Poll::Pending(error.to_string()),
            }
        })
        .await
        .unwrap();
        wait::until("pod running", DEADLINE, async || {
            let seen = pods.get(name).await.unwrap().status.unwrap_or_default();
            match seen.phase.as_deref() {
                Some("Running") => Poll::Ready(()),
                _ => Poll::Pending(format!("{:?}", seen.container_statuses)),
            }
        })
        .await
        .unwrap();
    })
    .unwrap();
}

/// Names of the pods of the namespace `default`.
pub(super) fn names(lab: &Lab) -> Vec<String> {
    let list = async || pods(lab).await.list(&ListParams::default()).await.unwrap();
    let found = lab.inside(list).unwrap();
    found
        .into_iter()
        .filter_map(|pod| pod.metadata.name)
        .collect()
}
