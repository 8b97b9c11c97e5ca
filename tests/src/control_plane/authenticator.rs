//! How aws-iam-authenticator is called. It knows roles and users by the cluster's access entries, then by `aws-auth`, and
//! asks the gateway under AWS's own names: only it sees a hosts file in which they lead there, and only it trusts the lab's
//! authority for them.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    path::PathBuf,
    process::Command,
};

use serde_json::json;

use super::{ControlPlaneError, Site, kubeconfig};
use crate::{
    aws,
    cluster::REGION,
    file,
    layout::Layout,
    process::{self, Running},
};

/// Where the API server asks it.
pub(super) const ADDRESS: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 21362));

fn directory(layout: &Layout) -> PathBuf {
    layout.run().join("authenticator")
}

/// The mapping file, which the gateway writes from the access entries. The authenticator sees a change of it within a
/// second or two.
pub fn mappings_path(layout: &Layout) -> PathBuf {
    directory(layout).join("access-entries.json")
}

/// How the API server reaches the authenticator.
pub(super) fn webhook_config(layout: &Layout) -> PathBuf {
    directory(layout).join("aws-iam-authenticator.kubeconfig")
}

/// Writes what the API server and the authenticator read when they start.
pub(super) fn prepare(site: Site<'_>) -> Result<(), ControlPlaneError> {
    let directory = directory(site.layout);
    file::create_directory(&directory)?;
    let program = site.layout.cache().bin().join("aws-iam-authenticator");
    process::run(
        Command::new(program)
            .args(["init", "--cluster-id", &site.cluster.name])
            .current_dir(&directory),
    )?;
    let config = json!({
        "clusterID": site.cluster.name,
        "server": {"dynamicfilepath": mappings_path(site.layout)},
    });
    file::write(&directory.join("config.yaml"), config.to_string())?;
    Ok(())
}

pub(super) fn start(site: Site<'_>) -> Result<Running, ControlPlaneError> {
    let directory = directory(site.layout);
    let kubeconfig = kubeconfig::write(site.layout, "authenticator")?;
    let authority = site.layout.pki("aws-ca.crt");
    let credential = aws::control_plane_credential(site.layout)?;
    Ok(site
        .service("aws-iam-authenticator")
        .arg("server")
        .arg("--config")
        .arg(directory.join("config.yaml"))
        .arg("--state-dir")
        .arg(&directory)
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args([
            "--kubeconfig-pregenerated=true",
            "--backend-mode=DynamicFile,EKSConfigMap",
        ])
        .env("AWS_REGION", REGION)
        .env("AWS_ACCESS_KEY_ID", credential.access_key_id)
        .env("AWS_SECRET_ACCESS_KEY", credential.secret_access_key)
        .env(
            "AWS_SESSION_TOKEN",
            credential.session_token.unwrap_or_default(),
        )
        // The call to STS knows only the first, the call to EC2 prefers the second.
        .env("SSL_CERT_FILE", &authority)
        .env("AWS_CA_BUNDLE", &authority)
        .bind(site.layout.hosts(), "/etc/hosts")
        .start(&site.layout.log("aws-iam-authenticator"))?)
}
