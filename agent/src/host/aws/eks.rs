//! EKS, asked what it knows of the cluster that this node was told to join.
//!
//! <https://docs.aws.amazon.com/eks/latest/APIReference/API_DescribeCluster.html>; `AmazonEKSWorkerNodePolicy` allows
//! it, and a role that may not call it joins all the same.

use jiff::Timestamp;
use k8s_openapi::ByteString;
use node::token::Credentials;
use serde::Deserialize;

use super::once::{self, Answer, Error, Said};
use super::{endpoint, sign};
use crate::host::connect::Patience;
use crate::host::environment::Environment;
use crate::host::root::Root;

const SERVICE: &str = "EKS";
/// A cluster takes 3 KiB; with many subnets, tags and health issues some more.
const MAXIMUM_BYTES: usize = 128 * 1024;

/// What EKS says of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cluster {
    /// URL of its API server; empty while it is being created.
    pub endpoint: String,
    /// Its certificate authority, PEM; empty while it is being created.
    pub authority: String,
}

#[derive(Deserialize)]
struct Document {
    cluster: Described,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    endpoint: Option<String>,
    certificate_authority: Option<Authority>,
}

#[derive(Deserialize)]
struct Authority {
    data: Option<ByteString>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(alias = "Message")]
    message: Option<String>,
}

/// Whether EKS allows this name: what is none needs no asking, and could not stand in a URL as it is.
/// Source: the pattern of `name` in `CreateCluster`.
pub fn is_cluster_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric();
    name.len() <= 100
        && name.bytes().next().is_some_and(is_plain)
        && name
            .bytes()
            .all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_'))
}

/// Asks EKS of this region for the cluster of this name.
pub async fn describe_cluster(
    root: &Root,
    environment: &Environment,
    credentials: &Credentials,
    (region, name): (&str, &str),
    patience: Patience,
) -> Result<Said<Cluster>, Error> {
    let url = format!("{}/clusters/{name}", endpoint::eks(environment, region));
    let request =
        sign::get(credentials, ("eks", region), &url, Timestamp::now()).map_err(|source| {
            Error::Request {
                service: SERVICE,
                source,
            }
        })?;
    let answer = once::send(root, environment, SERVICE, request, patience, MAXIMUM_BYTES).await?;
    Ok(read(&answer))
}

fn read(answer: &Answer) -> Said<Cluster> {
    if answer.status.is_success()
        && let Ok(document) = serde_json::from_str::<Document>(&answer.body)
    {
        let data = document.cluster.certificate_authority;
        let authority = data
            .and_then(|authority| authority.data)
            .and_then(|pem| String::from_utf8(pem.0).ok());
        return Said::Known(Cluster {
            endpoint: document.cluster.endpoint.unwrap_or_default(),
            authority: authority.unwrap_or_default(),
        });
    }
    let message = serde_json::from_str::<Refusal>(&answer.body)
        .ok()
        .and_then(|refusal| refusal.message);
    answer.refused(answer.error_type.as_deref(), message.as_deref())
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn a_cluster_and_a_refusal_are_read() {
        let known = Answer {
            status: StatusCode::OK,
            error_type: None,
            body: r#"{"cluster": {"name": "prod", "endpoint": "https://a.example", "certificateAuthority": {"data": "UEVN"}, "status": "ACTIVE"}}"#.into(),
        };
        assert_eq!(
            read(&known),
            Said::Known(Cluster {
                endpoint: "https://a.example".into(),
                authority: "PEM".into(),
            })
        );
        let creating = Answer {
            body:
                r#"{"cluster": {"name": "prod", "endpoint": null, "certificateAuthority": null}}"#
                    .into(),
            ..known
        };
        assert_eq!(read(&creating), Said::Known(Cluster::default()));
        let missing = Answer {
            status: StatusCode::NOT_FOUND,
            error_type: Some("ResourceNotFoundException".into()),
            body: r#"{"message": "No cluster found for name: prod.", "clusterName": null}"#.into(),
        };
        assert_eq!(
            read(&missing),
            Said::Refused {
                code: "ResourceNotFoundException".into(),
                message: "No cluster found for name: prod.".into(),
            }
        );
    }

    #[test]
    fn only_what_eks_allows_is_a_name() {
        for name in ["prod", "9-lives_x"] {
            assert!(is_cluster_name(name), "{name}");
        }
        for name in ["", "-a", "a/b", "a b", "a%2e", &"a".repeat(101)] {
            assert!(!is_cluster_name(name), "{name}");
        }
    }
}
