//! What EKS does with requests for a kubelet's serving certificate: it approves those of nodes that are instances.
//!
//! Nothing in Kubernetes approves them; kube-controller-manager signs what is approved. Source for what EKS looks at:
//! <https://docs.aws.amazon.com/eks/latest/userguide/cert-signing.html>. A name in the directory `faults/unapproved` of
//! the run directory is that of a Node whose requests are left alone.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::json;
use tokio::time::sleep;

use super::json_file::{self, JsonFileError};
use super::record;

const SIGNER: &str = "kubernetes.io/kubelet-serving";
/// EKS takes a second or two.
const PERIOD: Duration = Duration::from_secs(1);

/// From now on the requests of the Node of this name are left alone.
pub fn leave_alone(run: &Path, node_name: &str) -> Result<(), JsonFileError> {
    json_file::write(&unapproved(run, node_name), &json!({}))
}

/// Approves until it is dropped. The cluster may come later, and may go.
pub(super) async fn serve(run: PathBuf, kubeconfig: PathBuf) -> Infallible {
    let mut client = None;
    loop {
        sleep(PERIOD).await;
        if client.is_none() {
            client = connect(&kubeconfig).await;
        }
        if let Some(client) = &client
            && let Err(error) = approve(client, &run).await
        {
            tracing::debug!(%error, "serving certificates are not approved");
        }
    }
}

/// `None`: there is no cluster yet.
async fn connect(kubeconfig: &Path) -> Option<Client> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).ok()?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.ok()?).ok()
}

async fn approve(client: &Client, run: &Path) -> kube::Result<()> {
    let requests: Api<CertificateSigningRequest> = Api::all(client.clone());
    let of_kubelets = ListParams::default().fields(&format!("spec.signerName={SIGNER}"));
    for request in requests.list(&of_kubelets).await? {
        let Some(name) = request.metadata.name.clone() else {
            continue;
        };
        if is_decided(&request) || !is_of_an_instance(&request, run) {
            continue;
        }
        let approved = json!({ "status": { "conditions": [{
            "type": "Approved",
            "status": "True",
            "reason": "AutoApproved",
            "message": "Auto approving kubelet server certificate after SubjectAccessReview.",
        }] } });
        requests
            .patch_subresource(
                "approval",
                &name,
                &PatchParams::default(),
                &Patch::Merge(approved),
            )
            .await?;
    }
    Ok(())
}

fn is_decided(request: &CertificateSigningRequest) -> bool {
    let status = request.status.as_ref();
    status
        .and_then(|status| status.conditions.as_ref())
        .is_some_and(|conditions| !conditions.is_empty())
}

fn is_of_an_instance(request: &CertificateSigningRequest, run: &Path) -> bool {
    let username = request.spec.username.as_deref().unwrap_or_default();
    let Some(node_name) = username.strip_prefix("system:node:") else {
        return false;
    };
    let machines = record::read_all(run).unwrap_or_default();
    machines.iter().any(|machine| {
        [&machine.local_hostname, &machine.instance_id].contains(&&node_name.to_owned())
    }) && !unapproved(run, node_name).exists()
}

fn unapproved(run: &Path, node_name: &str) -> PathBuf {
    run.join("faults/unapproved")
        .join(format!("{node_name}.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::record::MachineRecord;

    fn request(username: &str) -> CertificateSigningRequest {
        serde_json::from_value(json!({
            "metadata": {"name": "csr-1"},
            "spec": {"request": "", "signerName": SIGNER, "username": username},
        }))
        .unwrap()
    }

    #[test]
    fn only_what_an_instance_asks_for_and_nobody_forbids_is_approved() {
        let run = tempfile::tempdir().unwrap();
        let machine = MachineRecord::typical();
        record::write(run.path(), &machine).unwrap();
        let of = |username: &str| is_of_an_instance(&request(username), run.path());
        let node = format!("system:node:{}", machine.local_hostname);
        assert!(of(&node));
        assert!(of(&format!("system:node:{}", machine.instance_id)));
        assert!(!of("system:node:somebody-else"));
        assert!(!of(&machine.local_hostname));
        leave_alone(run.path(), &machine.local_hostname).unwrap();
        assert!(!of(&node));
    }
}
