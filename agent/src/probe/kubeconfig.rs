//! Can the kubelet's kubeconfig be used, and is there the authority that it is to trust?

use std::path::Path;

use node::chain::Chain;
use node::finding;

use super::Outcome;
use crate::host::connect;
use crate::host::kubernetes::{Access, Error};
use crate::host::path;
use crate::host::root::Root;

/// Whether the file with the cluster's authority holds one.
pub fn authority(root: &Root) -> Outcome {
    match connect::authorities(root, Path::new(path::CA)) {
        Ok(_) => Outcome::Passed,
        Err(error) => Outcome::fault(
            &finding::KUBELET_CLIENT_CA_MISSING,
            Chain(&error).to_string(),
        ),
    }
}

/// What it means that the kubeconfig was read, or not. Where the kubelet still has to ask for its certificate
/// (`is_awaited`), it is the kubelet that writes it.
pub fn judge(read: &Result<Access, Error>, is_awaited: bool) -> Outcome {
    let Err(error) = read else {
        return Outcome::Passed;
    };
    let said = Chain(error).to_string();
    match error {
        Error::Kubeconfig { .. } if is_awaited => Outcome::CannotTell(said),
        Error::Kubeconfig { .. } => Outcome::fault(&finding::JOIN_KUBECONFIG_INVALID, said),
        Error::Connect { .. } => Outcome::fault(&finding::NETWORK_PROXY_FAILED, said),
        Error::Client { .. } => Outcome::CannotTell(said),
    }
}

/// Whether the kubelet has yet to write its kubeconfig.
pub fn is_awaited(root: &Root) -> bool {
    !root.exists(path::KUBECONFIG) && root.exists(path::BOOTSTRAP_KUBECONFIG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::connect::Patience;
    use crate::host::environment::Environment;

    async fn judged(root: &Root) -> Outcome {
        let read = Access::read(root, &Environment::default(), Patience::default()).await;
        judge(&read, is_awaited(root))
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_missing_or_no_yaml_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        assert_eq!(judged(&root).await.told().0, "join.kubeconfig_invalid");
        root.write(path::KUBECONFIG, b"clusters: [", 0o600).unwrap();
        assert_eq!(judged(&root).await.told().0, "join.kubeconfig_invalid");
    }

    #[tokio::test]
    async fn a_kubeconfig_that_the_kubelet_is_to_write_is_awaited() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        root.write(path::BOOTSTRAP_KUBECONFIG, b"{}", 0o600)
            .unwrap();
        assert_eq!(judged(&root).await.told().0, "cannot tell");
    }

    #[test]
    fn an_authority_that_is_missing_or_no_certificate_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::new(directory.path());
        let missing =
            "the authorities to trust in `/etc/kubernetes/pki/ca.crt`: there is no such file";
        assert_eq!(
            authority(&root).told(),
            ("kubelet.client_ca_missing", missing)
        );
        root.write(path::CA, b"hello", 0o644).unwrap();
        assert_eq!(authority(&root).told().0, "kubelet.client_ca_missing");
    }
}
