//! Kubeconfigs of the control plane's own identities: a client certificate of the cluster's authority. Users' and nodes'
//! go through the authenticator and are made elsewhere.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    file::{self, FileError},
    layout::Layout,
    network,
};

/// Writes the kubeconfig of the identity whose certificate lies at `IDENTITY.crt`. JSON is YAML.
pub(super) fn write(layout: &Layout, identity: &str) -> Result<PathBuf, FileError> {
    let path = layout.pki(&format!("{identity}.kubeconfig"));
    let content = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {
            "server": format!("https://{}:443", network::API_SERVER),
            "certificate-authority": layout.pki("cluster-ca.crt"),
        }}],
        "users": [{"name": identity, "user": {
            "client-certificate": layout.pki(&format!("{identity}.crt")),
            "client-key": layout.pki(&format!("{identity}.key")),
        }}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": identity}}],
        "current-context": "lab",
    });
    file::write_secret(&path, content.to_string())?;
    Ok(path)
}
