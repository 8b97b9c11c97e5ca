//! The kubelet's kubeconfig, with an exec plugin that makes its token.
//!
//! Format: <https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins>.

use node::config::CredentialSource;
use serde_json::json;

use crate::host::path;

use super::{Inputs, PlannedFile, hosts};

const NATIVE: &str = "/usr/bin/nodeagent";

pub(super) fn file(inputs: &Inputs<'_>) -> PlannedFile {
    let cluster = &inputs.config.spec.cluster;
    let region = &inputs.facts.instance.region;
    let (command, verb): (&str, &[&str]) = match inputs.agent.credential {
        CredentialSource::Native => (NATIVE, &["token"]),
        CredentialSource::AwsCli => ("aws", &["eks", "get-token"]),
    };
    let is_local_cluster = hosts::is_local_cluster(inputs.config);
    // The authenticator of a local cluster knows it by its id.
    let name = if is_local_cluster {
        &cluster.id
    } else {
        &cluster.name
    };
    let arguments = verb
        .iter()
        .copied()
        .chain(["--cluster-name", name, "--region", region]);
    let arguments: Vec<String> = arguments
        .map(|argument| format!("        - {}\n", json!(argument)))
        .collect();
    let arguments = arguments.concat();
    PlannedFile {
        path: if is_local_cluster {
            path::BOOTSTRAP_KUBECONFIG.into()
        } else {
            path::KUBECONFIG.into()
        },
        mode: 0o644,
        content: format!(
            "---
apiVersion: v1
kind: Config
clusters:
  - name: kubernetes
    cluster:
      certificate-authority: {ca}
      server: {server}
current-context: kubelet
contexts:
  - name: kubelet
    context:
      cluster: kubernetes
      user: kubelet
users:
  - name: kubelet
    user:
      exec:
        apiVersion: client.authentication.k8s.io/v1beta1
        command: {command}
        args:
{arguments}",
            ca = path::CA,
            server = json!(cluster.api_server_endpoint),
        ),
    }
}
