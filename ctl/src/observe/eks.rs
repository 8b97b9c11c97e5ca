//! The cluster as EKS describes it.

pub(super) mod described;

use aws_sdk_eks::types::ClusterStatus;

use super::aws::{self, Aws};

const ACTION: &str = "eks:DescribeCluster";
const DESCRIBE_ACCESS_ENTRY: &str = "eks:DescribeAccessEntry";

/// Why the cluster is not known.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// EKS does not know it.
    #[error("EKS knows no cluster `{cluster}` in region `{region}`")]
    NotFound {
        /// Name that was asked for.
        cluster: String,
        /// Region that was asked.
        region: String,
    },
    /// It is being created or has failed, and has no API server yet.
    #[error("cluster `{cluster}` has no API server yet: it is `{status}`")]
    NoEndpoint {
        /// Name of the cluster.
        cluster: String,
        /// Status that EKS reports.
        status: String,
    },
    /// EKS did not answer.
    #[error(transparent)]
    Aws(#[from] aws::Error),
}

impl Error {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound { region, .. } => {
                vec![format!(
                    "`aws eks list-clusters --region {region}` shows those of this region; another is chosen with `--region`"
                )]
            }
            Self::NoEndpoint { cluster, .. } => vec![format!(
                "`aws eks wait cluster-active --name {cluster}` returns when it has one"
            )],
            Self::Aws(error) => error.hints(),
        }
    }
}

/// What is needed to reach a cluster's API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterFacts {
    /// Name.
    pub name: String,
    /// ARN, which `aws eks update-kubeconfig` uses as name of the entries.
    pub arn: String,
    /// URL of the API server.
    pub endpoint: String,
    /// Certificate authority of the API server: PEM, in base64 as EKS gives it.
    pub certificate_authority: String,
}

/// Asks EKS for a cluster.
pub async fn describe_cluster(aws: &Aws, name: &str) -> Result<ClusterFacts, Error> {
    let answer = aws
        .eks()
        .describe_cluster()
        .name(name)
        .send()
        .await
        .map_err(|error| {
            let error = aws::Error::of_call(ACTION, format!("cluster `{name}`"), error);
            if error.code() == Some("ResourceNotFoundException") {
                return Error::NotFound {
                    cluster: name.into(),
                    region: aws.region().into(),
                };
            }
            Error::Aws(error)
        })?;
    let cluster = answer.cluster();
    let status = cluster
        .and_then(|cluster| cluster.status())
        .map_or("UNKNOWN", ClusterStatus::as_str);
    let not_yet = || Error::NoEndpoint {
        cluster: name.to_owned(),
        status: status.to_owned(),
    };
    let cluster = cluster.ok_or_else(not_yet)?;
    let certificate_authority = cluster
        .certificate_authority()
        .and_then(|authority| authority.data());
    Ok(ClusterFacts {
        name: name.to_owned(),
        arn: cluster.arn().unwrap_or(name).to_owned(),
        endpoint: cluster.endpoint().ok_or_else(not_yet)?.to_owned(),
        certificate_authority: certificate_authority.ok_or_else(not_yet)?.to_owned(),
    })
}

/// Type of the access entry of a role, such as `EC2_LINUX`; none where there is no entry.
pub async fn access_entry(
    aws: &Aws,
    cluster: &str,
    role_arn: &str,
) -> Result<Option<String>, aws::Error> {
    let answer = aws
        .eks()
        .describe_access_entry()
        .cluster_name(cluster)
        .principal_arn(role_arn)
        .send()
        .await;
    match answer {
        Ok(answer) => {
            let entry = answer.access_entry();
            let kind = entry.and_then(|entry| entry.r#type()).unwrap_or_default();
            Ok(Some(kind.to_owned()))
        }
        Err(error) => {
            let object = format!("`{role_arn}` in cluster `{cluster}`");
            let error = aws::Error::of_call(DESCRIBE_ACCESS_ENTRY, object, error);
            if error.code() == Some("ResourceNotFoundException") {
                return Ok(None);
            }
            Err(error)
        }
    }
}
