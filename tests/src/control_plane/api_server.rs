//! How kube-apiserver is called: authorisation and admission as on EKS, tokens by the authenticator's webhook.

use super::{ControlPlaneError, Site, authenticator};
use crate::{network, process::Running};

pub(super) fn start(site: Site<'_>) -> Result<Running, ControlPlaneError> {
    let pki = |file: &str| site.layout.pki(file).display().to_string();
    let address = network::API_SERVER;
    let flags = [
        "--etcd-servers=http://127.0.0.1:2379".to_owned(),
        format!("--bind-address={address}"),
        format!("--advertise-address={address}"),
        "--secure-port=443".to_owned(),
        format!("--tls-cert-file={}", pki("apiserver.crt")),
        format!("--tls-private-key-file={}", pki("apiserver.key")),
        format!("--client-ca-file={}", pki("cluster-ca.crt")),
        "--authorization-mode=Node,RBAC".to_owned(),
        "--enable-admission-plugins=NodeRestriction".to_owned(),
        "--allow-privileged=true".to_owned(),
        format!(
            "--authentication-token-webhook-config-file={}",
            authenticator::webhook_config(site.layout).display()
        ),
        "--authentication-token-webhook-version=v1beta1".to_owned(),
        // The shortest that it keeps to; a mapping that changes counts after this time.
        "--authentication-token-webhook-cache-ttl=10s".to_owned(),
        format!("--service-cluster-ip-range={}", site.cluster.service_cidr),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", pki("service-account.pub")),
        format!(
            "--service-account-signing-key-file={}",
            pki("service-account.key")
        ),
        // The names of machines mean nothing on this host; their addresses do.
        "--kubelet-preferred-address-types=InternalIP".to_owned(),
        format!(
            "--kubelet-client-certificate={}",
            pki("apiserver-kubelet-client.crt")
        ),
        format!(
            "--kubelet-client-key={}",
            pki("apiserver-kubelet-client.key")
        ),
        format!("--kubelet-certificate-authority={}", pki("cluster-ca.crt")),
    ];
    Ok(site
        .service("kube-apiserver")
        .args(flags)
        .start(&site.layout.log("kube-apiserver"))?)
}
