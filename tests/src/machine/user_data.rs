//! What a machine is told by its user data: files as node group tools write them, with placeholders where the cluster
//! differs from lab to lab.

use thiserror::Error;

use crate::{cluster::Cluster, file::FileError, lifecycle::Lab};

/// What an EKS managed node group with a launch template of its user's writes.
pub const DEFAULT: &[u8] = include_bytes!("../../cases/producers/eks-managed/user-data");

/// Why there is no user data.
#[derive(Debug, Error)]
pub enum UserDataError {
    /// The cluster's certificate authority could not be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Lab {
    /// User data in which the placeholders are replaced. Bytes that are no text (gzip, for example) are left as they are.
    pub fn fill_in(&self, template: &[u8]) -> Result<Vec<u8>, UserDataError> {
        let Ok(text) = std::str::from_utf8(template) else {
            return Ok(template.to_vec());
        };
        let authority = Cluster::certificate_authority(&self.layout)?;
        let endpoint = self.cluster.endpoint();
        Ok(replace(
            text,
            &[
                ("${CLUSTER_NAME}", &self.cluster.name),
                ("${API_SERVER_ENDPOINT}", &endpoint),
                ("${CERTIFICATE_AUTHORITY}", &authority),
                ("${SERVICE_CIDR}", &self.cluster.service_cidr),
            ],
        )
        .into_bytes())
    }
}

fn replace(text: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(name, value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_occurrence_of_a_placeholder_is_replaced() {
        assert_eq!(replace("${A} ${B} ${A}", &[("${A}", "1")]), "1 ${B} 1");
    }

    #[test]
    fn the_default_names_the_whole_cluster() {
        let text = std::str::from_utf8(DEFAULT).unwrap();
        for name in [
            "CLUSTER_NAME",
            "API_SERVER_ENDPOINT",
            "CERTIFICATE_AUTHORITY",
            "SERVICE_CIDR",
        ] {
            assert!(text.contains(&format!("${{{name}}}")), "{name}");
        }
    }
}
