//! The API server's first moments: waiting until it is ready, and the objects that every EKS cluster has from the start.

use std::{path::Path, time::Duration};

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding};
use kube::{
    Api, Client, Config,
    api::{Patch, PatchParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

use super::{ControlPlaneError, Site, kubeconfig};
use crate::{
    layout::Layout,
    process::Running,
    wait::{self, Poll},
};

/// A client with the lab's own, all-powerful identity, for what AWS does to a cluster and for looking at the outcome. Use
/// it inside the lab's network.
pub async fn client(layout: &Layout) -> Result<Client, ControlPlaneError> {
    let path = layout.pki("lab.kubeconfig");
    client_from(&path)
        .await
        .map_err(|source| ControlPlaneError::Client {
            kubeconfig: path.display().to_string(),
            source,
        })
}

async fn client_from(path: &Path) -> Result<Client, Box<dyn std::error::Error + Send + Sync>> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    Ok(Client::try_from(config)?)
}

/// Waits until the API server says that it is ready.
pub(super) async fn wait_ready(
    site: Site<'_>,
    running: &mut Running,
) -> Result<(), ControlPlaneError> {
    kubeconfig::write(site.layout, "lab")?;
    let client = client(site.layout).await?;
    wait::until(
        "`/readyz` of the API server",
        Duration::from_secs(90),
        async || {
            if let Some(end) = running.ended() {
                return Poll::Never(end);
            }
            let request = http::Request::get("/readyz").body(Vec::new());
            let answer = match request {
                Ok(request) => client.request_text(request).await,
                Err(error) => return Poll::Never(error.to_string()),
            };
            match answer {
                Ok(_) => Poll::Ready(()),
                Err(error) => Poll::Pending(error.to_string()),
            }
        },
    )
    .await
    .map_err(|source| ControlPlaneError::NotReady {
        process: "kube-apiserver",
        last_words: running.last_words(),
        source: Box::new(source),
    })
}

/// The group of the cluster's creator. On EKS an access policy makes the creator a cluster administrator; the
/// authenticator knows no policies, and access entries refuse `system:masters`.
pub const ADMIN_GROUP: &str = "lab:admins";

/// Creates what EKS creates: nodes may ask for a serving certificate, the creator may do everything.
pub(super) async fn create_objects(site: Site<'_>) -> Result<(), ControlPlaneError> {
    const BOOTSTRAPPER: &str = "eks:node-bootstrapper";
    let client = client(site.layout).await?;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": BOOTSTRAPPER, "labels": {"eks.amazonaws.com/component": "node"}},
        "rules": [{
            "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests/selfnodeserver"],
            "verbs": ["create"],
        }],
    });
    Api::<ClusterRole>::all(client.clone())
        .patch(BOOTSTRAPPER, &parameters(), &Patch::Apply(role))
        .await
        .map_err(creating("ClusterRole", BOOTSTRAPPER))?;
    let nodes = ["system:bootstrappers", "system:nodes"];
    bind(&client, BOOTSTRAPPER, BOOTSTRAPPER, &nodes).await?;
    bind(&client, ADMIN_GROUP, "cluster-admin", &[ADMIN_GROUP]).await
}

async fn bind(
    client: &Client,
    name: &str,
    role: &str,
    groups: &[&str],
) -> Result<(), ControlPlaneError> {
    const API_GROUP: &str = "rbac.authorization.k8s.io";
    let subject = |name: &&str| json!({"apiGroup": API_GROUP, "kind": "Group", "name": name});
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": API_GROUP, "kind": "ClusterRole", "name": role},
        "subjects": groups.iter().map(subject).collect::<Vec<_>>(),
    });
    Api::<ClusterRoleBinding>::all(client.clone())
        .patch(name, &parameters(), &Patch::Apply(binding))
        .await
        .map(drop)
        .map_err(creating("ClusterRoleBinding", name))
}

fn parameters() -> PatchParams {
    PatchParams::apply("eks").force()
}

fn creating(kind: &str, name: &str) -> impl FnOnce(kube::Error) -> ControlPlaneError {
    let object = format!("{kind} {name}");
    move |source| ControlPlaneError::Bootstrap {
        object,
        source: Box::new(source),
    }
}
