//! How kube-controller-manager is called. It makes nodes `NotReady`, signs serving certificates and gives namespaces their
//! service accounts.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use super::{ControlPlaneError, Site, kubeconfig};
use crate::process::Running;

/// Where it says that it is healthy.
pub(super) const ADDRESS: SocketAddr =
    SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 10257));

pub(super) fn start(site: Site<'_>) -> Result<Running, ControlPlaneError> {
    let pki = |file: &str| site.layout.pki(file).display().to_string();
    let kubeconfig = kubeconfig::write(site.layout, "controller-manager")?;
    let flags = [
        format!("--kubeconfig={}", kubeconfig.display()),
        "--bind-address=127.0.0.1".to_owned(),
        "--leader-elect=false".to_owned(),
        "--cloud-provider=external".to_owned(),
        "--allocate-node-cidrs=false".to_owned(),
        "--use-service-account-credentials=true".to_owned(),
        format!(
            "--service-account-private-key-file={}",
            pki("service-account.key")
        ),
        format!("--root-ca-file={}", pki("cluster-ca.crt")),
        format!("--cluster-signing-cert-file={}", pki("cluster-ca.crt")),
        format!("--cluster-signing-key-file={}", pki("cluster-ca.key")),
    ];
    Ok(site
        .service("kube-controller-manager")
        .args(flags)
        .start(&site.layout.log("kube-controller-manager"))?)
}
