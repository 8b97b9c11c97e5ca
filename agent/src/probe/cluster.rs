//! After a 401: is the configured cluster the one behind the configured endpoint? EKS is asked for it by its name.
//!
//! A name that is wrong is claimed only when EKS says so. Whoever may not ask it, or cannot, learns nothing here.

use std::collections::BTreeSet;

use http::Uri;
use node::chain::Chain;
use node::finding;
use node::token::Credentials;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::timeout;

use super::{DEADLINE, Outcome, PATIENCE};
use crate::host::aws::eks::{self, Cluster};
use crate::host::aws::once::{Error, Said};
use crate::host::environment::Environment;
use crate::host::root::Root;
use crate::plan::Summary;

/// What the node was told of its cluster.
#[derive(Debug, Clone, Copy)]
pub struct Configured<'a> {
    /// Name of the cluster.
    pub name: &'a str,
    /// Its region.
    pub region: &'a str,
    /// URL of the API server.
    pub endpoint: &'a str,
    /// Whom to trust there, PEM.
    pub authority: &'a [u8],
    /// ARN of the node's role.
    pub role_arn: &'a str,
}

/// Asks EKS. `None`: it does not answer in time.
pub async fn ask(
    root: &Root,
    environment: &Environment,
    summary: &Summary,
    credentials: &Credentials,
) -> Option<Result<Said<Cluster>, Error>> {
    let scope = (summary.region.as_str(), summary.cluster.as_str());
    if !eks::is_cluster_name(&summary.cluster) {
        return Some(Ok(Said::Refused {
            code: NO_NAME.to_owned(),
            message: String::new(),
        }));
    }
    let asking = eks::describe_cluster(root, environment, credentials, scope, PATIENCE);
    timeout(DEADLINE, asking).await.ok()
}

/// Stands for EKS' answer where its rules for names are answer enough.
const NO_NAME: &str = "no name of a cluster";

/// What the answer means.
pub fn judge(asked: Option<&Result<Said<Cluster>, Error>>, configured: Configured<'_>) -> Outcome {
    let Configured { name, region, .. } = configured;
    let mismatch = |seen: String| Outcome::fault(&finding::JOIN_CLUSTER_NAME_MISMATCH, seen);
    let (code, message) = match asked {
        Some(Ok(Said::Known(cluster))) => {
            return match difference(cluster, configured) {
                Some(seen) => mismatch(seen),
                None => Outcome::Passed,
            };
        }
        Some(Ok(Said::Refused { code, message })) => (code.as_str(), message),
        Some(Err(error)) => return Outcome::CannotTell(Chain(error).to_string()),
        None => {
            return Outcome::CannotTell(format!(
                "EKS does not answer within {} s",
                DEADLINE.as_secs()
            ));
        }
    };
    match code {
        NO_NAME => mismatch(format!("`{name}` cannot be the name of a cluster of EKS")),
        "ResourceNotFoundException" => mismatch(format!(
            "EKS has no cluster `{name}` in {region}: {code}: {message}"
        )),
        "AccessDeniedException" | "AccessDenied" => Outcome::CannotTell(format!(
            "whether `{name}` is the name of this cluster is not known: {} may not call eks:DescribeCluster",
            configured.role_arn
        )),
        _ => Outcome::CannotTell(format!(
            "EKS does not tell of the cluster `{name}`: {code}: {message}"
        )),
    }
}

/// In what the cluster of this name differs from the configured one; `None` when it is the same. One cluster can be
/// reached under several names, and a bundle can hold several authorities: two clusters share neither.
fn difference(cluster: &Cluster, configured: Configured<'_>) -> Option<String> {
    if cluster.endpoint.is_empty() || cluster.authority.is_empty() {
        return None;
    }
    let host = |url: &str| {
        let uri: Option<Uri> = url.parse().ok();
        uri.and_then(|uri| Some(uri.host()?.to_ascii_lowercase()))
    };
    let is_same_host = host(&cluster.endpoint) == host(configured.endpoint);
    let ours = certificates(configured.authority);
    let is_same_authority = certificates(cluster.authority.as_bytes())
        .iter()
        .any(|authority| ours.contains(authority));
    (!is_same_host && !is_same_authority).then(|| {
        format!(
            "the cluster `{}` of EKS is at {}, with another certificate authority; configured is {}",
            configured.name,
            cluster.endpoint,
            configured.endpoint.trim_end_matches('/')
        )
    })
}

fn certificates(pem: &[u8]) -> BTreeSet<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem)
        .filter_map(|certificate| Some(certificate.ok()?.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const THEIRS: &str = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";

    fn judged(asked: Option<&Result<Said<Cluster>, Error>>) -> Outcome {
        judge(
            asked,
            Configured {
                name: "prod",
                region: "eu-west-1",
                endpoint: "https://ours.example/",
                authority: OURS.as_bytes(),
                role_arn: "arn:aws:iam::1:role/node",
            },
        )
    }

    fn known(endpoint: &str, authority: &str) -> Outcome {
        judged(Some(&Ok(Said::Known(Cluster {
            endpoint: endpoint.into(),
            authority: authority.into(),
        }))))
    }

    fn refused(code: &str) -> Outcome {
        judged(Some(&Ok(Said::Refused {
            code: code.into(),
            message: "No cluster found for name: prod.".into(),
        })))
    }

    #[test]
    fn a_name_that_eks_does_not_know_is_wrong() {
        assert_eq!(
            refused("ResourceNotFoundException").told(),
            (
                "join.cluster_name_mismatch",
                "EKS has no cluster `prod` in eu-west-1: ResourceNotFoundException: No cluster found for name: prod."
            )
        );
        assert_eq!(
            refused(NO_NAME).told(),
            (
                "join.cluster_name_mismatch",
                "`prod` cannot be the name of a cluster of EKS"
            )
        );
    }

    #[test]
    fn a_name_of_another_cluster_is_wrong_and_another_way_to_the_same_one_is_not() {
        assert_eq!(
            known("https://theirs.example", THEIRS).told(),
            (
                "join.cluster_name_mismatch",
                "the cluster `prod` of EKS is at https://theirs.example, with another certificate authority; configured is https://ours.example"
            )
        );
        let both = format!("{THEIRS}{OURS}");
        for (endpoint, authority) in [
            ("https://OURS.example", THEIRS),
            ("https://theirs.example", OURS),
            ("https://theirs.example", both.as_str()),
            ("", ""),
        ] {
            assert_eq!(known(endpoint, authority), Outcome::Passed, "{endpoint}");
        }
    }

    #[test]
    fn who_may_not_ask_learns_nothing() {
        assert_eq!(
            refused("AccessDeniedException").told(),
            (
                "cannot tell",
                "whether `prod` is the name of this cluster is not known: arn:aws:iam::1:role/node may not call eks:DescribeCluster"
            )
        );
        assert_eq!(refused("ServerException").told().0, "cannot tell");
        assert_eq!(judged(None).told().1, "EKS does not answer within 5 s");
    }
}
