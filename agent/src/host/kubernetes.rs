//! A client of the API server that is exactly as privileged as the kubelet: it uses the kubelet's own kubeconfig.

use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};

use super::path;
use super::root::Root;

/// No call to the API server takes longer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kubeconfig is missing or does not parse.
    #[error("reading the kubelet's kubeconfig `{}`", path::KUBECONFIG)]
    Kubeconfig {
        /// What is wrong with it.
        #[source]
        source: kube::config::KubeconfigError,
    },
    /// A client cannot be made of it.
    #[error("making a client of the kubelet's kubeconfig")]
    Client {
        /// What is wrong.
        #[source]
        source: kube::Error,
    },
}

/// A client with the kubelet's identity.
pub async fn client(root: &Root) -> Result<kube::Client, Error> {
    let kubeconfig = Kubeconfig::read_from(root.path(path::KUBECONFIG))
        .map_err(|source| Error::Kubeconfig { source })?;
    let mut config =
        kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|source| Error::Kubeconfig { source })?;
    config.connect_timeout = Some(DEADLINE);
    config.read_timeout = Some(DEADLINE);
    config.write_timeout = Some(DEADLINE);
    kube::Client::try_from(config).map_err(|source| Error::Client { source })
}
